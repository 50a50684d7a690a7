"""Edit rows on their way into a layer: buffered in columns, put in order, made unique by folding.

Edits have the columns of a layer and ``seq``: of two edits of one file the higher one comes later.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby

import pyarrow as pa
import pyarrow.compute as pc

from trunkline.storage.chunk import ChunkRef, ChunkStore
from trunkline.storage.chunk.hashes import hash_content
from trunkline.storage.chunk.writer import ChunkWriter, StoredChunk, resolved
from trunkline.storage.fileset.contents import ContentJoiner
from trunkline.storage.fileset.rows import KEY, LAYERS, Op, after_directory, decode_row_refs, encode_row_refs
from trunkline.storage.table.segment import concat, lower_bound, sort_rows

EDITS_SCHEMA = LAYERS.schema.append(pa.field("seq", pa.int64()))


@dataclass(slots=True)
class Edit:
    """One edit whose chunks may still lack their refs."""

    path: str
    tag: str
    op: Op
    chunks: list[StoredChunk]
    seq: int

    @property
    def is_resolved(self) -> bool:
        """Tell whether all chunks have refs."""
        return all(chunk.ref is not None for chunk in self.chunks)


def edits_batch(edits: Sequence[Edit]) -> pa.RecordBatch:
    """Return edits, all of them resolved, in columns."""
    return pa.RecordBatch.from_arrays(
        [
            pa.array([edit.path for edit in edits], pa.string()),
            pa.array([edit.tag for edit in edits], pa.string()),
            pa.array([sum([chunk.length for chunk in edit.chunks]) for edit in edits], pa.int64()),
            pa.array([hash_content([chunk.chunk for chunk in edit.chunks]) for edit in edits], pa.binary(32)),
            pa.array([encode_row_refs(tuple(resolved(edit.chunks))) for edit in edits], pa.binary()),
            pa.array([edit.op for edit in edits], pa.uint8()),
            pa.array([edit.seq for edit in edits], pa.int64()),
        ],
        schema=EDITS_SCHEMA,
    )


def normalise(edits: pa.RecordBatch, store: ChunkStore, writer: ChunkWriter) -> pa.RecordBatch:
    """Return the rows of the layer that does what edits do, in key order, one for each key.

    Several edits of one file become one; contents that have to be joined for it are cut anew and sealed.
    """
    if not _is_strictly_sorted(edits):
        edits = sort_rows(edits, (*KEY, "seq"))
        edits = _without_deleted(edits)
        edits = _folded(edits, store, writer)
    return edits.select(LAYERS.schema.names)


def delete_below_rows(edits: pa.RecordBatch) -> pa.RecordBatch:
    """Return the rows that delete whole directories."""
    return edits.filter(pc.equal(edits.column("op"), pa.scalar(Op.DELETE_BELOW, pa.uint8())))


def _is_strictly_sorted(edits: pa.RecordBatch) -> bool:
    if edits.num_rows < 2:
        return True
    if delete_below_rows(edits).num_rows:
        return False
    path = edits.column("path")
    return bool(pc.all(pc.less(path.slice(0, len(path) - 1), path.slice(1))).as_py())


def _without_deleted(edits: pa.RecordBatch) -> pa.RecordBatch:
    """Drop the edits that a later deletion of a directory above them undoes."""
    deletions = delete_below_rows(edits)
    for path, tag, seq in zip(*(deletions.column(name).to_pylist() for name in (*KEY, "seq")), strict=True):
        start = lower_bound(edits, KEY, (path,))
        end = lower_bound(edits, KEY, (after_directory(path),), start)
        below = edits.slice(start, end - start)
        undone = pc.and_(pc.equal(below.column("tag"), tag), pc.less(below.column("seq"), seq))
        if pc.any(undone).as_py():
            edits = concat([edits.slice(0, start), below.filter(pc.invert(undone)), edits.slice(end)])
    return edits


def _folded(edits: pa.RecordBatch, store: ChunkStore, writer: ChunkWriter) -> pa.RecordBatch:
    """Make one edit of those that have the same key."""
    rows = edits.num_rows
    again = pc.and_(
        *(pc.equal(edits.column(name).slice(0, max(rows - 1, 0)), edits.column(name).slice(1)) for name in KEY)
    )
    repeats = pc.indices_nonzero(again).to_pylist()
    if not repeats:
        return edits
    positions = sorted({row for repeat in repeats for row in (repeat, repeat + 1)})
    several = edits.take(pa.array(positions, pa.int64())).to_pylist()
    folds = [
        _fold(list(group), store, writer) for _, group in groupby(several, key=lambda row: (row["path"], row["tag"]))
    ]
    writer.seal()
    single = pc.invert(pc.is_in(pa.array(range(rows), pa.int64()), value_set=pa.array(positions, pa.int64())))
    return sort_rows(concat([edits.filter(single), edits_batch(folds)]), KEY)


def _fold(rows: list[dict[str, object]], store: ChunkStore, writer: ChunkWriter) -> Edit:
    op, contents = _fold_ops([(Op(row["op"]), row) for row in rows])  # type: ignore[arg-type]
    joiner = ContentJoiner(store, writer)
    for row in contents:
        joiner.add(_refs(row))
    last = rows[-1]
    return joined_edit(str(last["path"]), str(last["tag"]), op, joiner.finish())


def _fold_ops(rows: Sequence[tuple[Op, dict[str, object]]]) -> tuple[Op, list[dict[str, object]]]:
    """Return the operation that the operations of rows amount to, and the rows that make up the content."""
    result: Op | None = None
    contents: list[dict[str, object]] = []
    for op, row in rows:
        if op is Op.APPEND:
            contents.append(row)
            result = Op.APPEND if result in (None, Op.APPEND) else Op.REPLACE
        else:
            contents = [row] if op is Op.REPLACE else []
            result = op
    assert result is not None
    return result, contents


def joined_edit(path: str, tag: str, op: Op, chunks: list[StoredChunk]) -> Edit:
    """Return the edit that gives a file these chunks."""
    return Edit(path, tag, op, chunks, seq=0)


def _refs(row: dict[str, object]) -> tuple[ChunkRef, ...]:
    refs, content_hash, size = row["refs"], row["hash"], row["size"]
    assert isinstance(refs, bytes)
    assert isinstance(content_hash, bytes)
    assert isinstance(size, int)
    return decode_row_refs(refs, content_hash, size)
