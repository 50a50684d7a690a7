"""Reading ranges of files: a stream for each open file stays ahead of its reader."""

import threading

from trunkline.client.mount.ahead import SmallFiles
from trunkline.client.mount.blocks import BlockCache
from trunkline.client.mount.files import Bytes, FileEntry, Files

BLOCK_BYTES = 1 << 20
_BLOCKS_TO_READ_OVER = 4


class Reader:
    """An open file. Threads may share it.

    A stream from the server stays open where the last block ended. So the block after it is on its way while the
    reader works on this one: the transport receives a window full of bytes ahead, and the server waits when it is full.
    """

    def __init__(
        self,
        files: Files,
        entry: FileEntry,
        cache: BlockCache,
        *,
        small: SmallFiles | None = None,
        block_bytes: int = BLOCK_BYTES,
    ) -> None:
        self._files = files
        self._entry = entry
        self._cache = cache
        self._small = small
        self._block_bytes = block_bytes
        self._stream: Bytes | None = None
        self._next_block = 0
        self._rest = b""
        self._lock = threading.Lock()

    def read(self, size: int, offset: int) -> bytes:
        """Return what the file has from offset on, size bytes unless it ends before."""
        end = min(offset + size, self._entry.size)
        if end <= offset:
            return b""
        first, last = offset // self._block_bytes, (end - 1) // self._block_bytes
        content = b"".join(self._block(index) for index in range(first, last + 1))
        start = offset - first * self._block_bytes
        return content[start : start + end - offset]

    def close(self) -> None:
        """End the stream."""
        with self._lock:
            self._stop()

    def _block(self, index: int) -> bytes:
        key = (self._files.name, self._entry.path, index)
        if (block := self._cache.get(key)) is not None:
            return block
        if self._small is not None and (block := self._small.load(self._entry)) is not None:
            return block
        with self._lock:
            # Another thread may have been here while this one waited.
            if (block := self._cache.get(key)) is not None:
                return block
            try:
                return self._fetch(index)
            except BaseException:
                self._stop()
                raise

    def _fetch(self, index: int) -> bytes:
        if self._stream is None or not 0 <= index - self._next_block <= _BLOCKS_TO_READ_OVER:
            self._stop()
            self._stream = self._files.stream(self._entry.path, index * self._block_bytes)
            self._next_block = index
        while True:
            block = self._take_block(self._stream)
            self._cache.put((self._files.name, self._entry.path, self._next_block), block)
            self._next_block += 1
            if self._next_block > index:
                break
        if self._next_block * self._block_bytes >= self._entry.size:
            self._stop()
        return block

    def _take_block(self, stream: Bytes) -> bytes:
        pieces, count = [self._rest], len(self._rest)
        while count < self._block_bytes and (piece := next(stream, None)) is not None:
            pieces.append(piece)
            count += len(piece)
        content = b"".join(pieces)
        self._rest = content[self._block_bytes :]
        return content[: self._block_bytes]

    def _stop(self) -> None:
        if self._stream is not None:
            self._stream.cancel()
        self._stream, self._rest = None, b""
