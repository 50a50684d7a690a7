"""Uploads to stores that want a key and all bytes at once."""

from collections.abc import Callable, Sequence
from typing import TypeAlias

Put: TypeAlias = Callable[[str, memoryview], None]


class BufferedUpload:
    """Keeps an object in memory until it has its key."""

    def __init__(self, put: Put) -> None:
        self._put = put
        self._data = bytearray()

    def write(self, pieces: Sequence[bytes | memoryview]) -> None:
        """Append pieces."""
        for piece in pieces:
            self._data += piece

    def store(self, key: str) -> None:
        """Put all at once."""
        self._put(key, memoryview(self._data))

    def discard(self) -> None:
        """Free the memory."""
        self._data = bytearray()
