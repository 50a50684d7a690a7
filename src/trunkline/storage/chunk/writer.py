"""Stores chunks: those that are known already cost nothing, the others go into packs."""

from collections.abc import Iterator

from trunkline.storage.chunk.codec import encode
from trunkline.storage.chunk.hashes import hash_chunk
from trunkline.storage.chunk.pack import PackBuilder
from trunkline.storage.chunk.refs import ChunkRef, decode_refs, encode_refs
from trunkline.storage.chunk.store import ChunkStore

_BATCH_CHUNKS = 512
_BATCH_BYTES = 8 * 1024 * 1024


class StoredChunk:
    """A chunk on its way. ``ref`` is None until its pack is durable."""

    __slots__ = ("chunk", "length", "ref")

    def __init__(self, chunk: bytes, length: int, ref: ChunkRef | None = None) -> None:
        self.chunk = chunk
        self.length = length
        self.ref = ref


class ChunkWriter:
    """Stores chunks through one open pack. For one thread. Holds a pack and a batch in memory, never more."""

    def __init__(self, store: ChunkStore) -> None:
        self._store = store
        self._pack = PackBuilder()
        self._in_pack: list[StoredChunk] = []
        self._unsealed: dict[bytes, StoredChunk] = {}
        self._batch: list[tuple[StoredChunk, bytes | memoryview]] = []
        self._batch_bytes = 0
        self._new_refs = bytearray()

    def add(self, data: bytes | memoryview) -> StoredChunk:
        """Take one chunk. Its ref comes later: at the latest when `seal` returns."""
        name = hash_chunk(data)
        if (known := self._unsealed.get(name)) is not None:
            return known
        stored = self._unsealed[name] = StoredChunk(name, len(data))
        self._batch.append((stored, data))
        self._batch_bytes += len(data)
        if len(self._batch) >= _BATCH_CHUNKS or self._batch_bytes >= _BATCH_BYTES:
            self._flush()
        return stored

    def seal(self) -> None:
        """Make all chunks durable, then enter them in the index."""
        self._flush()
        self._seal_pack()

    @property
    def new_refs(self) -> list[ChunkRef]:
        """The chunks that went into new, durable packs."""
        return decode_refs(bytes(self._new_refs))

    def _flush(self) -> None:
        batch, self._batch, self._batch_bytes = self._batch, [], 0
        if not batch:
            return
        found = self._store.index.find([stored.chunk for stored, _ in batch])
        for stored, data in batch:
            if (ref := found.get(stored.chunk)) is not None:
                stored.ref = ref
                del self._unsealed[stored.chunk]
            else:
                self._pack_one(stored, data)

    def _pack_one(self, stored: StoredChunk, data: bytes | memoryview) -> None:
        if self._pack.is_full:
            self._seal_pack()
        codec, encoded = encode(data)
        self._pack.add(stored.chunk, encoded, length=len(data), codec=codec)
        self._in_pack.append(stored)

    def _seal_pack(self) -> None:
        if not self._in_pack:
            return
        refs = self._pack.seal(self._store.objects)
        self._store.index.record(refs)
        for stored, ref in zip(self._in_pack, refs, strict=True):
            stored.ref = ref
            del self._unsealed[stored.chunk]
        self._new_refs += encode_refs(refs)
        self._in_pack = []
        self._pack = PackBuilder()


def resolved(chunks: list[StoredChunk]) -> Iterator[ChunkRef]:
    """Yield the refs of chunks, whose writer has been sealed."""
    for chunk in chunks:
        assert chunk.ref is not None
        yield chunk.ref
