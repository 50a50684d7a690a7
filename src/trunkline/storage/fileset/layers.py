"""Layers made of whole file sets and of differences between two."""

from collections.abc import Iterator

import pyarrow as pa
import pyarrow.compute as pc

from trunkline.storage.chunk.hashes import EMPTY_HASH
from trunkline.storage.fileset.rows import FILES, KEY, LAYERS, Op
from trunkline.storage.table import Table, TableStore, changed_rows, write_table
from trunkline.storage.table.segment import concat, key_column, sort_rows


def layer_of(tables: TableStore, root: str) -> str:
    """Return the layer that appends all files of a file set."""
    table = Table(tables, FILES, root)
    return write_table(tables, LAYERS, (_with_op(batch, Op.APPEND) for batch in table.scan()))


def layer_between(tables: TableStore, new: str, old: str) -> str:
    """Return the layer that turns the file set old into new: it replaces what differs and deletes what is gone."""
    return write_table(tables, LAYERS, _changes(Table(tables, FILES, new), Table(tables, FILES, old)))


def _changes(new: Table, old: Table) -> Iterator[pa.RecordBatch]:
    for there, gone in changed_rows(new, old, whole_keys=True):
        is_replaced = pc.is_in(key_column(gone, KEY), value_set=key_column(there, KEY))
        yield sort_rows(concat([_with_op(there, Op.REPLACE), _deletions(gone.filter(pc.invert(is_replaced)))]), KEY)


def _with_op(rows: pa.RecordBatch, op: Op) -> pa.RecordBatch:
    ops = pa.array([op] * rows.num_rows, pa.uint8())
    columns = [rows.column(name) for name in FILES.schema.names]
    return pa.RecordBatch.from_arrays([*columns, ops], schema=LAYERS.schema)


def _deletions(rows: pa.RecordBatch) -> pa.RecordBatch:
    count = rows.num_rows
    columns = [
        rows.column("path"),
        rows.column("tag"),
        pa.array([0] * count, pa.int64()),
        pa.array([EMPTY_HASH] * count, pa.binary(32)),
        pa.array([b""] * count, pa.binary()),
        pa.array([Op.DELETE] * count, pa.uint8()),
    ]
    return pa.RecordBatch.from_arrays(columns, schema=LAYERS.schema)
