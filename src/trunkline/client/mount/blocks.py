"""Blocks of files that were read lately."""

import threading
from collections import OrderedDict

CACHE_BYTES = 64 << 20


class BlockCache:
    """Blocks of files that were read lately, up to a number of bytes."""

    def __init__(self, bytes_max: int = CACHE_BYTES) -> None:
        self._bytes_max = bytes_max
        self._bytes = 0
        self._blocks: OrderedDict[tuple[str, str, int], bytes] = OrderedDict()
        self._lock = threading.Lock()

    def get(self, key: tuple[str, str, int]) -> bytes | None:
        """Return a block, or None."""
        with self._lock:
            block = self._blocks.get(key)
            if block is not None:
                self._blocks.move_to_end(key)
            return block

    def put(self, key: tuple[str, str, int], block: bytes) -> None:
        """Keep a block; the least used ones make room."""
        with self._lock:
            self._bytes += len(block) - len(self._blocks.get(key, b""))
            self._blocks[key] = block
            self._blocks.move_to_end(key)
            while self._bytes > self._bytes_max and len(self._blocks) > 1:
                self._bytes -= len(self._blocks.popitem(last=False)[1])
