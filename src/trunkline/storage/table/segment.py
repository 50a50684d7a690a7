"""Segments: how rows become bytes, and how keys are found among them.

"TLTB", version, level (0 for a segment), 2 zero bytes; then one Arrow IPC stream, its buffers compressed with zstd
"""

from bisect import bisect_left, bisect_right
from collections.abc import Sequence

import pyarrow as pa
import pyarrow.compute as pc

from trunkline.errors import CorruptDataError
from trunkline.storage.table.spec import Key

FORMAT_VERSION = 1
_MAGIC = b"TLTB"
HEADER_BYTES = 8
_OPTIONS = pa.ipc.IpcWriteOptions(compression=pa.Codec("zstd", compression_level=1))


def encode_batch(batch: pa.RecordBatch, *, level: int) -> bytes:
    """Return the stored form of a segment (level 0) or of an index node."""
    sink = pa.BufferOutputStream()
    sink.write(_MAGIC + bytes([FORMAT_VERSION, level, 0, 0]))
    with pa.ipc.new_stream(sink, batch.schema, options=_OPTIONS) as stream:
        stream.write_batch(batch)
    return sink.getvalue().to_pybytes()  # type: ignore[no-any-return]


def decode_batch(data: bytes) -> tuple[int, pa.RecordBatch]:
    """Return the level and the rows of a stored segment or node."""
    if data[:4] != _MAGIC or data[4] != FORMAT_VERSION:
        raise CorruptDataError(f"not a table object of format {FORMAT_VERSION}")
    with pa.ipc.open_stream(pa.py_buffer(data)[HEADER_BYTES:]) as stream:
        return data[5], stream.read_next_batch()


def key_at(batch: pa.RecordBatch, names: Sequence[str], position: int) -> Key:
    """Return the key of one row."""
    return tuple(batch.column(name)[position].as_py() for name in names)


def lower_bound(batch: pa.RecordBatch, names: Sequence[str], key: Key, start: int = 0) -> int:
    """Return the position, from start on, of the first row whose key is not below key, which may be a prefix."""
    low, high = start, batch.num_rows
    for name, wanted in zip(names, key, strict=False):
        column = batch.column(name)
        low = bisect_left(column, wanted, low, high, key=_text)
        if low == high or column[low].as_py() != wanted:
            return low
        # Of rows that are equal so far, mostly one, the next column decides.
        is_one = low + 1 == high or column[low + 1].as_py() != wanted
        high = low + 1 if is_one else bisect_right(column, wanted, low, high, key=_text)
    return low


def _text(scalar: pa.StringScalar) -> str:
    return scalar.as_py()  # type: ignore[no-any-return]


def key_column(batch: pa.RecordBatch, names: Sequence[str]) -> pa.Array:
    """Return one column in which two rows are equal when their keys are. Keys hold no NUL."""
    columns = [batch.column(name) for name in names]
    return columns[0] if len(columns) == 1 else pc.binary_join_element_wise(*columns, "\0")


def sort_rows(batch: pa.RecordBatch, names: Sequence[str]) -> pa.RecordBatch:
    """Return the rows in the order of the named columns."""
    indices = pc.sort_indices(batch, sort_keys=[(name, "ascending") for name in names])
    return batch.take(indices)


def concat(batches: Sequence[pa.RecordBatch]) -> pa.RecordBatch:
    """Return the rows of all batches, of which there is at least one, in order."""
    return batches[0] if len(batches) == 1 else pa.concat_batches(batches)
