"""Borders made small, so that a few files already have many segments, packs and batches, and meet what large ones meet.

The limits are constants of the modules that use them: they are part of a format, or on hot paths. So they are set from
here, for this process, and put back. Tables of both sizes cannot be edited by one process, as the borders of segments
are part of the format; give each size a store of its own.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from importlib import import_module
from unittest.mock import patch

_BORDERS: dict[str, dict[str, int]] = {
    "storage.table.borders": {"_SEGMENT_MASK": 3, "_SEGMENT_BITS": 2, "_NODE_BITS": 1},
    "storage.table.build": {"SEGMENT_ROWS_MAX": 7},
    "storage.table.nodes": {"NODE_ENTRIES_MAX": 4},
    "storage.table.read": {"_FEW_KEYS": 2, "_SUMMARISED_PIECES_MAX": 2},
    "storage.table.edit": {"_FEW_EDITS": 2},
    "storage.fileset.compose": {"_ROWS_AT_ONCE": 10, "_JOINED_AT_ONCE": 2},
    "storage.fileset.writer": {"_EDITS_PER_BATCH": 3, "_EDITS_PER_LAYER": 6, "_UNRESOLVED_EDITS_MAX": 4},
    "storage.fileset.listing": {"_BLOCK_ROWS": 3},
    "storage.chunk.pack": {"PACK_BYTES_MAX": 4096, "PACK_CHUNKS_MAX": 5},
    "storage.chunk.writer": {"_BATCH_CHUNKS": 3},
    "storage.chunk.store": {"_READ_BYTES_MAX": 4096, "_GAP_BYTES_MAX": 64},
    "storage.live": {"_PENDING_ROWS": 4},
    "pfs.queries.chunks": {"_BATCH": 3},
    "pfs.garbage": {"_BATCH": 3},
    "pps.datums.identity": {"SET_DATUMS_MAX": 1},
    "pps.datums.datum_table": {"_ROWS_AT_ONCE": 3, "_PAGE_ROWS": 2},
    "pps.datums.plan": {"_LOOKED_UP_MAX": 2, "_IDS_AT_ONCE": 3},
    "pps.datums.join_tables": {"_ROWS_AT_ONCE": 3},
    "pps.datums.changes": {"_FEW": 2},
}


@contextmanager
def small_borders() -> Iterator[None]:
    """Let this process work with segments of four rows, packs of four kilobytes and sets of one datum in the block."""
    patches = [
        patch.object(import_module(f"trunkline.{module}"), name, value)
        for module, values in _BORDERS.items()
        for name, value in values.items()
    ]
    started = []
    try:
        for each in patches:
            each.start()
            started.append(each)
        yield
    finally:
        for each in reversed(started):
            each.stop()
