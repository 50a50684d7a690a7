"""Reads chunks out of packs."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence

from trunkline.errors import CorruptDataError
from trunkline.objects import ObjectNotFoundError, ObjectStore
from trunkline.storage.chunk.codec import decode
from trunkline.storage.chunk.hashes import hash_chunk
from trunkline.storage.chunk.refs import ChunkIndex, ChunkRef, pack_key
from trunkline.storage.chunk.soundness import Soundness

_READ_BYTES_MAX = 8 * 1024 * 1024
_GAP_BYTES_MAX = 16 * 1024


class ChunkStore:
    """Chunks by reference, over an object store. `find` and `record` are for those who write."""

    def __init__(self, objects: ObjectStore, index: ChunkIndex, *, checks_hits: bool = True) -> None:
        self.objects = objects
        self.index = index
        self.soundness = Soundness(objects, self.read_many)
        self._checks_hits = checks_hits

    def find(self, chunks: Sequence[bytes]) -> dict[bytes, ChunkRef]:
        """Return where those of the chunks lie that are stored already, and sound. What is damaged is forgotten."""
        found = self.index.find(chunks)
        for ref in self.damaged(found.values()):
            del found[ref.chunk]
        return found

    def damaged(self, refs: Iterable[ChunkRef]) -> list[ChunkRef]:
        """Return those of the chunks that must not be relied on; the index forgets them."""
        damaged = self.soundness.damaged_among(refs) if self._checks_hits else []
        if damaged:
            self.index.forget(damaged)
        return damaged

    def record(self, refs: Sequence[ChunkRef]) -> None:
        """Enter chunks in the index, whose packs this process has just stored."""
        if self._checks_hits:
            self.soundness.trust({ref.pack for ref in refs})
        self.index.record(refs)

    def read(self, ref: ChunkRef) -> bytes:
        """Return the chunk. Raise CorruptDataError if it is not what its name says."""
        try:
            stored = self.objects.get_range(pack_key(ref.pack), ref.offset, ref.stored_bytes)
        except ObjectNotFoundError:
            raise CorruptDataError(f"pack {ref.pack.hex()} is missing") from None
        return self._checked(ref, stored)

    def read_many(self, refs: Sequence[ChunkRef]) -> list[bytes]:
        """Return the chunks in order. Neighbours in a pack are read at once."""
        results: list[bytes] = [b""] * len(refs)
        by_pack: defaultdict[bytes, list[int]] = defaultdict(list)
        for position, ref in enumerate(refs):
            by_pack[ref.pack].append(position)
        for pack, positions in by_pack.items():
            positions.sort(key=lambda position: refs[position].offset)
            self._read_from_pack(pack, refs, positions, results)
        return results

    def _read_from_pack(
        self, pack: bytes, refs: Sequence[ChunkRef], positions: Sequence[int], results: list[bytes]
    ) -> None:
        spans = list(_spans([refs[position] for position in positions]))
        try:
            pieces = self.objects.get_ranges(pack_key(pack), [(start, length) for start, length, _ in spans])
        except ObjectNotFoundError:
            raise CorruptDataError(f"pack {pack.hex()} is missing") from None
        rest = iter(positions)
        for (start, _, count), piece in zip(spans, pieces, strict=True):
            for _ in range(count):
                position = next(rest)
                ref = refs[position]
                offset = ref.offset - start
                results[position] = self._checked(ref, piece[offset : offset + ref.stored_bytes])

    def _checked(self, ref: ChunkRef, stored: bytes) -> bytes:
        try:
            return check_stored(ref, stored)
        except CorruptDataError:
            self.soundness.doubt(ref.pack)
            raise


def _spans(refs: Sequence[ChunkRef]) -> Iterator[tuple[int, int, int]]:
    """Yield (start, length, number of refs) for refs sorted by offset: close neighbours make one span."""
    start = end = refs[0].offset
    count = 0
    for ref in refs:
        reach = max(end, ref.offset + ref.stored_bytes)
        if count and (ref.offset > end + _GAP_BYTES_MAX or reach - start > _READ_BYTES_MAX):
            yield start, end - start, count
            start, count = ref.offset, 0
            reach = ref.offset + ref.stored_bytes
        end = reach
        count += 1
    yield start, end - start, count


def check_stored(ref: ChunkRef, stored: bytes) -> bytes:
    """Return the chunk whose stored form that is. Raise CorruptDataError if it is not what its name says."""
    try:
        data = decode(ref.codec, stored, ref.length)
    except CorruptDataError as error:
        raise CorruptDataError(f"chunk {ref.chunk.hex()} in pack {ref.pack.hex()} is damaged: {error}") from None
    if len(data) != ref.length or hash_chunk(data) != ref.chunk:
        raise CorruptDataError(f"chunk {ref.chunk.hex()} in pack {ref.pack.hex()} is damaged")
    return data
