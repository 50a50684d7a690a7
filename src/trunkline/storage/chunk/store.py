"""Reads chunks out of packs."""

from collections import defaultdict
from collections.abc import Iterator, Sequence

from trunkline.errors import CorruptDataError
from trunkline.objects import ObjectNotFoundError, ObjectStore
from trunkline.storage.chunk.codec import decode
from trunkline.storage.chunk.hashes import hash_chunk
from trunkline.storage.chunk.refs import ChunkIndex, ChunkRef, pack_key

_READ_BYTES_MAX = 8 * 1024 * 1024
_GAP_BYTES_MAX = 16 * 1024


class ChunkStore:
    """Chunks by reference, over an object store. `index` is for those who write."""

    def __init__(self, objects: ObjectStore, index: ChunkIndex) -> None:
        self.objects = objects
        self.index = index

    def read(self, ref: ChunkRef) -> bytes:
        """Return the chunk. Raise CorruptDataError if it is not what its name says."""
        try:
            stored = self.objects.get_range(pack_key(ref.pack), ref.offset, ref.stored_bytes)
        except ObjectNotFoundError:
            raise CorruptDataError(f"pack {ref.pack.hex()} is missing") from None
        return check_stored(ref, stored)

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
                results[position] = check_stored(ref, piece[offset : offset + ref.stored_bytes])


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
