"""Objects of a remote service (S3, Google Cloud Storage, Azure), through obstore."""

from collections.abc import Hashable, Iterator, Sequence
from contextlib import contextmanager

import obstore
from obstore.exceptions import BaseError
from obstore.store import ObjectStore as RemoteStore

from trunkline.errors import UnavailableError
from trunkline.objects.buffered import BufferedUpload
from trunkline.objects.store import ObjectNotFoundError


class RemoteObjectStore:
    """An object store behind any store that obstore can open."""

    def __init__(self, store: RemoteStore) -> None:
        self._store = store

    def put(self, key: str, data: bytes | memoryview) -> None:
        """Store data; the service acknowledges what is durable."""
        with _errors(key):
            obstore.put(self._store, key, data)

    def begin(self) -> BufferedUpload:
        """Begin an object in memory."""
        return BufferedUpload(self.put)

    def get(self, key: str) -> bytes:
        """Return the object."""
        with _errors(key):
            return obstore.get(self._store, key).bytes().to_bytes()

    def get_range(self, key: str, start: int, length: int) -> bytes:
        """Return a piece of the object."""
        return self.get_ranges(key, [(start, length)])[0]

    def get_ranges(self, key: str, ranges: Sequence[tuple[int, int]]) -> list[bytes]:
        """Return pieces of the object; obstore joins those that lie close to each other."""
        wanted = [(start, length) for start, length in ranges if length]
        if not wanted:
            return [b""] * len(ranges)
        with _errors(key):
            found = obstore.get_ranges(
                self._store, key, starts=[start for start, _ in wanted], lengths=[length for _, length in wanted]
            )
        pieces = iter(found)
        return [next(pieces).to_bytes() if length else b"" for _, length in ranges]

    def size(self, key: str) -> int | None:
        """Return the object's length."""
        try:
            with _errors(key):
                return obstore.head(self._store, key)["size"]
        except ObjectNotFoundError:
            return None

    def look(self, key: str) -> Hashable:
        """Return the same for all objects: nobody changes one in place there, and a request takes long."""
        return ""

    def list(self, prefix: str) -> Iterator[str]:
        """Yield the keys under prefix."""
        # obstore's prefixes are whole path elements.
        directory, _, _ = prefix.rpartition("/")
        keys: list[str] = []
        with _errors(prefix):
            for page in obstore.list(self._store, prefix=directory or None):
                keys.extend(entry["path"] for entry in page)
        yield from sorted(key for key in keys if key.startswith(prefix))

    def delete_unless_renewed(self, key: str, since: int) -> bool:
        """Remove the object, unless the service has a later time for it.

        Services have no such request: one that is put between the look and the deletion is lost. The grace period of
        garbage collection makes that the time of one request for an object that nobody has wanted for hours.
        """
        try:
            with _errors(key):
                if obstore.head(self._store, key)["last_modified"].timestamp() * 1e6 > since:
                    return False
        except ObjectNotFoundError:
            return True
        self.delete(key)
        return True

    def recover(self) -> None:
        """Do nothing: a deletion is one step."""

    def delete(self, key: str) -> None:
        """Remove the object."""
        try:
            with _errors(key):
                obstore.delete(self._store, key)
        except ObjectNotFoundError:
            return


@contextmanager
def _errors(key: str) -> Iterator[None]:
    try:
        yield
    except FileNotFoundError:
        raise ObjectNotFoundError(key) from None
    except (BaseError, OSError) as error:
        raise UnavailableError(f"object store failed on {key!r}: {error}") from error
