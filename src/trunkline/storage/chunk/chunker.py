"""Cuts content into chunks whose borders depend on the content only.

The parameters are part of the storage format: with others, equal files would get other chunks and other hashes.
"""

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
    """Takes a file's bytes as they come and gives them back as chunks. Holds about 8 MiB at most."""

    def __init__(self) -> None:
        self._buffer = bytearray()

    def feed(self, data: bytes | memoryview) -> Iterator[memoryview]:
        """Take data and yield the chunks that are complete whatever comes after them."""
        for start in range(0, len(data), _BUFFER_BYTES):
            self._buffer += data[start : start + _BUFFER_BYTES]
            if len(self._buffer) >= _BUFFER_BYTES:
                yield from self._take(cut(self._buffer)[:-1])

    def finish(self) -> Iterator[memoryview]:
        """Yield the remaining chunks; the chunker is then ready for another file."""
        yield from self._take(cut(self._buffer))

    def _take(self, lengths: list[int]) -> Iterator[memoryview]:
        # The chunks are windows on the old buffer, which nobody changes any more.
        view = memoryview(self._buffer)
        self._buffer = self._buffer[sum(lengths) :]
        start = 0
        for length in lengths:
            yield view[start : start + length]
            start += length
