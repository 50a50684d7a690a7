"""How chunks are stored: raw, or zstd where a probe of them says that it pays."""

from collections.abc import Sequence
from enum import IntEnum
from threading import local
from typing import TypeAlias

import zstandard

from trunkline.errors import CorruptDataError

PROBE_BYTES = 8 * 1024
WORTH_IT = 0.9
_LEVEL = 1
_COMPRESSED_BYTES_MIN = 64
_PROBED_FROM = 2 * PROBE_BYTES
_MANY = 8


class Codec(IntEnum):
    """The numbers are part of the storage format."""

    RAW = 0
    ZSTD = 1


Encoded: TypeAlias = tuple[Codec, bytes | memoryview]


class _Contexts(local):
    """zstd contexts are costly to make and not to be shared between threads."""

    def __init__(self) -> None:
        self.compressor = zstandard.ZstdCompressor(level=_LEVEL, write_content_size=True)
        self.decompressor = zstandard.ZstdDecompressor()


_contexts = _Contexts()


def encode(chunk: bytes | memoryview) -> Encoded:
    """Return the form in which chunk is stored. Photographs and archives stay as they are."""
    if len(chunk) < _COMPRESSED_BYTES_MIN:
        return Codec.RAW, chunk
    compress = _contexts.compressor.compress
    if len(chunk) > _PROBED_FROM:
        middle = len(chunk) // 2
        if len(compress(chunk[middle : middle + PROBE_BYTES])) > WORTH_IT * PROBE_BYTES:
            return Codec.RAW, chunk
    return _worthwhile(chunk, compress(chunk))


def _worthwhile(chunk: bytes | memoryview, packed: bytes | memoryview) -> Encoded:
    return (Codec.RAW, chunk) if len(packed) > WORTH_IT * len(chunk) else (Codec.ZSTD, packed)


def encode_many(chunks: Sequence[bytes | memoryview]) -> list[Encoded]:
    """Return what `encode` returns for each chunk; many small ones cost much less together."""
    small = [position for position, chunk in enumerate(chunks) if _COMPRESSED_BYTES_MIN <= len(chunk) <= _PROBED_FROM]
    if len(small) < _MANY:
        return [encode(chunk) for chunk in chunks]
    packed = iter(_contexts.compressor.multi_compress_to_buffer([chunks[position] for position in small]))
    encoded: list[Encoded] = []
    for chunk in chunks:
        if not _COMPRESSED_BYTES_MIN <= len(chunk) <= _PROBED_FROM:
            encoded.append(encode(chunk))
            continue
        encoded.append(_worthwhile(chunk, next(packed).tobytes()))
    return encoded


def decode(codec: int, stored: bytes, length: int) -> bytes:
    """Return the chunk of that length, or raise CorruptDataError."""
    if codec == Codec.RAW:
        return stored
    if codec != Codec.ZSTD:
        raise CorruptDataError(f"chunk has the unknown codec {codec}: it was written by a newer version")
    try:
        return _contexts.decompressor.decompress(stored, max_output_size=length)
    except zstandard.ZstdError as error:
        raise CorruptDataError(f"chunk does not decompress: {error}") from None
