"""Objects in memory, for tests and experiments."""

import time
from collections.abc import Hashable, Iterator, Sequence
from threading import Lock

from trunkline.objects.buffered import BufferedUpload
from trunkline.objects.store import ObjectNotFoundError


class MemoryObjectStore:
    """An object store that is gone with the process."""

    def __init__(self) -> None:
        self._objects: dict[str, bytes] = {}
        self._renewed: dict[str, int] = {}
        self._lock = Lock()

    def put(self, key: str, data: bytes | memoryview) -> None:
        """Keep a copy of data."""
        with self._lock:
            self._objects[key] = bytes(data)
            self._renewed[key] = time.time_ns() // 1000

    def begin(self) -> BufferedUpload:
        """Begin an object in memory."""
        return BufferedUpload(self.put)

    def get(self, key: str) -> bytes:
        """Return the object."""
        try:
            return self._objects[key]
        except KeyError:
            raise ObjectNotFoundError(key) from None

    def get_range(self, key: str, start: int, length: int) -> bytes:
        """Return a piece of the object."""
        return self.get(key)[start : start + length]

    def get_ranges(self, key: str, ranges: Sequence[tuple[int, int]]) -> list[bytes]:
        """Return pieces of the object."""
        data = self.get(key)
        return [data[start : start + length] for start, length in ranges]

    def size(self, key: str) -> int | None:
        """Return the object's length."""
        data = self._objects.get(key)
        return None if data is None else len(data)

    def look(self, key: str) -> Hashable:
        """Return a number made of the bytes."""
        data = self._objects.get(key)
        return None if data is None else hash(data)

    def list(self, prefix: str) -> Iterator[str]:
        """Yield the keys under prefix."""
        yield from sorted(key for key in tuple(self._objects) if key.startswith(prefix))

    def delete_unless_renewed(self, key: str, since: int) -> bool:
        """Forget the object, unless it was put later."""
        with self._lock:
            if self._renewed.get(key, 0) > since:
                return False
            self._objects.pop(key, None)
            return True

    def recover(self) -> None:
        """Do nothing: a deletion is one step."""

    def delete(self, key: str) -> None:
        """Forget the object."""
        self._objects.pop(key, None)
