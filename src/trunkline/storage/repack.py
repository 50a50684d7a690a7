"""Rewriting packs of which little is alive: the chunks move to new packs, and tables follow them.

Where a chunk lies is in no digest, so a rewritten table has the content of the old one, under another root. Nothing old
is changed or removed: whoever still reads or names it finds it.
"""

from collections.abc import Iterable, Iterator, Mapping

import pyarrow as pa

from trunkline.errors import CorruptDataError
from trunkline.objects import ObjectNotFoundError
from trunkline.storage.chunk import ChunkRef
from trunkline.storage.chunk.pack import PackBuilder, count_entries, read_pack_entries
from trunkline.storage.chunk.refs import pack_key
from trunkline.storage.chunk.store import check_stored
from trunkline.storage.fileset import FileSets
from trunkline.storage.fileset.rows import encode_row_refs, file_rows, packs_of
from trunkline.storage.live import Live
from trunkline.storage.table import TableStore
from trunkline.telemetry import log

LIVE_SHARE_MIN = 0.5
"""A pack of which less is alive, in bytes, is worth rewriting."""
PASS_BYTES_MAX = 1 << 30
"""How much is copied at most at a time."""

Moved = dict[tuple[bytes, int], ChunkRef]
"""From where a chunk lay, pack and offset, to where it lies now."""


def move_chunks(file_sets: FileSets, live: Live) -> Moved:
    """Copy the live chunks of packs that are mostly dead into new packs, durably, and return where they are now."""
    objects = file_sets.chunks.objects
    moved: Moved = {}
    builder, in_pack = PackBuilder(objects), []
    copied = 0
    for refs, stored in _sparse_packs(file_sets, live):
        for ref, data in zip(refs, stored, strict=True):
            builder.add(ref.chunk, data, length=ref.length, codec=ref.codec)
            in_pack.append(ref)
            copied += ref.stored_bytes
            if builder.is_full:
                moved |= _seal(builder, in_pack)
                builder, in_pack = PackBuilder(objects), []
        if copied >= PASS_BYTES_MAX:
            break
    return moved | _seal(builder, in_pack)


def _seal(builder: PackBuilder, in_pack: list[ChunkRef]) -> Moved:
    if not in_pack:
        return {}
    new = builder.seal()
    return {(old.pack, old.offset): ref for old, ref in zip(in_pack, new, strict=True)}


def _sparse_packs(file_sets: FileSets, live: Live) -> Iterator[tuple[list[ChunkRef], list[bytes]]]:
    """Yield, for each pack that is worth it, the chunks in it that are alive, and the stored form of each.

    A damaged pack stays as it is, for a check to tell, and keeps no other from being moved.
    """
    objects = file_sets.chunks.objects
    for pack, offsets in live.offsets():
        try:
            if len(offsets) == count_entries(objects, pack):
                continue
            entries = list(read_pack_entries(objects, pack))
            used = set(offsets.to_pylist())
            alive = [ref for ref in entries if ref.offset in used]
            if sum(ref.stored_bytes for ref in alive) >= LIVE_SHARE_MIN * sum(ref.stored_bytes for ref in entries):
                continue
            stored = [_sound(ref, objects.get_range(pack_key(pack), ref.offset, ref.stored_bytes)) for ref in alive]
        except (CorruptDataError, ObjectNotFoundError) as error:
            log("garbage").warning("pack %s is not rewritten: %s", pack.hex(), error)
            continue
        yield alive, stored


def _sound(ref: ChunkRef, stored: bytes) -> bytes:
    check_stored(ref, stored)
    return stored


class Rewriter:
    """Makes tables that point at where chunks are now. Looks at what tables share once."""

    def __init__(self, tables: TableStore, moved: Mapping[tuple[bytes, int], ChunkRef]) -> None:
        self._tables = tables
        self._moved = moved
        self._packs = {pack for pack, _ in moved}
        self._done: dict[bytes, bytes] = {}

    def rewrite(self, roots: Iterable[str]) -> dict[str, str]:
        """Return the new root for each that has one, stored durably."""
        new = {root: self._object(bytes.fromhex(root)).hex() for root in roots if root}
        return {old: root for old, root in new.items() if old != root}

    def _object(self, name: bytes) -> bytes:
        done = self._done.get(name)
        if done is None:
            level, batch = self._tables.load(name)
            changed = self._segment(batch) if level == 0 else self._node(batch)
            done = self._done[name] = name if changed is None else self._tables.put_object(level, changed)
        return done

    def _node(self, batch: pa.RecordBatch) -> pa.RecordBatch | None:
        old = batch.column("hash").to_pylist()
        new = [self._object(name) for name in old]
        return None if new == old else _with_column(batch, "hash", new)

    def _segment(self, batch: pa.RecordBatch) -> pa.RecordBatch | None:
        if "refs" not in batch.schema.names or packs_of(batch).isdisjoint(self._packs):
            return None
        refs = [
            encode_row_refs([self._moved.get((ref.pack, ref.offset), ref) for ref in row.refs])
            for row in file_rows(batch)
        ]
        return _with_column(batch, "refs", refs)


def _with_column(batch: pa.RecordBatch, name: str, values: list[bytes]) -> pa.RecordBatch:
    place = batch.schema.get_field_index(name)
    columns = list(batch.columns)
    columns[place] = pa.array(values, batch.schema.field(place).type)
    return pa.RecordBatch.from_arrays(columns, schema=batch.schema)
