"""What is alive in an object store: the tables that some roots need, and the chunks that those point at."""

from collections.abc import Iterable, Iterator

import pyarrow as pa
import pyarrow.compute as pc

from trunkline.storage.fileset.rows import places_of
from trunkline.storage.table import TableStore

_PENDING_ROWS = 1 << 20
_PACK_SHIFT = 40
"""A place is one number: the pack's above these bits, the offset in it below."""


class Live:
    """Collects what is alive. Chunks are kept as one number each, so ten million of them take 80 MB."""

    def __init__(self, known: "Live | None" = None) -> None:
        """Begin with nothing, or with the tables and packs, without the chunks, that another has found."""
        self._tables: set[bytes] = set() if known is None else set(known._tables)
        self._packs: dict[bytes, int] = {} if known is None else dict(known._packs)
        self._places = pa.array([], pa.int64())
        self._pending: list[pa.Array] = []
        self._pending_rows = 0

    def add(self, tables: TableStore, roots: Iterable[str]) -> None:
        """Mark what these roots need; what they share is read once. Raise CorruptDataError if something is missing."""
        for root in roots:
            for _, level, batch in tables.objects(root, self._tables):
                if level == 0 and "refs" in batch.schema.names:
                    self._add_places(*places_of(batch))

    def _add_places(self, packs: pa.Array, offsets: pa.Array) -> None:
        encoded = packs.dictionary_encode()
        numbers = [self._packs.setdefault(pack, len(self._packs)) for pack in encoded.dictionary.to_pylist()]
        high = pc.shift_left(pa.array(numbers, pa.int64()).take(encoded.indices), _PACK_SHIFT)
        places = pc.unique(pc.bit_wise_or(high, offsets))
        self._pending.append(places)
        self._pending_rows += len(places)
        if self._pending_rows >= _PENDING_ROWS:
            self._merge()

    def _merge(self) -> None:
        if self._pending:
            self._places = pc.unique(pa.concat_arrays([self._places, *self._pending]))
            self._pending, self._pending_rows = [], 0

    def __contains__(self, key: str) -> bool:
        """Whether an object is alive, by its key."""
        kind, _, rest = key.partition("/")
        name = bytes.fromhex(rest.rpartition("/")[2]) if kind in ("tables", "packs") else b""
        return name in (self._tables if kind == "tables" else self._packs)

    def offsets(self) -> Iterator[tuple[bytes, pa.Array]]:
        """Yield each pack that is alive, and where in it the chunks are that are."""
        self._merge()
        # In order the places of a pack are neighbours: each is looked at once, however many packs there are.
        places = self._places.take(pc.sort_indices(self._places))
        counted = pc.value_counts(pc.shift_right(places, _PACK_SHIFT))
        packs = list(self._packs)
        start = 0
        for number, count in zip(counted.field("values").to_pylist(), counted.field("counts").to_pylist(), strict=True):
            yield packs[number], pc.bit_wise_and(places.slice(start, count), (1 << _PACK_SHIFT) - 1)
            start += count
