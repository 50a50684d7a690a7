"""Digests of runs of rows that do not depend on how the rows are stored.

The rows of a run are grouped at natural borders. A group's digest covers the bytes of its digest columns, column by
column; the digest of a run covers the digests of its groups. A group that is just one whole segment has its digest in
the index, so a large run costs the rows at its two ends only.
"""

import struct
from collections.abc import Iterable, Sequence

import pyarrow as pa
import pyarrow.compute as pc
from blake3 import blake3

_GROUP = "trunkline 2026 table group of rows"
_RUN = "trunkline 2026 table run of groups"
_COUNT = struct.Struct("<Q")
_OFFSETS = struct.Struct("<i")


def group_digest(batches: Sequence[pa.RecordBatch], columns: Sequence[str]) -> bytes:
    """Return the digest of the rows of batches, however they are split."""
    hasher = blake3(derive_key_context=_GROUP)
    hasher.update(_COUNT.pack(sum(batch.num_rows for batch in batches)))
    for name in columns:
        arrays = [batch.column(name) for batch in batches]
        if pa.types.is_fixed_size_binary(arrays[0].type) or pa.types.is_integer(arrays[0].type):
            for array in arrays:
                hasher.update(_fixed_bytes(array))
        else:
            for array in arrays:
                hasher.update(_fixed_bytes(pc.binary_length(array)))
            for array in arrays:
                hasher.update(_variable_bytes(array))
    return hasher.digest()


def run_digest(groups: Iterable[bytes]) -> bytes:
    """Return the digest of a run that consists of groups with these digests."""
    return blake3(b"".join(groups), derive_key_context=_RUN).digest()


def _fixed_bytes(array: pa.Array) -> memoryview:
    width = array.type.byte_width
    data = memoryview(array.buffers()[1] or b"")
    return data[array.offset * width : (array.offset + len(array)) * width]


def _variable_bytes(array: pa.Array) -> memoryview:
    _, offsets, data = array.buffers()
    if not len(array) or data is None:
        return memoryview(b"")
    (start,) = _OFFSETS.unpack_from(offsets, array.offset * 4)
    (end,) = _OFFSETS.unpack_from(offsets, (array.offset + len(array)) * 4)
    return memoryview(data)[start:end]
