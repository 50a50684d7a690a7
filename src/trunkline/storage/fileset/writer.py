"""Writes one layer: a stream of operations on files, in order."""

import os
import re
from collections.abc import Callable, Iterable
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc

from trunkline.errors import InvalidInputError
from trunkline.model.paths import check_writable, clean, clean_keeping_directory
from trunkline.objects.urls import UrlError
from trunkline.storage.chunk import ChunkRef, ChunkStore
from trunkline.storage.chunk.chunker import CHUNK_BYTES_MIN, Chunker
from trunkline.storage.chunk.writer import ChunkWriter, StoredChunk
from trunkline.storage.fileset.edits import EDITS_SCHEMA, Edit, edits_batch, normalise
from trunkline.storage.fileset.rows import DEFAULT_TAG, LAYERS, FileRow, Op
from trunkline.storage.fileset.sources import Guard, Seen, SourceMemory, look_at
from trunkline.storage.table import Table, TableStore, write_table
from trunkline.storage.table.segment import concat

_EDITS_PER_BATCH = 8192
_UNRESOLVED_EDITS_MAX = 131_072
_EDITS_PER_LAYER = 250_000
_SAME = pa.schema([("tag", pa.string()), ("op", pa.uint8())])
# What `check_writable` lets pass as it is, in one go, since this runs for every file.
_PLAIN_PATH = re.compile(r"(?:/(?!\.{1,2}(?:/|$))[^\x00-\x1f\x7f-\U0010ffff*?\[\]{}!()@+^/]+)+")


class LayerWriter:
    """Takes operations on files in order and stores them as one layer. For one thread.

    Holds a pack and some hundred thousand rows in memory, never more. Nothing of it is visible before `finish` returns.
    """

    def __init__(
        self,
        chunks: ChunkStore,
        tables: TableStore,
        merge: Callable[[list[str]], str],
        *,
        sources: SourceMemory = SourceMemory(None),  # noqa: B008 - one that remembers nothing
    ) -> None:
        self._store = chunks
        self._tables = tables
        self._merge = merge
        self._sources = sources
        self._tree: Seen | None = None
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
            self._append_from(edit, file.fileno())

    def add_open_file(self, path: str, descriptor: int, *, tag: str = DEFAULT_TAG) -> None:
        """Append what a descriptor gives until its end. It stays open."""
        self._append_from(self._appending(path, tag), descriptor)

    def add_tree(
        self,
        path: str,
        directory: str,
        *,
        replace: bool = False,
        reread: bool = False,
        tag: str = DEFAULT_TAG,
        guard: Guard | None = None,
    ) -> None:
        """Append each file below a local directory to the file below path, or put it in that file's place.

        Files that look as they did when they were put last are not read, unless told to. Raise UrlError if one cannot
        be read, InvalidInputError if no file may have its path.
        """
        base = clean(path).rstrip("/") + "/"
        _file_path(base + "name")
        seen = look_at(directory, guard)
        self._tree = seen if not self._seq else None
        known, new = self._sources.split(seen, self._store.index, reread=reread, store=self._store)
        op = Op.REPLACE if replace else Op.APPEND
        self._close()
        self._add_known(base, known, op, tag)
        for name, size in zip(new.column("path").to_pylist(), new.column("size").to_pylist(), strict=True):
            self._add_local(_file_path(base + name), directory + "/" + name, size, op, tag)

    def _add_known(self, base: str, known: pa.RecordBatch, op: Op, tag: str) -> None:
        count = known.num_rows
        if not count:
            return
        same = pa.RecordBatch.from_pylist([{"tag": tag, "op": op}], schema=_SAME).take(pa.array([0] * count, pa.int8()))
        paths = pc.binary_join_element_wise(base, known.column("path"), "")
        numbers = pa.array(range(self._seq + 1, self._seq + 1 + count), pa.int64())
        columns = [paths, same.column("tag"), *(known.column(name) for name in ("size", "hash", "refs"))]
        self._batches.append(pa.RecordBatch.from_arrays([*columns, same.column("op"), numbers], schema=EDITS_SCHEMA))
        self._batched += count
        self._seq += count

    def _add_local(self, path: str, source: str, size: int, op: Op, tag: str) -> None:
        self._seq += 1
        edit = Edit(path, tag, op, [], self._seq)
        try:
            descriptor = os.open(source, os.O_RDONLY | os.O_CLOEXEC)
            try:
                data = os.read(descriptor, size + 1) if size <= CHUNK_BYTES_MIN else b""
                if len(data) == size:
                    if data:
                        edit.chunks.append(self._chunks.add(data))
                else:
                    self._append(edit, data)
                    self._append_from(edit, descriptor)
                    edit.chunks.extend(map(self._chunks.add, self._chunker.finish()))
            finally:
                os.close(descriptor)
        except OSError as error:
            raise UrlError(f"error retrieving content from {source}: {error.strerror}") from error
        self._keep(edit)

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
            self._start(path, tag, Op.APPEND, chunks)

    def finish(self) -> str:
        """Make everything durable and return the root of the layer; empty if there was no operation."""
        self._close()
        self._chunks.seal()
        self._batch_edits()
        if self._batches:
            self._spill()
        layers = self._layers
        layer = self._merge(layers) if len(layers) > 1 else "".join(layers)
        self._remember(layer)
        return layer

    def abort(self) -> None:
        """Forget everything. Chunks that are stored already stay until garbage collection."""
        self._chunks.close()
        self._open = None
        self._edits, self._batches, self._layers = [], [], []

    def _remember(self, layer: str) -> None:
        """Remember the tree, if the layer is nothing but that."""
        tree = self._tree
        if tree is None or not layer or self._seq != tree.files.num_rows:
            return
        rows = pa.Table.from_batches(list(Table(self._tables, LAYERS, layer).scan())).combine_chunks()
        if rows.num_rows == tree.files.num_rows:
            # Both are in path order.
            self._sources.remember(tree, *(rows.column(name).combine_chunks() for name in ("hash", "refs")))

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
        edit.chunks.extend(map(self._chunks.add, self._chunker.feed(data)))

    def _append_from(self, edit: Edit, descriptor: int) -> None:
        """Append what a descriptor gives until its end."""
        edit.chunks.extend(map(self._chunks.add, self._chunker.feed_from(descriptor)))

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
