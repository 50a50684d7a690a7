"""Table objects by hash, with the segments and trees that were used last kept loaded."""

from collections import OrderedDict
from collections.abc import Hashable, Iterator, Sequence
from dataclasses import dataclass, field
from threading import Lock
from typing import Generic, TypeVar

import pyarrow as pa
import pyarrow.compute as pc
from blake3 import blake3

from trunkline.errors import CorruptDataError
from trunkline.objects import ObjectNotFoundError, ObjectStore
from trunkline.storage.table.borders import starts_segment
from trunkline.storage.table.digests import group_digest
from trunkline.storage.table.nodes import decode_entries, encode_entries, group_into_nodes, parent_entry
from trunkline.storage.table.segment import decode_batch, encode_batch, key_at
from trunkline.storage.table.spec import Entry, Key, Summary, TableSpec

_ENTRY_BYTES = 700  # about what one entry takes as Python objects
_V = TypeVar("_V")


@dataclass(frozen=True, slots=True)
class Tree:
    """The index of one table, loaded: an entry for each segment."""

    entries: list[Entry]
    borders: list[Key] = field(repr=False)
    """`Entry.border` of each, to bisect."""
    nodes: dict[bytes, Entry] = field(repr=False)
    """The nodes over them, by the hash of their children's hashes, so that unchanged ones are not written again."""
    rows: int
    size_bytes: int


class TableStore:
    """Segments and trees over an object store. Safe for use from many threads; one per process shares its cache."""

    def __init__(self, objects: ObjectStore, *, cache_bytes: int = 128 * 1024 * 1024) -> None:
        self._objects = objects
        self._segments: _Cache[pa.RecordBatch] = _Cache(cache_bytes)
        self._trees: _Cache[Tree] = _Cache(cache_bytes // 4)
        self.summaries: _Cache[Summary] = _Cache(cache_bytes // 16)
        """Of pieces of segments, each (hash of the segment, whether it is natural, first row, row past the last)."""

    def segment(self, name: bytes) -> pa.RecordBatch:
        """Return the rows of a segment."""
        batch = self._segments.get(name)
        if batch is None:
            _, batch = self.load(name)
            self._segments.add(name, batch, batch.nbytes)
        return batch

    def tree(self, spec: TableSpec, root: str) -> Tree:
        """Return the index of the table of that root."""
        name = bytes.fromhex(root)
        tree = self._trees.get(name)
        if tree is None:
            nodes: dict[bytes, Entry] = {}
            tree = _tree(list(self._load_entries(spec, name, nodes)) if name else [], nodes)
            self._trees.add(name, tree, len(tree.entries) * _ENTRY_BYTES)
        return tree

    def put_segment(self, spec: TableSpec, batch: pa.RecordBatch, *, natural: bool) -> Entry:
        """Store rows durably as one segment."""
        name = self.put_object(0, batch)
        self._segments.add(name, batch, batch.nbytes)
        return _segment_entry(spec, batch, name, natural=natural)

    def put_tree(self, spec: TableSpec, entries: list[Entry], known: dict[bytes, Entry]) -> str:
        """Store the index over segments durably and return its root."""
        if not entries:
            return ""
        nodes: dict[bytes, Entry] = {}
        level, top = 0, entries
        while len(top) > 1:
            level += 1
            top = [self._put_node(spec, run, level, known, nodes) for run in group_into_nodes(top, level)]
        tree = _tree(entries, nodes)
        self._trees.add(top[0].hash, tree, len(entries) * _ENTRY_BYTES)
        return top[0].hash.hex()

    def objects(self, root: str, seen: set[bytes]) -> Iterator[tuple[bytes, int, pa.RecordBatch]]:
        """Yield (hash, level, rows) of each object of a table that is not in seen, and add it there.

        For garbage collection and checks: what tables share is read once, and the cache is left alone.
        """
        pending = [bytes.fromhex(root)] if root else []
        while pending:
            name = pending.pop()
            if name in seen:
                continue
            seen.add(name)
            level, batch = self.load(name)
            yield name, level, batch
            if level:
                pending.extend(batch.column("hash").to_pylist())

    def put_object(self, level: int, batch: pa.RecordBatch) -> bytes:
        """Store an object as it is, durably, and return its name. For those who rewrite what `objects` has given."""
        data = encode_batch(batch, level=level)
        name = blake3(data).digest()
        self._objects.put(table_key(name), data)
        return name

    def _put_node(
        self,
        spec: TableSpec,
        children: Sequence[Entry],
        level: int,
        known: dict[bytes, Entry],
        nodes: dict[bytes, Entry],
    ) -> Entry:
        key = blake3(b"".join(child.hash for child in children)).digest()
        entry = known.get(key)
        if entry is None:
            entry = parent_entry(children, self.put_object(level, encode_entries(spec, children)))
        nodes[key] = entry
        return entry

    def _load_entries(self, spec: TableSpec, name: bytes, nodes: dict[bytes, Entry]) -> Iterator[Entry]:
        level, batch = self.load(name)
        if level == 0:
            self._segments.add(name, batch, batch.nbytes)
            yield _segment_entry(spec, batch, name, natural=starts_segment(batch.column(spec.key[0])[0].as_py()))
            return
        children = decode_entries(spec, batch)
        nodes[blake3(b"".join(child.hash for child in children)).digest()] = parent_entry(children, name)
        for child in children:
            if level == 1:
                yield child
            else:
                yield from self._load_entries(spec, child.hash, nodes)

    def load(self, name: bytes) -> tuple[int, pa.RecordBatch]:
        """Return the level and rows of an object as it is stored, or raise CorruptDataError."""
        try:
            data = self._objects.get(table_key(name))
        except ObjectNotFoundError:
            raise CorruptDataError(f"table object {name.hex()} is missing") from None
        if blake3(data).digest() != name:
            raise CorruptDataError(f"table object {name.hex()} is damaged")
        return decode_batch(data)


def table_key(name: bytes) -> str:
    """Return the object key of a segment or index node."""
    text = name.hex()
    return f"tables/{text[:2]}/{text}"


def _tree(entries: list[Entry], nodes: dict[bytes, Entry]) -> Tree:
    return Tree(
        entries=entries,
        borders=[entry.border for entry in entries],
        nodes=nodes,
        rows=sum(entry.rows for entry in entries),
        size_bytes=sum(entry.size_bytes for entry in entries),
    )


def _segment_entry(spec: TableSpec, batch: pa.RecordBatch, name: bytes, *, natural: bool) -> Entry:
    return Entry(
        hash=name,
        first=key_at(batch, spec.key, 0),
        last=key_at(batch, spec.key, batch.num_rows - 1),
        rows=batch.num_rows,
        size_bytes=(pc.sum(batch.column(spec.size)).as_py() or 0) if spec.size else 0,
        digest=group_digest([batch], spec.digest),
        natural=natural,
    )


class _Cache(Generic[_V]):
    """The values used last, up to a number of bytes in all."""

    def __init__(self, bytes_max: int) -> None:
        self._values: OrderedDict[Hashable, tuple[_V, int]] = OrderedDict()
        self._bytes_left = bytes_max
        self._lock = Lock()

    def get(self, key: Hashable) -> _V | None:
        with self._lock:
            found = self._values.get(key)
            if found is None:
                return None
            self._values.move_to_end(key)
            return found[0]

    def add(self, key: Hashable, value: _V, size_bytes: int) -> None:
        with self._lock:
            if key in self._values:
                return
            self._values[key] = (value, size_bytes)
            self._bytes_left -= size_bytes
            while self._bytes_left < 0 and self._values:
                _, (_, freed) = self._values.popitem(last=False)
                self._bytes_left += freed
