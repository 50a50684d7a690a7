"""Index nodes: lists of children as rows of an Arrow batch, and how entries are grouped into nodes."""

from collections.abc import Iterator, Sequence

import pyarrow as pa

from trunkline.storage.table.borders import NODE_ENTRIES_MAX, starts_node
from trunkline.storage.table.spec import Entry, TableSpec

_FIXED = [
    ("hash", pa.binary(32)),
    ("rows", pa.int64()),
    ("size_bytes", pa.int64()),
    ("digest", pa.binary(32)),
    ("natural", pa.bool_()),
]


def encode_entries(spec: TableSpec, entries: Sequence[Entry]) -> pa.RecordBatch:
    """Return entries as the rows of a node."""
    columns = {name: pa.array([getattr(entry, name) for entry in entries], type_) for name, type_ in _FIXED}
    for place, name in enumerate(spec.key):
        columns[f"first.{name}"] = pa.array([entry.first[place] for entry in entries], pa.string())
        columns[f"last.{name}"] = pa.array([entry.last[place] for entry in entries], pa.string())
    return pa.RecordBatch.from_pydict(columns)


def decode_entries(spec: TableSpec, batch: pa.RecordBatch) -> list[Entry]:
    """Return the entries of a node."""
    fixed = {name: batch.column(name).to_pylist() for name, _ in _FIXED}
    first = zip(*(batch.column(f"first.{name}").to_pylist() for name in spec.key), strict=True)
    last = zip(*(batch.column(f"last.{name}").to_pylist() for name in spec.key), strict=True)
    rows = zip(
        fixed["hash"], first, last, fixed["rows"], fixed["size_bytes"], fixed["digest"], fixed["natural"], strict=True
    )
    return [Entry(*row) for row in rows]


def group_into_nodes(entries: Sequence[Entry], level: int) -> Iterator[Sequence[Entry]]:
    """Yield the runs of entries that make up the nodes of a level."""
    start = 0
    for position, entry in enumerate(entries):
        if position == start:
            continue
        if position - start == NODE_ENTRIES_MAX or (entry.natural and starts_node(entry.first[0], level)):
            yield entries[start:position]
            start = position
    yield entries[start:]


def parent_entry(children: Sequence[Entry], node_hash: bytes) -> Entry:
    """Return the entry for the node of that hash that holds children."""
    return Entry(
        hash=node_hash,
        first=children[0].first,
        last=children[-1].last,
        rows=sum(child.rows for child in children),
        size_bytes=sum(child.size_bytes for child in children),
        digest=bytes(32),
        natural=children[0].natural,
    )
