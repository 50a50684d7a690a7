"""Segments: how rows become bytes, and how keys are found among them.

"TLTB", version, level (0 for a segment), 2 zero bytes; then one Arrow IPC stream, its buffers compressed with zstd
"""

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
    """Return the position, from start on, of the first row whose key is not below key, which may be a prefix.

    Everything that reads or edits a table comes through here several times, so the first column is compared in place.
    """
    low, high = start, batch.num_rows
    if not key or low >= high:
        return start
    column = batch.column(names[0])
    _, offsets_buffer, data_buffer = column.buffers()
    offsets = memoryview(offsets_buffer).cast("i")[column.offset :]
    data = memoryview(data_buffer or b"")
    wanted = key[0].encode("utf-8", "surrogatepass")
    others = [batch.column(name) for name in names[1 : len(key)]]
    while low < high:
        middle = (low + high) // 2
        value = data[offsets[middle] : offsets[middle + 1]].tobytes()
        if value < wanted or (value == wanted and _is_below(others, middle, key[1:])):
            low = middle + 1
        else:
            high = middle
    return low


def _is_below(columns: list[pa.Array], position: int, key: Key) -> bool:
    for column, wanted in zip(columns, key, strict=False):
        value = column[position].as_py()
        if value != wanted:
            return bool(value < wanted)
    return False


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
