"""Stores chunks: those that are known already cost nothing, the others go into packs."""

from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TypeAlias

from trunkline.storage.chunk.codec import Encoded, encode_many
from trunkline.storage.chunk.hashes import hash_chunk
from trunkline.storage.chunk.pack import PackBuilder
from trunkline.storage.chunk.refs import ChunkRef, decode_refs, encode_refs
from trunkline.storage.chunk.store import ChunkStore

_BATCH_CHUNKS = 512
_BATCH_BYTES = 8 * 1024 * 1024
_THREADS_FROM_BYTES = 1024 * 1024
_THREADS = 2


class StoredChunk:
    """A chunk on its way. ``ref`` is None until its pack is durable."""

    __slots__ = ("chunk", "length", "ref")

    def __init__(self, chunk: bytes, length: int, ref: ChunkRef | None = None) -> None:
        self.chunk = chunk
        self.length = length
        self.ref = ref


Unstored: TypeAlias = tuple[StoredChunk, bytes | memoryview]
"""A chunk and its plain bytes."""


class ChunkWriter:
    """Stores chunks through one open pack. For one thread.

    Holds in memory two packs at most, the open one and the one on its way to the store, and two batches. Much data is
    compressed and stored by threads of the writer's own; they end with `seal` or `close`.
    """

    def __init__(self, store: ChunkStore) -> None:
        self._store = store
        self._pack = PackBuilder()
        self._in_pack: list[StoredChunk] = []
        self._unsealed: dict[bytes, StoredChunk] = {}
        self._batch: list[Unstored] = []
        self._batch_bytes = 0
        self._threads: ThreadPoolExecutor | None = None
        self._encoding: list[tuple[Sequence[Unstored], Future[list[Encoded]]]] = []
        self._storing: tuple[list[StoredChunk], Future[list[ChunkRef]]] | None = None
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
        self._take_encoded()
        self._seal_pack()
        self._take_stored()
        self.close()

    def close(self) -> None:
        """End the threads. What is not sealed is lost."""
        if self._threads is not None:
            self._threads.shutdown(cancel_futures=True)
            self._threads = None

    @property
    def new_refs(self) -> list[ChunkRef]:
        """The chunks that went into new, durable packs."""
        return decode_refs(bytes(self._new_refs))

    def _flush(self) -> None:
        """Look the batch up in the index and have what is new encoded, while the caller goes on."""
        batch, self._batch = self._batch, []
        in_threads, self._batch_bytes = self._batch_bytes >= _THREADS_FROM_BYTES, 0
        if not batch:
            return
        found = self._store.index.find([stored.chunk for stored, _ in batch])
        new = []
        for stored, data in batch:
            if (ref := found.get(stored.chunk)) is not None:
                stored.ref = ref
                del self._unsealed[stored.chunk]
            else:
                new.append((stored, data))
        self._take_encoded()
        if not in_threads:
            self._pack_many(new, encode_many([data for _, data in new]))
            return
        half = (len(new) + 1) // 2
        for part in (new[:half], new[half:]):
            encoding = self._thread_pool().submit(encode_many, [data for _, data in part])
            self._encoding.append((part, encoding))

    def _take_encoded(self) -> None:
        encoding, self._encoding = self._encoding, []
        for part, encoded in encoding:
            self._pack_many(part, encoded.result())

    def _pack_many(self, chunks: Sequence[Unstored], encoded: Sequence[Encoded]) -> None:
        for (stored, _), form in zip(chunks, encoded, strict=True):
            self._pack_one(stored, form)

    def _pack_one(self, stored: StoredChunk, encoded: Encoded) -> None:
        if self._pack.is_full:
            self._seal_pack()
        codec, data = encoded
        self._pack.add(stored.chunk, data, length=stored.length, codec=codec)
        self._in_pack.append(stored)

    def _seal_pack(self) -> None:
        self._take_stored()
        if not self._in_pack:
            return
        pack, in_pack = self._pack, self._in_pack
        self._pack, self._in_pack = PackBuilder(), []
        if self._threads is None:
            self._stored(in_pack, pack.seal(self._store.objects))
        else:
            self._storing = in_pack, self._threads.submit(pack.seal, self._store.objects)

    def _take_stored(self) -> None:
        """Wait for the pack on its way."""
        if self._storing is not None:
            (in_pack, refs), self._storing = self._storing, None
            self._stored(in_pack, refs.result())

    def _stored(self, in_pack: list[StoredChunk], refs: list[ChunkRef]) -> None:
        self._store.index.record(refs)
        for stored, ref in zip(in_pack, refs, strict=True):
            stored.ref = ref
            del self._unsealed[stored.chunk]
        self._new_refs += encode_refs(refs)

    def _thread_pool(self) -> ThreadPoolExecutor:
        if self._threads is None:
            self._threads = ThreadPoolExecutor(_THREADS, thread_name_prefix="chunks")
        return self._threads


def resolved(chunks: list[StoredChunk]) -> Iterator[ChunkRef]:
    """Yield the refs of chunks, whose writer has been sealed."""
    for chunk in chunks:
        assert chunk.ref is not None
        yield chunk.ref
