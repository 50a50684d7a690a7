"""Writes one layer: a stream of operations on files, in order."""

import re
from collections.abc import Callable, Iterable
from pathlib import Path

import pyarrow as pa

from trunkline.errors import InvalidInputError
from trunkline.model.paths import check_writable, clean_keeping_directory
from trunkline.storage.chunk import ChunkRef, ChunkStore
from trunkline.storage.chunk.chunker import Chunker
from trunkline.storage.chunk.writer import ChunkWriter, StoredChunk
from trunkline.storage.fileset.edits import Edit, edits_batch, normalise
from trunkline.storage.fileset.rows import DEFAULT_TAG, LAYERS, FileRow, Op
from trunkline.storage.table import TableStore, write_table
from trunkline.storage.table.segment import concat

_READ_BYTES = 4 * 1024 * 1024
_EDITS_PER_BATCH = 8192
_UNRESOLVED_EDITS_MAX = 131_072
_EDITS_PER_LAYER = 250_000
# What `check_writable` lets pass as it is, in one go, since this runs for every file.
_PLAIN_PATH = re.compile(r"(?:/(?!\.{1,2}(?:/|$))[^\x00-\x1f\x7f-\U0010ffff*?\[\]{}!()@+^/]+)+")


class LayerWriter:
    """Takes operations on files in order and stores them as one layer. For one thread.

    Holds a pack and some hundred thousand rows in memory, never more. Nothing of it is visible before `finish` returns.
    """

    def __init__(self, chunks: ChunkStore, tables: TableStore, merge: Callable[[list[str]], str]) -> None:
        self._store = chunks
        self._tables = tables
        self._merge = merge
        self._chunks = ChunkWriter(chunks)
        self._chunker = Chunker()
        self._open: Edit | None = None
        self._edits: list[Edit] = []
        self._batches: list[pa.RecordBatch] = []
        self._batched = 0
        self._layers: list[str] = []
        self._seq = 0

    def add(self, path: str, data: bytes | Iterable[bytes] = b"", *, tag: str = DEFAULT_TAG) -> None:
        """Append data to the file, which comes to be if need be, even if data is empty.

        Raise InvalidInputError if no file may have that path.
        """
        edit = self._appending(path, tag)
        for piece in (data,) if isinstance(data, bytes | bytearray | memoryview) else data:
            self._append(edit, piece)

    def add_file(self, path: str, source: Path, *, tag: str = DEFAULT_TAG) -> None:
        """Append the content of a local file, reading it once."""
        edit = self._appending(path, tag)
        with open(source, "rb", buffering=0) as file:
            while piece := file.read(_READ_BYTES):
                self._append(edit, piece)

    def delete(self, path: str, *, tag: str = DEFAULT_TAG) -> None:
        """Delete a file ``/a``, or all files of the tag below ``/d/``; ``/`` means all. Absent ones are no error."""
        path = clean_keeping_directory(path)
        self._start(path, tag, Op.DELETE_BELOW if path.endswith("/") else Op.DELETE, [])

    def copy(self, dst: str, rows: Iterable[FileRow], *, src: str = "", tag: str = DEFAULT_TAG) -> None:
        """Append the content of rows to the files below dst that lie as rows do below src. Shares the stored bytes.

        With src naming the one file in rows, or left out, dst names a file.
        """
        base = src.rstrip("/")
        for row in rows:
            below = row.path[len(base) :] if src else ""
            path = _file_path(dst.rstrip("/") + below)
            chunks = [StoredChunk(ref.chunk, ref.length, ref) for ref in row.refs]
            self._start(path, tag, Op.APPEND, chunks).size_bytes = row.size_bytes

    def finish(self) -> str:
        """Make everything durable and return the root of the layer; empty if there was no operation."""
        self._close()
        self._chunks.seal()
        self._batch_edits()
        if self._batches:
            self._spill()
        layers = self._layers
        if len(layers) < 2:
            return layers[0] if layers else ""
        return self._merge(layers)

    def abort(self) -> None:
        """Forget everything. Chunks that are stored already stay until garbage collection."""
        self._chunks.close()
        self._open = None
        self._edits, self._batches, self._layers = [], [], []

    @property
    def new_refs(self) -> list[ChunkRef]:
        """The chunks that went into new packs. Complete after `finish`."""
        return self._chunks.new_refs

    def _appending(self, path: str, tag: str) -> Edit:
        """Return the edit to append to: the last one if it is of that file."""
        path = _file_path(path)
        edit = self._open
        if edit is not None and edit.path == path and edit.tag == tag:
            return edit
        return self._start(path, tag, Op.APPEND, [])

    def _append(self, edit: Edit, data: bytes | memoryview) -> None:
        edit.size_bytes += len(data)
        edit.chunks.extend(map(self._chunks.add, self._chunker.feed(data)))

    def _start(self, path: str, tag: str, op: Op, chunks: list[StoredChunk]) -> Edit:
        """Begin an edit, which may still grow if it appends and has no chunks yet."""
        self._close()
        self._seq += 1
        edit = Edit(path, tag, op, chunks, self._seq)
        if op is Op.APPEND and not chunks:
            self._open = edit
        self._keep(edit)
        return edit

    def _keep(self, edit: Edit) -> None:
        before = self._edits[-1] if self._edits else None
        if before and before.op is Op.DELETE and (before.path, before.tag) == (edit.path, edit.tag):
            # Clients overwrite by deleting and adding: do not leave that to the sorting.
            edit.op = Op.REPLACE if edit.op is Op.APPEND else edit.op
            self._edits[-1] = edit
            return
        if len(self._edits) >= _EDITS_PER_BATCH and len(self._edits) % _EDITS_PER_BATCH == 0:
            self._batch_edits()
        self._edits.append(edit)

    def _close(self) -> None:
        if self._open is not None:
            self._open.chunks.extend(map(self._chunks.add, self._chunker.finish()))
            self._open = None

    def _batch_edits(self) -> None:
        """Move the edits whose chunks have refs into columns."""
        count = next((place for place, edit in enumerate(self._edits) if not edit.is_resolved), len(self._edits))
        if len(self._edits) - count >= _UNRESOLVED_EDITS_MAX:
            self._chunks.seal()
            count = len(self._edits)
        if count:
            self._batches.append(edits_batch(self._edits[:count]))
            self._batched += count
            del self._edits[:count]
        if self._batched >= _EDITS_PER_LAYER:
            self._spill()

    def _spill(self) -> None:
        edits = normalise(concat(self._batches), self._store, self._chunks)
        self._batches, self._batched = [], 0
        self._layers.append(write_table(self._tables, LAYERS, iter([edits])))


def _file_path(path: str) -> str:
    if _PLAIN_PATH.fullmatch(path):
        return path
    cleaned = check_writable(path)
    if cleaned.endswith("/"):
        raise InvalidInputError(f"path ({path}) invalid: it names a directory, and files make their directories")
    return cleaned
