"""Where tables are cut: at keys that ask for it, so that an edit moves no border but its own.

All of it is part of the storage format.
"""

from zlib import crc32

import pyarrow as pa

SEGMENT_ROWS_AVERAGE = 4096
SEGMENT_ROWS_MAX = 32_768
NODE_ENTRIES_AVERAGE = 512
NODE_ENTRIES_MAX = 4096
_SEGMENT_MASK = SEGMENT_ROWS_AVERAGE - 1
_SEGMENT_BITS = _SEGMENT_MASK.bit_length()
_NODE_BITS = (NODE_ENTRIES_AVERAGE - 1).bit_length()


def starts_segment(key: str) -> bool:
    """Tell whether the first row with this first key column starts a segment."""
    return not crc32(key.encode()) & _SEGMENT_MASK


def starts_node(key: str, level: int) -> bool:
    """Tell whether the segment that this key starts also starts a node of that level (1 is above the segments)."""
    mask = (1 << min(_SEGMENT_BITS + level * _NODE_BITS, 32)) - 1
    return not crc32(key.encode()) & mask


def segment_starts(keys: pa.Array) -> list[int]:
    """Return the positions in the sorted first key column that start a segment; of equal keys the first."""
    values = keys.cast(pa.binary()).to_pylist()
    found = [position for position, value in enumerate(values) if not crc32(value) & _SEGMENT_MASK]
    return [position for position in found if not position or values[position - 1] != values[position]]
