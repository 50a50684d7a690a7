"""Files of a commit as one tar stream: absolute names, directories with a slash, mode 0 (reference, section 1.8)."""

import tarfile
from collections.abc import Iterator
from itertools import islice

from trunkline.storage.fileset import FileInfo, FileRow, FileSet

_BLOCK_BYTES = 512
_ENTRIES_AT_ONCE = 256


def tar_stream(files: FileSet, entries: Iterator[tuple[FileInfo, FileRow | None]]) -> Iterator[bytes]:
    """Yield pieces of a tar archive with these entries, directories without a row; content is read as it goes."""
    while batch := list(islice(entries, _ENTRIES_AT_ONCE)):
        contents = files.read_files(row for _, row in batch if row is not None)
        for info, row in batch:
            yield _header(info)
            if row is not None:
                yield from next(contents)[1]
                yield b"\0" * (-row.size_bytes % _BLOCK_BYTES)
    yield b"\0" * (2 * _BLOCK_BYTES)


def _header(info: FileInfo) -> bytes:
    entry = tarfile.TarInfo(info.path)
    entry.mode = 0
    entry.size = 0 if info.is_dir else info.size_bytes
    entry.type = tarfile.DIRTYPE if info.is_dir else tarfile.REGTYPE
    return entry.tobuf(tarfile.GNU_FORMAT)


def joined(pieces: Iterator[bytes], *, bytes_max: int) -> Iterator[bytes]:
    """Yield the same bytes in pieces of about bytes_max, so that many small files need few messages."""
    held: list[bytes] = []
    size = 0
    for piece in pieces:
        if size and size + len(piece) > bytes_max:
            yield b"".join(held)
            held, size = [], 0
        held.append(piece)
        size += len(piece)
    if held:
        yield b"".join(held)
