"""Packs: immutable objects that hold many chunks back to back and say themselves where each one lies.

    header   "TLPK", version                                            5 bytes
    chunks   stored bytes of each
    entries  hash, offset, stored bytes, length, codec of each chunk    49 bytes each
    trailer  number of entries, BLAKE3 of the entries, "KPLT"           40 bytes

A pack is named by the BLAKE3 of all its bytes.
"""

import struct
from collections.abc import Iterator

from blake3 import blake3

from trunkline.errors import CorruptDataError
from trunkline.objects import ObjectStore, Upload
from trunkline.storage.chunk.refs import ChunkRef, decode_refs, encode_refs, pack_key

__all__ = ["PACK_BYTES_MAX", "PACK_CHUNKS_MAX", "PackBuilder", "decode_refs", "encode_refs", "read_pack_entries"]

PACK_BYTES_MAX = 32 * 1024 * 1024
PACK_CHUNKS_MAX = 65_536
FORMAT_VERSION = 1
_WRITE_BYTES = 1024 * 1024
_JOINED_BYTES = 64 * 1024  # pieces that are smaller on average cost less joined than one by one
_HEADER = b"TLPK" + bytes([FORMAT_VERSION])
_END = b"KPLT"
_ENTRY = struct.Struct("<32sQIIB")
_TRAILER = struct.Struct("<I32s4s")


class PackBuilder:
    """Collects chunks into one pack, which grows in the store rather than in memory.

    Chunks go there a megabyte at a time, while they are still in the processor's cache.
    """

    def __init__(self, objects: ObjectStore) -> None:
        self._objects = objects
        self._upload: Upload | None = None
        self._digest = blake3()
        self._size = 0
        self._pieces: list[bytes | memoryview] = []
        self._pieces_bytes = 0
        self._entries: list[tuple[bytes, int, int, int, int]] = []
        self._append(_HEADER)

    @property
    def is_full(self) -> bool:
        """Tell whether the pack should be sealed before more is added."""
        return self._size >= PACK_BYTES_MAX or len(self._entries) >= PACK_CHUNKS_MAX

    def __len__(self) -> int:
        return len(self._entries)

    def add(self, chunk: bytes, stored: bytes | memoryview, *, length: int, codec: int) -> None:
        """Append the chunk of that name, of length plain bytes, in its stored form.

        That must not change before the pack is sealed.
        """
        self._entries.append((chunk, self._size, len(stored), length, codec))
        self._append(stored)
        if self._pieces_bytes >= _WRITE_BYTES:
            self._write()

    def seal(self) -> list[ChunkRef]:
        """Store the pack durably and return its chunks in the order of their adding."""
        entries = b"".join(_ENTRY.pack(*entry) for entry in self._entries)
        self._append(entries)
        self._append(_TRAILER.pack(len(self._entries), blake3(entries).digest(), _END))
        upload = self._write()
        pack = self._digest.digest()
        upload.store(pack_key(pack))
        return [
            ChunkRef(chunk, pack, offset, stored, length, codec)
            for chunk, offset, stored, length, codec in self._entries
        ]

    def discard(self) -> None:
        """Leave nothing of the pack in the store. Harmless after `seal`."""
        if self._upload is not None:
            self._upload.discard()

    def _append(self, piece: bytes | memoryview) -> None:
        self._pieces.append(piece)
        self._pieces_bytes += len(piece)
        self._size += len(piece)

    def _write(self) -> Upload:
        if self._upload is None:
            self._upload = self._objects.begin()
        pieces, self._pieces = self._pieces, []
        if self._pieces_bytes < len(pieces) * _JOINED_BYTES:
            pieces = [b"".join(pieces)]
        self._pieces_bytes = 0
        for piece in pieces:
            self._digest.update(piece)
        self._upload.write(pieces)
        return self._upload


def read_pack_entries(objects: ObjectStore, pack: bytes) -> Iterator[ChunkRef]:
    """Yield the chunks that a pack says it holds. Raise CorruptDataError if it is damaged."""
    key = pack_key(pack)
    count, digest, start = _trailer(objects, pack)
    if objects.get_range(key, 0, len(_HEADER)) != _HEADER:
        raise CorruptDataError(f"pack {pack.hex()} is no pack of format {FORMAT_VERSION}")
    entries = objects.get_range(key, start, count * _ENTRY.size)
    if blake3(entries).digest() != digest:
        raise CorruptDataError(f"pack {pack.hex()} has a damaged list of chunks")
    for chunk, offset, stored, length, codec in _ENTRY.iter_unpack(entries):
        yield ChunkRef(chunk, pack, offset, stored, length, codec)


def count_entries(objects: ObjectStore, pack: bytes) -> int:
    """Return how many chunks a pack says it holds. Raise CorruptDataError if it is damaged."""
    return _trailer(objects, pack)[0]


def _trailer(objects: ObjectStore, pack: bytes) -> tuple[int, bytes, int]:
    """Return the number of entries, their digest and where they start."""
    key = pack_key(pack)
    size = objects.size(key)
    if size is None or size < len(_HEADER) + _TRAILER.size:
        raise CorruptDataError(f"pack {pack.hex()} is missing or cut short")
    count, digest, end = _TRAILER.unpack(objects.get_range(key, size - _TRAILER.size, _TRAILER.size))
    start = size - _TRAILER.size - count * _ENTRY.size
    if end != _END or start < len(_HEADER):
        raise CorruptDataError(f"pack {pack.hex()} is no pack of format {FORMAT_VERSION}")
    return count, digest, start
