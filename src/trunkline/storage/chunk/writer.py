"""Stores chunks: those that are known already cost nothing, the others go into packs."""

from collections import deque
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TypeAlias

from trunkline.objects import ObjectStore
from trunkline.storage.chunk.codec import Encoded, encode_many
from trunkline.storage.chunk.hashes import hash_chunk
from trunkline.storage.chunk.pack import PackBuilder
from trunkline.storage.chunk.refs import ChunkRef, decode_refs, encode_refs
from trunkline.storage.chunk.store import ChunkStore

_BATCH_CHUNKS = 512
_BATCH_BYTES = 8 * 1024 * 1024
_THREADS_FROM_BYTES = 1024 * 1024
_ENCODERS = 2
_PACKING_MAX = 4
_SEALING_MAX = 2


class StoredChunk:
    """A chunk on its way. ``ref`` is None until its pack is durable."""

    __slots__ = ("chunk", "length", "ref")

    def __init__(self, chunk: bytes, length: int, ref: ChunkRef | None = None) -> None:
        self.chunk = chunk
        self.length = length
        self.ref = ref


Unstored: TypeAlias = tuple[StoredChunk, bytes | memoryview]
"""A chunk and its plain bytes."""


class _OpenPack:
    """A pack that takes chunks, or is on its way to the store."""

    __slots__ = ("builder", "chunks")

    def __init__(self, objects: ObjectStore) -> None:
        self.builder = PackBuilder(objects)
        self.chunks: list[StoredChunk] = []


class ChunkWriter:
    """Stores chunks through one open pack. For one thread.

    Much data is compressed, packed and stored by threads of the writer's own, while the caller goes on; they end with
    `seal` or `close`. Memory holds the batch that is being filled and a few that are under way.
    """

    def __init__(self, store: ChunkStore) -> None:
        self._store = store
        self._unsealed: dict[bytes, StoredChunk] = {}
        self._batch: list[Unstored] = []
        self._batch_bytes = 0
        self._pack = _OpenPack(store.objects)
        self._threads: _Threads | None = None
        self._packing: deque[Future[None]] = deque()
        self._sealing: deque[tuple[_OpenPack, Future[list[ChunkRef]]]] = deque()
        self._new_refs = bytearray()

    def add(self, data: bytes | memoryview) -> StoredChunk:
        """Take one chunk, which must not change until it is stored. Its ref comes later: at the latest with `seal`."""
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
        self._await_packed(0)
        self._seal_pack()
        self._take_sealed(0)
        self.close()

    def close(self) -> None:
        """End the threads. What is not sealed is lost."""
        if self._threads is not None:
            self._threads.close()
            self._threads = None
        for pack in (self._pack, *(pack for pack, _ in self._sealing)):
            pack.builder.discard()
        self._pack = _OpenPack(self._store.objects)

    @property
    def new_refs(self) -> list[ChunkRef]:
        """The chunks that went into new, durable packs."""
        return decode_refs(bytes(self._new_refs))

    def _flush(self) -> None:
        """Look the batch up in the index, and have what is new encoded and packed."""
        batch, self._batch = self._batch, []
        batch_bytes, self._batch_bytes = self._batch_bytes, 0
        self._take_sealed(_SEALING_MAX)
        if not batch:
            return
        found = self._store.find([stored.chunk for stored, _ in batch])
        new = []
        for stored, data in batch:
            if (ref := found.get(stored.chunk)) is not None:
                stored.ref = ref
                del self._unsealed[stored.chunk]
            else:
                new.append((stored, data))
        if batch_bytes < _THREADS_FROM_BYTES and self._threads is None:
            self._pack_all(new, encode_many([data for _, data in new]))
            return
        self._await_packed(_PACKING_MAX)
        half = (len(new) + 1) // 2
        for part in (new[:half], new[half:]):
            self._pack_in_threads(part)

    def _pack_in_threads(self, chunks: Sequence[Unstored]) -> None:
        threads = self._threads = self._threads or _Threads()
        encoding = threads.many.submit(encode_many, [data for _, data in chunks])
        self._packing.append(threads.packer.submit(lambda: self._pack_all(chunks, encoding.result())))

    def _await_packed(self, rest: int) -> None:
        while len(self._packing) > rest:
            self._packing.popleft().result()

    def _pack_all(self, chunks: Sequence[Unstored], encoded: Sequence[Encoded]) -> None:
        for (stored, _), (codec, data) in zip(chunks, encoded, strict=True):
            if self._pack.builder.is_full:
                self._seal_pack()
            self._pack.builder.add(stored.chunk, data, length=stored.length, codec=codec)
            self._pack.chunks.append(stored)

    def _seal_pack(self) -> None:
        """Store the pack and open another. Where there are threads they wait for the disk."""
        pack = self._pack
        if not pack.chunks:
            return
        self._pack = _OpenPack(self._store.objects)
        if self._threads is None:
            self._sealed(pack, pack.builder.seal())
        else:
            self._sealing.append((pack, self._threads.many.submit(pack.builder.seal)))

    def _take_sealed(self, rest: int) -> None:
        """Take the packs that have been stored; wait until at most so many are on their way."""
        while self._sealing and (len(self._sealing) > rest or self._sealing[0][1].done()):
            pack, refs = self._sealing[0]
            self._sealed(pack, refs.result())
            self._sealing.popleft()

    def _sealed(self, pack: _OpenPack, refs: list[ChunkRef]) -> None:
        self._store.record(refs)
        for stored, ref in zip(pack.chunks, refs, strict=True):
            stored.ref = ref
            del self._unsealed[stored.chunk]
        self._new_refs += encode_refs(refs)


class _Threads:
    """Threads that encode and seal, and the one that packs what they have encoded, in order."""

    __slots__ = ("many", "packer")

    def __init__(self) -> None:
        self.many = ThreadPoolExecutor(_ENCODERS + _SEALING_MAX, thread_name_prefix="chunks")
        self.packer = ThreadPoolExecutor(1, thread_name_prefix="packs")

    def close(self) -> None:
        self.packer.shutdown(cancel_futures=True)
        self.many.shutdown(cancel_futures=True)


def resolved(chunks: list[StoredChunk]) -> Iterator[ChunkRef]:
    """Yield the refs of chunks, whose writer has been sealed."""
    for chunk in chunks:
        assert chunk.ref is not None
        yield chunk.ref
