"""Local directories that files are put from, and what is remembered of them: unchanged files are not read again.

A file is taken for unchanged if its size, its times of modification and of status change, its device and its inode are
those that it had when it was put; a write sets the second time, and no program can set it back. Files that had changed
less than two seconds before are not remembered: another write may have got the same time.
"""

import os
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import pyarrow as pa
import pyarrow.compute as pc
from blake3 import blake3

from trunkline.model.paths import check_writable
from trunkline.objects.urls import UrlError
from trunkline.storage.chunk import ChunkIndex, ChunkRef, ChunkStore
from trunkline.storage.chunk.hashes import HASH_BYTES
from trunkline.storage.fileset.rows import ONLY_REF_BYTES, decode_row_refs
from trunkline.storage.table.segment import concat

_REMEMBERED_BYTES_MAX = 256 * 1024 * 1024
_TIME_GRAIN_NANOSECONDS = 2_000_000_000
_DIGEST_BYTES = 32
_LOOKS = ("size", "modified", "changed", "device", "inode")
_SEEN = pa.schema(
    [
        ("path", pa.string()),
        *((name, pa.int64()) for name in _LOOKS[:3]),
        ("device", pa.uint64()),
        ("inode", pa.uint64()),
    ]
)
_STORED = [pa.field("hash", pa.binary(32)), pa.field("refs", pa.binary())]
_REMEMBERED = pa.schema([*_SEEN, *_STORED])
_OPTIONS = pa.ipc.IpcWriteOptions(compression="zstd")


@dataclass(frozen=True, slots=True)
class Seen:
    """The files below a directory as they looked at one time."""

    directory: str
    files: pa.RecordBatch
    """Path from the directory on, in path order, and how the file looked."""
    nanoseconds: int
    """When the looking began."""


class Guard(Protocol):
    """Raises an error for what a walk has come to and may not go on with: a directory, or a link to a file."""

    def __call__(self, path: str, *, is_link: bool) -> None:
        """Look at one path."""


def look_at(directory: str, guard: Guard | None = None) -> Seen:
    """Return the files below directory: regular ones and links to such. Links to directories are not followed.

    The guard is asked about each directory and each link. Raise UrlError if one of the directories cannot be read,
    InvalidInputError if a name is no plain text.
    """
    began = time.time_ns()
    rows = sorted(_walk(directory, guard))
    for name, *_ in rows:
        if not name.isascii():
            check_writable(name)
    columns = list(zip(*rows, strict=True)) or [()] * len(_SEEN)
    arrays = [pa.array(column, field.type) for column, field in zip(columns, _SEEN, strict=True)]
    return Seen(directory, pa.RecordBatch.from_arrays(arrays, schema=_SEEN), began)


def _walk(directory: str, guard: Guard | None) -> Iterator[tuple[str, int, int, int, int, int]]:
    pending = [""]
    while pending:
        below = pending.pop()
        if guard is not None:
            guard(os.path.join(directory, below), is_link=False)
        try:
            with os.scandir(os.path.join(directory, below)) as entries:
                for entry in entries:
                    if entry.is_dir(follow_symlinks=False):
                        pending.append(f"{below}{entry.name}/")
                    elif entry.is_file():
                        if guard is not None and entry.is_symlink():
                            guard(entry.path, is_link=True)
                        look = entry.stat()
                        yield (
                            below + entry.name,
                            look.st_size,
                            look.st_mtime_ns,
                            look.st_ctime_ns,
                            look.st_dev,
                            look.st_ino,
                        )
        except OSError as error:
            raise UrlError(f"error retrieving content from {error.filename}: {error.strerror}") from error


class SourceMemory:
    """What files of directories held when they were put last, in a directory of small files. For many threads.

    It may forget, which only costs time. Without a directory it remembers nothing.
    """

    def __init__(self, directory: Path | None) -> None:
        self._directory = directory

    def split(
        self, seen: Seen, index: ChunkIndex, *, reread: bool = False, store: ChunkStore | None = None
    ) -> tuple[pa.RecordBatch, pa.RecordBatch]:
        """Return the files that look as they did when they were put last, with hash and refs, and all others.

        With reread, those are all. With a store, those whose chunks are damaged there are among them.
        """
        known = None if reread else self._recall(seen.directory)
        if known is None:
            return pa.RecordBatch.from_pylist([], schema=_REMEMBERED), seen.files
        partners = pc.index_in(seen.files.column("path"), value_set=known.column("path"))
        same = pc.is_valid(partners)
        for name in _LOOKS:
            looks = known.column(name).take(partners)
            same = pc.and_(same, pc.fill_null(pc.equal(seen.files.column(name), looks), False))
        known = known.take(partners.filter(same))
        stored = _is_stored(known, index, store)
        if not pc.all(stored).as_py():
            same = pc.and_(same, pc.is_in(seen.files.column("path"), value_set=known.column("path").filter(stored)))
            known = known.filter(stored)
        return known, seen.files.filter(pc.invert(same))

    def remember(self, seen: Seen, hashes: pa.Array, refs: pa.Array) -> None:
        """Remember what the files that were seen hold, in their order."""
        if self._directory is None:
            return
        files = pa.RecordBatch.from_arrays([*seen.files.columns, hashes, refs], schema=_REMEMBERED)
        newest = seen.nanoseconds - _TIME_GRAIN_NANOSECONDS
        files = files.filter(pc.less(files.column("changed"), newest))
        sink = pa.BufferOutputStream()
        with pa.ipc.new_stream(sink, _REMEMBERED, options=_OPTIONS) as stream:
            stream.write_batch(files)
        data = sink.getvalue()
        file = self._directory / _name(seen.directory)
        temporary = file.with_suffix(f".{os.urandom(8).hex()}")
        try:
            self._directory.mkdir(exist_ok=True)
            # Not synced: a file that a power cut has torn does not fit its digest.
            with temporary.open("wb") as output:
                output.write(blake3(data).digest())
                output.write(data)
            temporary.replace(file)
            self._forget_old()
        except OSError:
            temporary.unlink(missing_ok=True)

    def _recall(self, directory: str) -> pa.RecordBatch | None:
        if self._directory is None:
            return None
        file = self._directory / _name(directory)
        try:
            data = file.read_bytes()
            os.utime(file)
        except OSError:
            return None
        body = memoryview(data)[_DIGEST_BYTES:]
        if blake3(body).digest() != data[:_DIGEST_BYTES]:
            return None
        with pa.ipc.open_stream(pa.py_buffer(body)) as stream:
            return concat(list(stream)) if stream.schema.equals(_REMEMBERED) else None

    def _forget_old(self) -> None:
        """Remove the directories that were put longest ago, as far as all together are too much."""
        assert self._directory is not None
        left = _REMEMBERED_BYTES_MAX
        looks = [(file, file.stat()) for file in self._directory.iterdir()]
        for file, look in sorted(looks, key=lambda each: each[1].st_mtime_ns, reverse=True):
            left -= look.st_size
            if left < 0:
                file.unlink(missing_ok=True)


def _name(directory: str) -> str:
    return blake3(os.fsencode(directory)).hexdigest()


def _is_stored(known: pa.RecordBatch, index: ChunkIndex, store: ChunkStore | None) -> pa.Array:
    """Tell for each file whether its chunks can still be relied on.

    A pack that is condemned has no chunk in the index any more, so one chunk speaks for all of its pack.
    """
    refs, digests = known.column("refs"), known.column("hash")
    lengths = pc.binary_length(refs)
    is_single = pc.equal(lengths, ONLY_REF_BYTES)
    packs = pc.binary_slice(refs.filter(is_single), 0, HASH_BYTES)
    distinct = packs.unique()
    first = digests.filter(is_single).take(pc.index_in(distinct, value_set=packs))
    samples = dict(zip(distinct.to_pylist(), first.to_pylist(), strict=True))
    several = {}
    for row in pc.indices_nonzero(pc.greater(lengths, ONLY_REF_BYTES)).to_pylist():
        several[row] = decode_row_refs(refs[row].as_py(), digests[row].as_py(), 0)
        samples |= {ref.pack: ref.chunk for ref in several[row] if ref.pack not in samples}
    found = index.find(list(samples.values()))
    good = {pack for pack, chunk in samples.items() if (ref := found.get(chunk)) is not None and ref.pack == pack}
    damaged = _damaged_rows(known, good, store)
    if len(good) == len(samples) and not damaged:
        return pa.array([True]).take(pa.array([0] * known.num_rows, pa.int8()))
    stored = pc.is_in(pc.binary_slice(refs, 0, HASH_BYTES), value_set=pa.array(list(good), pa.binary())).to_pylist()
    for row, row_refs in several.items():
        stored[row] = good.issuperset(ref.pack for ref in row_refs)
    for row in damaged:
        stored[row] = False
    empty = pc.equal(lengths, 0)
    return pc.or_(pa.array(stored, pa.bool_()), empty)


def _damaged_rows(known: pa.RecordBatch, packs: set[bytes], store: ChunkStore | None) -> set[int]:
    """Return the rows of which a chunk is damaged. Packs are read only where nobody has since the process began."""
    doubtful = {pack for pack in packs if not store.soundness.is_trusted(pack)} if store is not None else set()
    if store is None or not doubtful:
        return set()
    rows: dict[ChunkRef, list[int]] = {}
    columns = (known.column(name).to_pylist() for name in ("refs", "hash", "size"))
    for row, values in enumerate(zip(*columns, strict=True)):
        for ref in decode_row_refs(*values):
            if ref.pack in doubtful:
                rows.setdefault(ref, []).append(row)
    return {row for ref in store.damaged(rows) for row in rows[ref]}
