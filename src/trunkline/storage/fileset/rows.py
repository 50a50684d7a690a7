"""The rows of file sets and of the layers that edit them."""

import struct
from collections.abc import Iterable, Iterator, Sequence
from enum import IntEnum
from itertools import repeat
from typing import NamedTuple, TypeVar

import pyarrow as pa
import pyarrow.compute as pc

from trunkline.storage.chunk import ChunkRef
from trunkline.storage.chunk.hashes import HASH_BYTES
from trunkline.storage.table import Key, TableSpec

DEFAULT_TAG = "default"


# The rows are named tuples: hundreds of thousands are made at a time, and a frozen dataclass takes five times as long.


class FileRow(NamedTuple):
    """One stored file. ``tag`` is the datum that wrote it."""

    path: str
    tag: str
    size_bytes: int
    hash: bytes
    refs: tuple[ChunkRef, ...]


class FileInfo(NamedTuple):
    """What listings say of a file ``/a``, a directory ``/d/`` or the root ``/``.

    A directory's size is the sum, its hash the digest of all that is below it.
    """

    path: str
    is_dir: bool
    size_bytes: int
    hash: bytes
    tag: str = ""


class Op(IntEnum):
    """What a row of a layer does. The numbers are part of the storage format."""

    APPEND = 0
    """Append to the file that is below, or create it."""
    REPLACE = 1
    DELETE = 2
    DELETE_BELOW = 3
    """Delete all files of the tag below the path, which ends with a slash. Comes before the layer's other rows."""


_COLUMNS = [
    ("path", pa.string()),
    ("tag", pa.string()),
    ("size", pa.int64()),
    ("hash", pa.binary(32)),
    ("refs", pa.binary()),
]
KEY = ("path", "tag")
FILES = TableSpec(schema=pa.schema(_COLUMNS), key=KEY, digest=("path", "size", "hash"), size="size")
LAYERS = TableSpec(
    schema=pa.schema([*_COLUMNS, ("op", pa.uint8())]),
    key=KEY,
    digest=("path", "tag", "size", "hash", "op"),
    size="size",
)

# A file of one chunk needs neither the chunk's hash nor its length: they are the file's own.
_ONLY = struct.Struct("<32sQIB")
ONLY_REF_BYTES = _ONLY.size
_ONE_OF_SEVERAL = struct.Struct("<32s32sQIIB")


def encode_row_refs(refs: Sequence[ChunkRef]) -> bytes:
    """Return refs as the ``refs`` column holds them."""
    if len(refs) == 1:
        ref = refs[0]
        return _ONLY.pack(ref.pack, ref.offset, ref.stored_bytes, ref.codec)
    return b"".join(
        _ONE_OF_SEVERAL.pack(ref.chunk, ref.pack, ref.offset, ref.stored_bytes, ref.length, ref.codec) for ref in refs
    )


def decode_row_refs(data: bytes, content_hash: bytes, size_bytes: int) -> tuple[ChunkRef, ...]:
    """Return the refs of a row, given the file's hash and size."""
    if len(data) == _ONLY.size:
        pack, offset, stored_bytes, codec = _ONLY.unpack(data)
        return (ChunkRef(content_hash, pack, offset, stored_bytes, size_bytes, codec),)
    return tuple(map(ChunkRef._make, _ONE_OF_SEVERAL.iter_unpack(data)))


def packs_of(batch: pa.RecordBatch) -> set[bytes]:
    """Return the packs that rows refer to."""
    singles, several = _split_refs(batch)
    packs = set(pc.unique(pc.binary_slice(singles, 0, 32)).to_pylist())
    packs.update(record[1] for record in several)
    return packs


def places_of(batch: pa.RecordBatch) -> tuple[pa.Array, pa.Array]:
    """Return the pack and the offset of each chunk that rows refer to, as two columns."""
    singles, several = _split_refs(batch)
    offsets = pc.binary_slice(singles, 32, 40).cast(pa.binary(8)).view(pa.int64())
    packs = pa.array([record[1] for record in several], pa.binary())
    return (
        pa.concat_arrays([pc.binary_slice(singles, 0, 32), packs]),
        pa.concat_arrays([offsets, pa.array([record[2] for record in several], pa.int64())]),
    )


def _split_refs(batch: pa.RecordBatch) -> tuple[pa.Array, list[tuple[bytes, bytes, int, int, int, int]]]:
    """Return the refs of files of one chunk as they are, and those of the others decoded."""
    refs = batch.column("refs")
    sizes = pc.binary_length(refs)
    several = refs.filter(pc.greater(sizes, _ONLY.size)).to_pylist()
    return refs.filter(pc.equal(sizes, _ONLY.size)), [
        record for data in several for record in _ONE_OF_SEVERAL.iter_unpack(data)
    ]


def file_row(batch: pa.RecordBatch, position: int) -> FileRow:
    """Return one row of a batch."""
    path, tag, size, digest, refs = (batch.column(name)[position].as_py() for name, _ in _COLUMNS)
    return FileRow(path, tag, size, digest, decode_row_refs(refs, digest, size))


def file_rows(batch: pa.RecordBatch) -> Iterator[FileRow]:
    """Yield the rows of a batch."""
    path, tag, size, refs = (batch.column(name).to_pylist() for name in ("path", "tag", "size", "refs"))
    digests = hashes_of(batch.column("hash"))
    return _tuples(FileRow, path, tag, size, digests, map(decode_row_refs, refs, digests, size))


def file_infos(batch: pa.RecordBatch) -> Iterator[FileInfo]:
    """Yield what listings say of the rows of a batch."""
    path, size, tag = (batch.column(name).to_pylist() for name in ("path", "size", "tag"))
    return _tuples(FileInfo, path, repeat(False, len(path)), size, hashes_of(batch.column("hash")), tag)


def hashes_of(column: pa.Array) -> list[bytes]:
    """Return the values of a column of hashes without nulls, in a fifth of the time that Arrow takes."""
    start = column.offset * HASH_BYTES
    data = memoryview(column.buffers()[1] or b"")[start : start + len(column) * HASH_BYTES].tobytes()
    return [data[at : at + HASH_BYTES] for at in range(0, len(data), HASH_BYTES)]


_T = TypeVar("_T", FileRow, FileInfo)


def _tuples(kind: type[_T], *columns: Iterable[object]) -> Iterator[_T]:
    # Without the call of a Python function for each.
    return map(tuple.__new__, repeat(kind), zip(*columns, strict=True))


def bounds_below(directory: str) -> tuple[Key, Key]:
    """Return the key range of all that is below a directory, given with its trailing slash."""
    return (directory,), (after_directory(directory),)


def after_directory(directory: str) -> str:
    """Return the smallest path that sorts after all that is below directory."""
    return directory[:-1] + "0"  # which follows the slash


def after_path(path: str) -> str:
    """Return the smallest path that sorts after path, and, for a directory, after all that is below it."""
    return after_directory(path) if path.endswith("/") else path + "\0"
