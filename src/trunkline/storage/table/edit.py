"""Edits: rows put in, keys taken out, ranges dropped. Only the segments that they touch are written anew."""

from bisect import bisect_left, bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import pyarrow as pa
import pyarrow.compute as pc

from trunkline.storage.table.borders import segment_starts, starts_segment
from trunkline.storage.table.build import SegmentWriter
from trunkline.storage.table.segment import concat, key_at, key_column, lower_bound, sort_rows
from trunkline.storage.table.spec import Entry, Key, TableSpec
from trunkline.storage.table.store import TableStore

_FEW_EDITS = 48


@dataclass(frozen=True, slots=True)
class DropRange:
    """Drops the rows from lower to upper (exclusive) in the first key column.

    With ``where``, only those whose second key column is that.
    """

    lower: str
    upper: str
    where: str | None = None


@dataclass(frozen=True, slots=True)
class Edits:
    """What is to change. Ranges are dropped first, then keys deleted, then rows put in place of equal keys."""

    upserts: pa.RecordBatch
    """Rows in key order, without duplicates."""
    deletes: pa.RecordBatch
    """Key columns only, in key order, none of them in upserts."""
    ranges: Sequence[DropRange] = ()


def write_table(store: TableStore, spec: TableSpec, batches: Iterator[pa.RecordBatch]) -> str:
    """Store rows, which come in key order without duplicates, and return the root of their table."""
    writer = SegmentWriter(store, spec)
    entries: list[Entry] = []
    for batch in batches:
        if batch.num_rows:
            entries.extend(writer.add(batch, segment_starts(batch.column(spec.key[0]))))
    entries.extend(writer.finish())
    return store.put_tree(spec, entries, {})


def apply_edits(store: TableStore, spec: TableSpec, root: str, edits: Edits) -> str:
    """Return the root of the table that results from applying edits to the table of root."""
    if not root:
        return write_table(store, spec, iter([edits.upserts]))
    tree = store.tree(spec, root)
    rebuild = _Rebuild(store, spec, tree.entries)
    for position, upserts, deletes, ranges in _by_segment(spec, tree.borders, edits):
        rebuild.reuse_up_to(position)
        rebuild.replace(position, upserts, deletes, ranges)
    return store.put_tree(spec, rebuild.finish(), tree.nodes)


def _by_segment(
    spec: TableSpec, borders: list[Key], edits: Edits
) -> Iterator[tuple[int, pa.RecordBatch, pa.RecordBatch, list[DropRange]]]:
    """Yield the position of each segment that edits touch, with the edits that fall into it."""
    ranges = _ranges_by_segment(borders, edits.ranges)
    upserts, deletes = edits.upserts, edits.deletes
    upserts_done = deletes_done = 0
    while True:
        nexts = [positions[0] for positions in (sorted(ranges),) if positions]
        if upserts_done < upserts.num_rows:
            nexts.append(_owner(borders, key_at(upserts, spec.key, upserts_done)))
        if deletes_done < deletes.num_rows:
            nexts.append(_owner(borders, key_at(deletes, spec.key, deletes_done)))
        if not nexts:
            return
        position = min(nexts)
        upserts_end = _end(spec, borders, position, upserts, upserts_done)
        deletes_end = _end(spec, borders, position, deletes, deletes_done)
        yield (
            position,
            upserts.slice(upserts_done, upserts_end - upserts_done),
            deletes.slice(deletes_done, deletes_end - deletes_done),
            ranges.pop(position, []),
        )
        upserts_done, deletes_done = upserts_end, deletes_end


def _owner(borders: list[Key], key: Key) -> int:
    return max(bisect_right(borders, key) - 1, 0)


def _end(spec: TableSpec, borders: list[Key], position: int, batch: pa.RecordBatch, start: int) -> int:
    if position + 1 == len(borders):
        return int(batch.num_rows)
    return lower_bound(batch, spec.key, borders[position + 1], start)


def _ranges_by_segment(borders: list[Key], ranges: Sequence[DropRange]) -> dict[int, list[DropRange]]:
    touched: dict[int, list[DropRange]] = {}
    for drop in ranges:
        for position in range(_owner(borders, (drop.lower,)), bisect_left(borders, (drop.upper,))):
            touched.setdefault(position, []).append(drop)
    return touched


class _Rebuild:
    """The new list of entries, built from left to right out of old entries and new segments."""

    def __init__(self, store: TableStore, spec: TableSpec, old: list[Entry]) -> None:
        self._store = store
        self._spec = spec
        self._old = old
        self._position = 0
        self._new: list[Entry] = []
        self._writer = SegmentWriter(store, spec)
        self._dirty = False

    def reuse_up_to(self, position: int) -> None:
        """Take over the old entries before position; first those that continue a run of rows that has changed."""
        while self._dirty and self._position < position and not self._old[self._position].natural:
            entry = self._old[self._position]
            self._feed(self._store.segment(entry.hash), [0] if starts_segment(entry.first[0]) else [])
            self._position += 1
        if self._position < position:
            self._new.extend(self._writer.finish())
            self._new.extend(self._old[self._position : position])
            self._position = position
            self._dirty = False

    def replace(
        self, position: int, upserts: pa.RecordBatch, deletes: pa.RecordBatch, ranges: Sequence[DropRange]
    ) -> None:
        """Put the edited rows in place of the old entry at position."""
        entry = self._old[position]
        segment = self._store.segment(entry.hash)
        if ranges or upserts.num_rows + deletes.num_rows > _FEW_EDITS:
            merged = _merge_many(self._spec, segment, upserts, deletes, ranges)
            self._feed(merged, segment_starts(merged.column(self._spec.key[0])))
        else:
            self._feed(*_merge_few(self._spec, segment, upserts, deletes))
        self._position = position + 1
        self._dirty = True

    def finish(self) -> list[Entry]:
        """Return the new entries."""
        self.reuse_up_to(len(self._old))
        self._new.extend(self._writer.finish())
        return self._new

    def _feed(self, batch: pa.RecordBatch, starts: list[int]) -> None:
        if not batch.num_rows:
            return
        if self._writer.is_between_segments and not self._starts_afresh(batch, starts):
            self._take_back()
        self._new.extend(self._writer.add(batch, starts))

    def _starts_afresh(self, batch: pa.RecordBatch, starts: list[int]) -> bool:
        if not self._new:
            return True
        same_path = self._new[-1].last[0] == key_at(batch, self._spec.key[:1], 0)[0]
        return bool(starts) and starts[0] == 0 and not same_path

    def _take_back(self) -> None:
        """Feed the run of rows before again, for what comes now continues it."""
        run: list[Entry] = []
        while self._new:
            run.append(self._new.pop())
            if run[-1].natural:
                break
        for entry in reversed(run):
            rows = self._store.segment(entry.hash)
            self._new.extend(self._writer.add(rows, [0] if entry.natural else []))


def _merge_few(
    spec: TableSpec, segment: pa.RecordBatch, upserts: pa.RecordBatch, deletes: pa.RecordBatch
) -> tuple[pa.RecordBatch, list[int]]:
    """Return the edited rows and which of them start a segment, by cutting the old segment at each edit."""
    edits = [(key_at(upserts, spec.key, row), upserts.slice(row, 1)) for row in range(upserts.num_rows)]
    edits += [(key_at(deletes, spec.key, row), upserts.slice(0, 0)) for row in range(deletes.num_rows)]
    edits.sort(key=lambda edit: edit[0])
    pieces: list[pa.RecordBatch] = []
    done = 0
    for key, row in edits:
        position = lower_bound(segment, spec.key, key, done)
        pieces.append(segment.slice(done, position - done))
        pieces.append(row)
        done = position + _has_key(segment, spec, position, key)
    pieces.append(segment.slice(done))
    pieces = [piece for piece in pieces if piece.num_rows]
    return (concat(pieces) if pieces else segment.slice(0, 0)), _piece_starts(spec, pieces)


def _piece_starts(spec: TableSpec, pieces: list[pa.RecordBatch]) -> list[int]:
    """Return which rows start a segment: only the first rows of pieces of an old segment can."""
    starts = []
    rows, last = 0, None
    for piece in pieces:
        first = key_at(piece, spec.key[:1], 0)[0]
        if first != last and starts_segment(first):
            starts.append(rows)
        rows += piece.num_rows
        last = key_at(piece, spec.key[:1], piece.num_rows - 1)[0]
    return starts


def _has_key(segment: pa.RecordBatch, spec: TableSpec, position: int, key: Key) -> bool:
    return position < segment.num_rows and key_at(segment, spec.key, position) == key


def _merge_many(
    spec: TableSpec,
    segment: pa.RecordBatch,
    upserts: pa.RecordBatch,
    deletes: pa.RecordBatch,
    ranges: Sequence[DropRange],
) -> pa.RecordBatch:
    """Return the edited rows, column by column."""
    for drop in ranges:
        segment = _without_range(spec, segment, drop)
    kept = segment
    for edited in (upserts, deletes):
        if edited.num_rows and kept.num_rows:
            hit = pc.is_in(key_column(kept, spec.key), value_set=key_column(edited, spec.key))
            kept = kept.filter(pc.invert(hit))
    if not upserts.num_rows:
        return kept
    return sort_rows(concat([kept, upserts]), spec.key)


def _without_range(spec: TableSpec, segment: pa.RecordBatch, drop: DropRange) -> pa.RecordBatch:
    start = lower_bound(segment, spec.key, (drop.lower,))
    end = lower_bound(segment, spec.key, (drop.upper,))
    middle = segment.slice(start, end - start)
    if drop.where is None:
        middle = middle.slice(0, 0)
    else:
        middle = middle.filter(pc.not_equal(middle.column(spec.key[1]), drop.where))
    return concat([segment.slice(0, start), middle, segment.slice(end)])
