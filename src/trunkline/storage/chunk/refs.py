"""Where chunks lie, and the index that finds chunks again."""

import re
import struct
from collections.abc import Iterable, Sequence
from threading import Lock
from typing import NamedTuple, Protocol

_OBJECT_KEY = re.compile(r"(?:tables|packs)/([0-9a-f]{2})/\1[0-9a-f]{62}")
_RECORD = struct.Struct("<32s32sQIIB")


class ChunkRef(NamedTuple):
    """Where one chunk lies. Reading it needs no look-up. A tuple, as one is made for every file that is read."""

    chunk: bytes
    """BLAKE3 of the plain bytes, which names the chunk."""
    pack: bytes
    offset: int
    stored_bytes: int
    length: int
    """Of the plain bytes."""
    codec: int


def pack_key(pack: bytes) -> str:
    """Return the object key of a pack."""
    name = pack.hex()
    return f"packs/{name[:2]}/{name}"


def is_object_key(key: str) -> bool:
    """Tell whether a key is one that packs and tables have; somebody may have put other files beside them."""
    return _OBJECT_KEY.fullmatch(key) is not None


def encode_refs(refs: Iterable[ChunkRef]) -> bytes:
    """Return refs in the compact form in which workers send them."""
    return b"".join(_RECORD.pack(*ref) for ref in refs)


def decode_refs(data: bytes) -> list[ChunkRef]:
    """Return what `encode_refs` was given."""
    return [*map(ChunkRef._make, _RECORD.iter_unpack(data))]


class ChunkIndex(Protocol):
    """Finds chunks that are stored already. It may forget, which only costs space; it never lies."""

    def find(self, chunks: Sequence[bytes]) -> dict[bytes, ChunkRef]:
        """Return where those of the chunks lie that are known."""

    def record(self, refs: Sequence[ChunkRef]) -> None:
        """Remember chunks. Called only after their pack is durable."""

    def forget(self, refs: Sequence[ChunkRef]) -> None:
        """Forget that chunks lie there, as they are damaged."""


class MemoryChunkIndex:
    """A chunk index that is gone with the process."""

    def __init__(self) -> None:
        self._refs: dict[bytes, ChunkRef] = {}
        self._lock = Lock()

    def find(self, chunks: Sequence[bytes]) -> dict[bytes, ChunkRef]:
        """Return where those of the chunks lie that are known."""
        with self._lock:
            return {chunk: self._refs[chunk] for chunk in chunks if chunk in self._refs}

    def record(self, refs: Sequence[ChunkRef]) -> None:
        """Remember chunks."""
        with self._lock:
            for ref in refs:
                self._refs.setdefault(ref.chunk, ref)

    def forget(self, refs: Sequence[ChunkRef]) -> None:
        """Forget chunks."""
        with self._lock:
            for ref in refs:
                if self._refs.get(ref.chunk) == ref:
                    del self._refs[ref.chunk]
