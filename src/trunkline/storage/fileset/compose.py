"""Puts layers over each other and over a file set."""

from collections.abc import Iterator, Sequence

import pyarrow as pa
import pyarrow.compute as pc

from trunkline.storage.chunk import ChunkStore
from trunkline.storage.chunk.writer import ChunkWriter
from trunkline.storage.fileset.contents import ContentJoiner
from trunkline.storage.fileset.edits import EDITS_SCHEMA, Edit, edits_batch, joined_edit, normalise
from trunkline.storage.fileset.rows import FILES, LAYERS, Op, after_directory, file_rows
from trunkline.storage.table import DropRange, Edits, Key, Table, TableStore, apply_edits, write_table
from trunkline.storage.table.segment import concat, sort_rows

_ROWS_AT_ONCE = 500_000
_JOINED_AT_ONCE = 50_000


class Composer:
    """Merges layers and applies them. Works through key ranges, so that memory does not grow with the layers."""

    def __init__(self, chunks: ChunkStore, tables: TableStore) -> None:
        self._chunks = chunks
        self._tables = tables

    def merge(self, layers: Sequence[str]) -> str:
        """Return the layer that does what layers do one after the other."""
        return write_table(self._tables, LAYERS, self._merged(layers))

    def compose(self, base: str, layers: Sequence[str]) -> str:
        """Return the root of the file set that results from applying layers in order to the file set of base."""
        layers = [layer for layer in layers if layer]
        root = self._delete_below(base, layers)
        for edits in self._merged(layers):
            root = self._apply(root, edits)
        return root

    def _merged(self, layers: Sequence[str]) -> Iterator[pa.RecordBatch]:
        """Yield the rows of the merged layer in key order, some hundred thousand at a time."""
        tables = [Table(self._tables, LAYERS, layer) for layer in layers]
        writer = ChunkWriter(self._chunks)
        deletions = _sequenced([(table, _delete_below(table)) for table in tables])
        for lower, upper in _key_ranges(tables):
            rows = _sequenced([(table, table.scan(lower, upper)) for table in tables])
            if len(tables) == 1:
                merged = rows.select(LAYERS.schema.names)
            else:
                merged = self._normalised(rows, deletions, lower, upper, writer)
            if merged.num_rows:
                yield merged

    def _normalised(
        self, rows: pa.RecordBatch, deletions: pa.RecordBatch, lower: Key, upper: Key | None, writer: ChunkWriter
    ) -> pa.RecordBatch:
        """Return the merged rows of one key range, on which deletions that stand before it work, too."""
        earlier = deletions.filter(pc.less(deletions.column("path"), lower[0])) if lower else deletions.slice(0, 0)
        merged = normalise(concat([earlier, rows]), self._chunks, writer)
        return merged.filter(pc.greater_equal(merged.column("path"), lower[0])) if lower else merged

    def _delete_below(self, root: str, layers: Sequence[str]) -> str:
        ranges = [
            DropRange(row["path"], after_directory(row["path"]), row["tag"])
            for layer in layers
            for batch in _delete_below(Table(self._tables, LAYERS, layer))
            for row in batch.select(["path", "tag"]).to_pylist()
        ]
        if not root or not ranges:
            return root
        return apply_edits(self._tables, FILES, root, Edits(FILES.no_rows(), FILES.no_keys(), ranges))

    def _apply(self, root: str, edits: pa.RecordBatch) -> str:
        op = edits.column("op")
        deletes = edits.filter(_is(op, Op.DELETE)).select(list(FILES.key)) if root else FILES.no_keys()
        appends = edits.filter(_is(op, Op.APPEND))
        replaces = edits.filter(_is(op, Op.REPLACE))
        grown = self._grown(root, appends) if root else None
        if grown is not None:
            upserts = [replaces, *grown]
        else:
            upserts = [edits.filter(pc.or_(_is(op, Op.APPEND), _is(op, Op.REPLACE)))]
        merged = _sorted_files(upserts)
        if not merged.num_rows and not deletes.num_rows:
            return root
        return apply_edits(self._tables, FILES, root, Edits(merged, deletes))

    def _grown(self, root: str, appends: pa.RecordBatch) -> list[pa.RecordBatch] | None:
        """Return appends with those that meet an existing file joined to its content; None if there are none such."""
        hits, found = Table(self._tables, FILES, root).find_many(appends)
        if not hits:
            return None
        names = FILES.schema.names
        grown = appends.take(pa.array(hits, pa.int64()))
        existing = concat(found)
        joined = [
            self._joined(existing.slice(start, _JOINED_AT_ONCE), grown.slice(start, _JOINED_AT_ONCE)).select(names)
            for start in range(0, len(hits), _JOINED_AT_ONCE)
        ]
        is_hit = pc.is_in(pa.array(range(appends.num_rows), pa.int64()), value_set=pa.array(hits, pa.int64()))
        return [appends.filter(pc.invert(is_hit)).select(names), *joined]

    def _joined(self, before: pa.RecordBatch, after: pa.RecordBatch) -> pa.RecordBatch:
        """Return the rows of before with the content of after, row by row, appended."""
        writer = ChunkWriter(self._chunks)
        joined: list[Edit] = []
        for rows in zip(file_rows(before), file_rows(after), strict=True):
            joiner = ContentJoiner(self._chunks, writer)
            for row in rows:
                joiner.add(row.refs)
            joined.append(joined_edit(rows[0].path, rows[0].tag, Op.REPLACE, joiner.finish()))
        writer.seal()
        return edits_batch(joined)


def _sorted_files(batches: Sequence[pa.RecordBatch]) -> pa.RecordBatch:
    """Return the rows of batches, each of them sorted, as one sorted batch with the columns of file sets."""
    rows = [batch.select(FILES.schema.names) for batch in batches if batch.num_rows]
    if not rows:
        return FILES.no_rows()
    return rows[0] if len(rows) == 1 else sort_rows(concat(rows), FILES.key)


def _is(op: pa.Array, wanted: Op) -> pa.Array:
    return pc.equal(op, pa.scalar(wanted, pa.uint8()))


def _delete_below(layer: Table) -> Iterator[pa.RecordBatch]:
    for batch in layer.scan():
        found = batch.filter(_is(batch.column("op"), Op.DELETE_BELOW))
        if found.num_rows:
            yield found


def _sequenced(layers: Sequence[tuple[Table, Iterator[pa.RecordBatch]]]) -> pa.RecordBatch:
    """Return the rows of all layers, numbered by the place of their layer."""
    batches = [pa.RecordBatch.from_pylist([], schema=EDITS_SCHEMA)]
    for seq, (_, rows) in enumerate(layers):
        for batch in rows:
            numbers = pa.array([seq], pa.int64()).take(pa.array([0] * batch.num_rows, pa.int8()))
            batches.append(pa.RecordBatch.from_arrays([*batch.columns, numbers], schema=EDITS_SCHEMA))
    return concat(batches)


def _key_ranges(tables: Sequence[Table]) -> Iterator[tuple[Key, Key | None]]:
    """Yield ranges of paths that cover everything, each with a bounded number of rows in all tables together."""
    borders = sorted((entry.first[:1], entry.rows) for table in tables for entry in table.entries)
    lower: Key = ()
    rows = 0
    for border, count in borders:
        if rows + count > _ROWS_AT_ONCE and rows and border > lower:
            yield lower, border
            lower, rows = border, 0
        rows += count
    yield lower, None
