"""Cuts sorted rows into segments and stores them."""

from collections.abc import Iterator, Sequence

import pyarrow as pa

from trunkline.storage.table.borders import SEGMENT_ROWS_MAX
from trunkline.storage.table.segment import concat
from trunkline.storage.table.spec import Entry, TableSpec
from trunkline.storage.table.store import TableStore


class SegmentWriter:
    """Takes rows in key order and yields the entries of the segments that are complete.

    A segment ends before a row that starts one, and where it would become longer than the limit. So a row that starts a
    segment makes all that follows independent of what came before.
    """

    def __init__(self, store: TableStore, spec: TableSpec) -> None:
        self._store = store
        self._spec = spec
        self._pending: list[pa.RecordBatch] = []
        self._pending_rows = 0
        self._natural = False

    @property
    def is_between_segments(self) -> bool:
        """Tell whether no rows are pending."""
        return not self._pending

    def add(self, batch: pa.RecordBatch, starts: Sequence[int]) -> Iterator[Entry]:
        """Take rows, of which those at the positions in starts start a segment."""
        done = 0
        for start in starts:
            if start == 0 and self._continues_last_row(batch):
                continue
            yield from self._append(batch.slice(done, start - done))
            yield from self.finish()
            self._natural = True
            done = start
        yield from self._append(batch.slice(done))

    def finish(self) -> Iterator[Entry]:
        """Yield the entry of the rows that are pending, as a segment of its own."""
        if self._pending:
            # The empty piece forces a copy: of a lone slice, Arrow would write some of what lies around it, too.
            rows = concat([*self._pending, self._pending[0].slice(0, 0)])
            yield self._store.put_segment(self._spec, rows, natural=self._natural)
            self._pending, self._pending_rows = [], 0
        self._natural = False

    def _append(self, batch: pa.RecordBatch) -> Iterator[Entry]:
        while batch.num_rows:
            room = SEGMENT_ROWS_MAX - self._pending_rows
            if not room:
                yield from self.finish()
                continue
            self._pending.append(batch.slice(0, room))
            self._pending_rows += min(room, batch.num_rows)
            batch = batch.slice(min(room, batch.num_rows))

    def _continues_last_row(self, batch: pa.RecordBatch) -> bool:
        if not self._pending:
            return False
        last = self._pending[-1].column(self._spec.key[0])
        return bool(last[len(last) - 1] == batch.column(self._spec.key[0])[0])
