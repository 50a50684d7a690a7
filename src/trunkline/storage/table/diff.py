"""Differences between two tables, found without reading what they share."""

from bisect import bisect_right
from collections.abc import Callable, Iterator
from itertools import pairwise

import pyarrow as pa
import pyarrow.compute as pc

from trunkline.storage.table.read import Table
from trunkline.storage.table.segment import key_column, lower_bound
from trunkline.storage.table.spec import Entry, Key, TableSpec


def changed_rows(
    new: Table, old: Table, *, lower: Key = (), upper: Key | None = None, whole_keys: bool = False
) -> Iterator[tuple[pa.RecordBatch, pa.RecordBatch]]:
    """Yield pairs of (rows of new, rows of old) that have no equal in the other table, in key order.

    Equal are rows that agree in key and digest columns. A pair covers one range of keys, and ranges ascend. Segments
    with equal digests are skipped unread, although their keys may differ in what the digest leaves out; with
    ``whole_keys`` only equal segments are.
    """
    spec = new.spec
    for low, high, new_entry, old_entry in _aligned(new, old, lower, upper):
        if _is_shared(new_entry, old_entry, whole_keys):
            continue
        pair = _difference(spec, _window(new, new_entry, low, high), _window(old, old_entry, low, high))
        if pair[0].num_rows or pair[1].num_rows:
            yield pair


def _is_shared(new: Entry | None, old: Entry | None, whole_keys: bool) -> bool:
    if new is None or old is None:
        return False
    return new.hash == old.hash if whole_keys else new.digest == old.digest


def _aligned(
    new: Table, old: Table, lower: Key, upper: Key | None
) -> Iterator[tuple[Key, Key | None, Entry | None, Entry | None]]:
    """Yield key ranges in which each table has at most one segment, with those segments' entries."""
    borders = sorted({entry.border for table in (new, old) for entry in table.entries[1:]})
    start = bisect_right(borders, lower)
    bounds: list[Key | None] = [lower]
    for border in borders[start:]:
        if upper is not None and border >= upper:
            break
        bounds.append(border)
    bounds.append(upper)
    for low, high in pairwise(bounds):
        assert low is not None
        yield low, high, _entry(new, low), _entry(old, low)


def _entry(table: Table, key: Key) -> Entry | None:
    return table.entries[table.owner(key)] if table.entries else None


def _window(table: Table, entry: Entry | None, low: Key, high: Key | None) -> pa.RecordBatch:
    if entry is None:
        return table.spec.no_rows()
    batch = table.store.segment(entry.hash)
    start = lower_bound(batch, table.spec.key, low)
    end = batch.num_rows if high is None else lower_bound(batch, table.spec.key, high, start)
    return batch.slice(start, end - start)


def _difference(spec: TableSpec, new: pa.RecordBatch, old: pa.RecordBatch) -> tuple[pa.RecordBatch, pa.RecordBatch]:
    new, old = _without_common_ends(spec, new, old)
    if not new.num_rows or not old.num_rows:
        return new, old
    partners = pc.index_in(key_column(new, spec.key), value_set=key_column(old, spec.key))
    same = pc.is_valid(partners)
    for name in spec.digest:
        same = pc.and_(same, pc.fill_null(pc.equal(new.column(name), old.column(name).take(partners)), False))
    paired = partners.filter(same)
    rows = pa.array(range(old.num_rows), partners.type)
    return new.filter(pc.invert(same)), old.filter(pc.invert(pc.is_in(rows, value_set=paired)))


def _without_common_ends(
    spec: TableSpec, new: pa.RecordBatch, old: pa.RecordBatch
) -> tuple[pa.RecordBatch, pa.RecordBatch]:
    """Return the rows without those at both ends in which new and old agree: mostly hardly any are left."""
    columns = list(dict.fromkeys((*spec.key, *spec.digest)))
    left, right = new.select(columns), old.select(columns)
    shorter = min(left.num_rows, right.num_rows)
    head = _longest(shorter, lambda rows: left.slice(0, rows).equals(right.slice(0, rows)))
    tail = _longest(
        shorter - head,
        lambda rows: left.slice(left.num_rows - rows).equals(right.slice(right.num_rows - rows)),
    )
    return new.slice(head, new.num_rows - head - tail), old.slice(head, old.num_rows - head - tail)


def _longest(limit: int, agrees: Callable[[int], bool]) -> int:
    low, high = 0, limit
    while low < high:
        middle = (low + high + 1) // 2
        if agrees(middle):
            low = middle
        else:
            high = middle - 1
    return low
