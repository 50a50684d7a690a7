"""What an object store is."""

from collections.abc import Hashable, Iterator, Sequence
from typing import Protocol

from trunkline.errors import NotFoundError


class ObjectNotFoundError(NotFoundError):
    """No object has that key."""

    def __init__(self, key: str) -> None:
        super().__init__(f"no object {key!r}")
        self.key = key


class Upload(Protocol):
    """An object on its way: its bytes come first, in order, and its key at the end. For one thread at a time.

    One that is given up, by `discard` or by nobody holding it any more, leaves nothing.
    """

    def write(self, pieces: Sequence[bytes | memoryview]) -> None:
        """Append pieces. They are free to change when this returns."""

    def store(self, key: str) -> None:
        """Store the object under its key, as `ObjectStore.put` does. The last call."""

    def discard(self) -> None:
        """Give the object up. Harmless after `store`."""


class ObjectStore(Protocol):
    """Write-once blobs by key. A key always names the same bytes, so readers need no locks.

    Keys are relative paths of plain characters: ``packs/ab/cdef``. Safe for use from many threads.
    """

    def put(self, key: str, data: bytes | memoryview) -> None:
        """Store data. When this returns, the object survives a power cut.

        Atomic: a reader sees the whole object or none. Putting the same object again is harmless, renews it for
        `delete_unless_renewed`, and makes it whole if what was stored is damaged.
        """

    def begin(self) -> Upload:
        """Begin an object whose key is not known yet, so that it need not be held in memory."""

    def get(self, key: str) -> bytes:
        """Return the object, or raise ObjectNotFoundError."""

    def get_range(self, key: str, start: int, length: int) -> bytes:
        """Return length bytes from start on; fewer where the object ends. Raise ObjectNotFoundError."""

    def get_ranges(self, key: str, ranges: Sequence[tuple[int, int]]) -> list[bytes]:
        """Return one piece for each (start, length), as `get_range` does."""

    def size(self, key: str) -> int | None:
        """Return the object's length in bytes, or None if there is no such object."""

    def look(self, key: str) -> Hashable:
        """Return what the object looks like from outside, without reading it; None if it is known to be missing.

        It differs once the file of an object was changed by a program; a disk that rots does so unseen.
        """

    def list(self, prefix: str) -> Iterator[str]:
        """Yield the keys that start with prefix, in byte order. May miss keys that are put during the call."""

    def delete_unless_renewed(self, key: str, since: int) -> bool:
        """Remove the object and return True, or leave it if it was put after since (microseconds since 1970).

        So a writer that puts the object again and then refers to it does not lose it.
        """

    def recover(self) -> None:
        """Undo deletions that the end of a process cut short. For the one process that deletes, before it does."""

    def delete(self, key: str) -> None:
        """Remove the object. An absent one is no error."""
