"""The matches of one leaf of a join or group, sorted by key: a table that each job makes of the one before.

So a changed file finds its partners without listing a repo, and a join of everything is a merge.
"""

from collections.abc import Iterable, Iterator, Sequence
from itertools import islice

import pyarrow as pa

from trunkline.model.datums import DatumInput, InputSource
from trunkline.pps.datums.changes import InputChange
from trunkline.pps.datums.enumeration import KeyedBy
from trunkline.storage.table.edit import Edits, apply_edits, write_table
from trunkline.storage.table.read import Table
from trunkline.storage.table.segment import concat, sort_rows
from trunkline.storage.table.spec import TableSpec
from trunkline.storage.table.store import TableStore

_ROWS_AT_ONCE = 8192
_SCHEMA = pa.schema(
    [
        ("key", pa.string()),
        ("path", pa.string()),
        ("hash", pa.binary()),
        ("size_bytes", pa.int64()),
        ("join_on", pa.string()),
        ("group_by", pa.string()),
    ]
)
SPEC = TableSpec(schema=_SCHEMA, key=("key", "path"), digest=tuple(_SCHEMA.names))


class JoinTables:
    """Reads and writes tables of matches by key."""

    def __init__(self, tables: TableStore) -> None:
        self._tables = tables

    def write(self, matches: Iterable[DatumInput], keyed_by: KeyedBy) -> str:
        """Store matches durably and return the root of their table."""
        source = iter(matches)
        batches = []
        while block := list(islice(source, _ROWS_AT_ONCE)):
            batches.append(_to_batch(block, keyed_by))
        if not batches:
            return ""
        rows = sort_rows(concat(batches), SPEC.key)
        pieces = (rows.slice(start, _ROWS_AT_ONCE) for start in range(0, rows.num_rows, _ROWS_AT_ONCE))
        return write_table(self._tables, SPEC, pieces)

    def apply(self, root: str, changes: Iterable[InputChange], keyed_by: KeyedBy) -> str:
        """Return the table of root with the changes in it."""
        source = iter(changes)
        while block := list(islice(source, _ROWS_AT_ONCE)):
            new = [change.new for change in block if change.new is not None]
            gone = [change.old for change in block if change.old is not None and change.new is None]
            edits = Edits(
                upserts=sort_rows(_to_batch(new, keyed_by), SPEC.key),
                deletes=sort_rows(_to_batch(gone, keyed_by).select(list(SPEC.key)), SPEC.key),
            )
            root = apply_edits(self._tables, SPEC, root, edits)
        return root

    def scan(self, root: str, source: InputSource, *, key: str | None = None) -> Iterator[DatumInput]:
        """Yield the matches by key and path, as inputs of that source; of one key only, where given."""
        bounds = ((), None) if key is None else ((key,), (key + "\0",))
        for batch in Table(self._tables, SPEC, root).scan(*bounds):
            for start in range(0, batch.num_rows, _ROWS_AT_ONCE):
                columns = [column.to_pylist() for column in batch.slice(start, _ROWS_AT_ONCE).columns[1:]]
                for path, hash_, size_bytes, join_on, group_by in zip(*columns, strict=True):
                    yield DatumInput(source, path, hash_, size_bytes, join_on, group_by)


def _to_batch(matches: Sequence[DatumInput], keyed_by: KeyedBy) -> pa.RecordBatch:
    columns = [
        [keyed_by.key(match) for match in matches],
        [match.path for match in matches],
        [match.hash for match in matches],
        [match.size_bytes for match in matches],
        [match.join_on for match in matches],
        [match.group_by for match in matches],
    ]
    return pa.RecordBatch.from_arrays(
        [pa.array(column, field.type) for column, field in zip(columns, _SCHEMA, strict=True)], schema=_SCHEMA
    )
