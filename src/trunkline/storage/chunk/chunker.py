"""Cuts content into chunks whose borders depend on the content only.

The parameters are part of the storage format: with others, equal files would get other chunks and other hashes.
"""

import os
from collections.abc import Iterable, Iterator
from typing import Literal, Protocol

import pyfastcdc

from trunkline.errors import NotSupportedError

CHUNK_BYTES_MIN = 256 * 1024
CHUNK_BYTES_AVERAGE = 1024 * 1024
CHUNK_BYTES_MAX = 4 * 1024 * 1024
_NORMALISATION: Literal[1] = 1
_SEED = 0
_BUFFER_BYTES = 2 * CHUNK_BYTES_MAX
_READ_BYTES = 1024 * 1024


class _Cutter(Protocol):
    def cut_buf(self, buf: bytes | bytearray | memoryview) -> "Iterable[_Cut]": ...


class _Cut(Protocol):
    length: int


def _open_cutter() -> _Cutter:
    if not pyfastcdc.FastCDC.__module__.startswith("pyfastcdc.cy"):
        raise NotSupportedError(
            "pyfastcdc lacks its compiled part on this platform and would be a hundred times slower: "
            "install a wheel of it, or a C compiler and then pyfastcdc from source"
        )
    return pyfastcdc.FastCDC(
        avg_size=CHUNK_BYTES_AVERAGE,
        min_size=CHUNK_BYTES_MIN,
        max_size=CHUNK_BYTES_MAX,
        normalized_chunking=_NORMALISATION,
        seed=_SEED,
    )


_CUTTER = _open_cutter()


def cut(data: bytes | bytearray | memoryview) -> list[int]:
    """Return the lengths of the chunks of data, as if data were a whole file."""
    if len(data) <= CHUNK_BYTES_MIN:
        return [len(data)] if len(data) else []
    return [piece.length for piece in _CUTTER.cut_buf(data)]


class Chunker:
    """Takes a file's bytes as they come and gives them back as chunks: windows on buffers of the chunker's own.

    A buffer is used again once nobody holds a chunk in it, so that the memory of a large file is that of a few buffers,
    which the processor and the kernel know already.
    """

    def __init__(self) -> None:
        self._buffers: list[bytearray] = []
        self._view = memoryview(b"")
        self._start = 0
        self._end = 0

    def feed(self, data: bytes | memoryview) -> Iterator[memoryview]:
        """Take data and yield the chunks that are complete whatever comes after them."""
        start = 0
        while start < len(data):
            if self._end == len(self._view):
                yield from self._make_room()
            piece = data[start : start + len(self._view) - self._end]
            self._view[self._end : self._end + len(piece)] = piece
            self._end += len(piece)
            start += len(piece)

    def feed_from(self, descriptor: int) -> Iterator[memoryview]:
        """Take what a descriptor gives until its end, as `feed` does."""
        while True:
            if self._end == len(self._view):
                yield from self._make_room()
            count = os.readv(descriptor, [self._view[self._end : self._end + _READ_BYTES]])
            if not count:
                return
            self._end += count

    def finish(self) -> Iterator[memoryview]:
        """Yield the remaining chunks; the chunker is then ready for another file."""
        yield from self._take(cut(self._view[self._start : self._end]))

    def _make_room(self) -> Iterator[memoryview]:
        """Yield the complete chunks of a full buffer and go on in another, with what is left at its start."""
        yield from self._take(cut(self._view[self._start : self._end])[:-1])
        rest = self._view[self._start : self._end]
        self._view = memoryview(self._free_buffer())
        self._view[: len(rest)] = rest
        self._start, self._end = 0, len(rest)

    def _take(self, lengths: list[int]) -> Iterator[memoryview]:
        for length in lengths:
            start = self._start
            self._start += length
            yield self._view[start : start + length]

    def _free_buffer(self) -> bytearray:
        for buffer in self._buffers:
            if _is_free(buffer):
                return buffer
        buffer = bytearray(_BUFFER_BYTES)
        self._buffers.append(buffer)
        return buffer


def _is_free(buffer: bytearray) -> bool:
    """Tell whether nobody looks at a buffer: only then may it change its size."""
    try:
        buffer.append(buffer.pop())
    except BufferError:
        return False
    return True
