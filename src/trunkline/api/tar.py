"""Files of a commit as one tar stream: absolute names, directories with a slash, mode 0 (reference, section 1.8)."""

import tarfile
from collections.abc import Iterator

from trunkline.storage.fileset import FileInfo, FileSet

_BLOCK_BYTES = 512


def tar_stream(files: FileSet, infos: Iterator[FileInfo]) -> Iterator[bytes]:
    """Yield pieces of a tar archive with these entries, content read as it goes."""
    for info in infos:
        entry = tarfile.TarInfo(info.path)
        entry.mode = 0
        if info.is_dir:
            entry.type = tarfile.DIRTYPE
            yield entry.tobuf(tarfile.GNU_FORMAT)
            continue
        entry.size = info.size_bytes
        yield entry.tobuf(tarfile.GNU_FORMAT)
        row = files.find(info.path)
        assert row is not None
        yield from files.read(row)
        if info.size_bytes % _BLOCK_BYTES:
            yield b"\0" * (_BLOCK_BYTES - info.size_bytes % _BLOCK_BYTES)
    yield b"\0" * (2 * _BLOCK_BYTES)


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
