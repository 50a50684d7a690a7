"""Reading tables: points, ranges, sums."""

from bisect import bisect_left, bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import pyarrow as pa
import pyarrow.compute as pc

from trunkline.storage.table.digests import group_digest, run_digest
from trunkline.storage.table.segment import key_at, key_column, lower_bound
from trunkline.storage.table.spec import Key, Summary, TableSpec
from trunkline.storage.table.store import TableStore

_FEW_KEYS = 48
_SUMMARISED_PIECES_MAX = 8
_SUMMARY_BYTES = 300  # about what one takes as Python objects, and each piece of its key


@dataclass(frozen=True, slots=True)
class Position:
    """A row: which segment, and where in it. May lie one past the last row of the last segment: the end."""

    segment: int
    row: int


class Table:
    """One table, by its root. Bounds of ranges are keys or prefixes of keys; None is no bound."""

    def __init__(self, store: TableStore, spec: TableSpec, root: str) -> None:
        self.store = store
        self.spec = spec
        self.root = root
        tree = store.tree(spec, root)
        self.rows = tree.rows
        self.size_bytes = tree.size_bytes
        self.entries = tree.entries
        self._borders = tree.borders

    def segment(self, position: int) -> pa.RecordBatch:
        """Return the rows of the segment at that position."""
        return self.store.segment(self.entries[position].hash)

    def owner(self, key: Key) -> int:
        """Return the position of the segment that holds key if any does."""
        return max(bisect_right(self._borders, key) - 1, 0)

    def find(self, key: Key) -> tuple[pa.RecordBatch, int] | None:
        """Return the segment that holds key and the row in it, or None."""
        if not self.entries:
            return None
        batch = self.segment(self.owner(key))
        row = lower_bound(batch, self.spec.key, key)
        if row < batch.num_rows and key_at(batch, self.spec.key, row) == key:
            return batch, row
        return None

    def seek(self, key: Key) -> Position:
        """Return the position of the first row that is not below key."""
        if not self.entries:
            return Position(0, 0)
        segment = self.owner(key)
        if key > self.entries[segment].last:
            row = self.entries[segment].rows
        elif key <= self.entries[segment].first:
            row = 0
        else:
            row = lower_bound(self.segment(segment), self.spec.key, key)
        if row == self.entries[segment].rows and segment + 1 < len(self.entries):
            return Position(segment + 1, 0)
        return Position(segment, row)

    def scan(self, lower: Key = (), upper: Key | None = None) -> Iterator[pa.RecordBatch]:
        """Yield the rows from lower to upper (exclusive) in key order, a segment or a piece of one at a time."""
        for segment, start, end in self.pieces(lower, upper):
            yield self.segment(segment).slice(start, end - start)

    def scan_backwards(self, lower: Key = (), upper: Key | None = None) -> Iterator[pa.RecordBatch]:
        """Yield the same pieces from the last to the first; rows within a piece stay in key order."""
        for segment, start, end in reversed(list(self.pieces(lower, upper))):
            yield self.segment(segment).slice(start, end - start)

    def pieces(self, lower: Key = (), upper: Key | None = None) -> Iterator[tuple[int, int, int]]:
        """Yield (segment, first row, row past the last) for each segment that has rows from lower to upper."""
        if not self.entries:
            return
        first = self.seek(lower)
        last = self.seek(upper) if upper is not None else Position(len(self.entries), 0)
        for segment in range(first.segment, min(last.segment + 1, len(self.entries))):
            start = first.row if segment == first.segment else 0
            end = last.row if segment == last.segment else self.entries[segment].rows
            if start < end:
                yield segment, start, end

    def summary(self, lower: Key = (), upper: Key | None = None) -> Summary:
        """Return sums and digest of the rows from lower to upper. Reads at most the segments at the two ends."""
        return self.summary_of(list(self.pieces(lower, upper)))

    def summary_of(self, pieces: Sequence[tuple[int, int, int]]) -> Summary:
        """Return sums and digest of neighbouring rows, given as `pieces` gives them."""
        if len(pieces) > _SUMMARISED_PIECES_MAX:
            return self._summary(pieces)
        # By the rows themselves, so that it serves for the next commits, too, as far as they leave them alone.
        entries = self.entries
        rows = tuple((entries[segment].hash, entries[segment].natural, start, end) for segment, start, end in pieces)
        known = self.store.summaries.get(rows)
        if known is None:
            known = self._summary(pieces)
            self.store.summaries.add(rows, known, _SUMMARY_BYTES * (len(pieces) + 1))
        return known

    def _summary(self, pieces: Sequence[tuple[int, int, int]]) -> Summary:
        rows = size_bytes = 0
        groups: list[bytes] = []
        group: list[tuple[int, int, int]] = []
        for piece in pieces:
            segment, start, end = piece
            entry = self.entries[segment]
            if group and start == 0 and entry.natural:
                groups.append(self._group_digest(group))
                group = []
            group.append(piece)
            rows += end - start
            size_bytes += entry.size_bytes if end - start == entry.rows else self._size(piece)
        if group:
            groups.append(self._group_digest(group))
        return Summary(rows, size_bytes, run_digest(groups))

    def find_many(self, keys: pa.RecordBatch) -> tuple[list[int], list[pa.RecordBatch]]:
        """Return which rows of keys, which are in key order, the table has, and the table's rows for them."""
        hits: list[int] = []
        found: list[pa.RecordBatch] = []
        start = 0
        while start < keys.num_rows and self.entries:
            segment = self.owner(key_at(keys, self.spec.key, start))
            end = keys.num_rows
            if segment + 1 < len(self._borders):
                end = lower_bound(keys, self.spec.key, self._borders[segment + 1], start)
            positions, rows = self._find_in_segment(self.segment(segment), keys.slice(start, end - start))
            if positions:
                hits.extend(start + position for position in positions)
                found.append(rows)
            start = end
        return hits, found

    def find_prefixes(self, wanted: Sequence[str]) -> Iterator[pa.RecordBatch]:
        """Yield, for those of the sorted values that the first key column has, the first row with each."""
        lasts = [entry.last[0] for entry in self.entries]
        start = 0
        while start < len(wanted) and (segment := bisect_left(lasts, wanted[start])) < len(lasts):
            end = bisect_right(wanted, lasts[segment], start)
            batch = self.segment(segment)
            values = pa.array(wanted[start:end], pa.string())
            yield batch.take(pc.drop_null(pc.index_in(values, value_set=batch.column(self.spec.key[0]))))
            start = end

    def _find_in_segment(self, batch: pa.RecordBatch, keys: pa.RecordBatch) -> tuple[list[int], pa.RecordBatch]:
        if keys.num_rows > _FEW_KEYS:
            indices = pc.index_in(key_column(keys, self.spec.key), value_set=key_column(batch, self.spec.key))
            mask = pc.is_valid(indices)
            return pc.indices_nonzero(mask).to_pylist(), batch.take(pc.drop_null(indices))
        positions, rows = [], []
        for position in range(keys.num_rows):
            key = key_at(keys, self.spec.key, position)
            row = lower_bound(batch, self.spec.key, key)
            if row < batch.num_rows and key_at(batch, self.spec.key, row) == key:
                positions.append(position)
                rows.append(row)
        return positions, batch.take(pa.array(rows, pa.int64()))

    def _size(self, piece: tuple[int, int, int]) -> int:
        segment, start, end = piece
        if self.spec.size is None:
            return 0
        return pc.sum(self.segment(segment).column(self.spec.size).slice(start, end - start)).as_py() or 0

    def _group_digest(self, pieces: list[tuple[int, int, int]]) -> bytes:
        if len(pieces) == 1:
            entry = self.entries[pieces[0][0]]
            if pieces[0][2] - pieces[0][1] == entry.rows:
                return entry.digest
        slices = [self.segment(segment).slice(start, end - start) for segment, start, end in pieces]
        return group_digest(slices, self.spec.digest)
