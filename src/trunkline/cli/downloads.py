"""Receiving files: a byte stream into a file, a tar stream into a directory."""

from __future__ import annotations

import io
import tarfile
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from trunkline.errors import InvalidInputError

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer
    from google.protobuf.wrappers_pb2 import BytesValue

_COPY_BYTES = 1 << 20


class ByteStream(io.RawIOBase):
    """A readable file over the pieces that a server sends."""

    def __init__(self, pieces: Iterable[BytesValue]) -> None:
        self._pieces = iter(pieces)
        self._rest = memoryview(b"")

    def readable(self) -> bool:
        """Return True."""
        return True

    def readinto(self, buffer: WriteableBuffer) -> int:
        """Fill the buffer from what is left of a piece, or from the next one."""
        while not self._rest:
            piece = next(self._pieces, None)
            if piece is None:
                return 0
            self._rest = memoryview(piece.value)
        view = memoryview(buffer).cast("B")
        count = min(len(view), len(self._rest))
        view[:count] = self._rest[:count]
        self._rest = self._rest[count:]
        return count


Moved = Callable[[int, int], object]
"""Told of bytes, and of files that are complete."""


def _not_told(_bytes: int, _files: int) -> None:
    pass


def write_file(pieces: Iterable[BytesValue], path: Path, *, moved: Moved = _not_told) -> None:
    """Write the pieces to path; a failure in between leaves what was there before."""
    partial = path.with_name(f".{path.name}.part")
    try:
        with partial.open("wb") as file:
            for piece in pieces:
                file.write(piece.value)
                moved(len(piece.value), 0)
        partial.replace(path)
        moved(0, 1)
    finally:
        partial.unlink(missing_ok=True)


def extract(pieces: Iterable[BytesValue], *, prefix: str, into: Path, moved: Moved = _not_told) -> None:
    """Write the files of a tar stream below into, with prefix taken off their paths.

    A file whose path is the prefix itself becomes into.
    """
    made: set[Path] = set()
    stream = io.BufferedReader(ByteStream(pieces), _COPY_BYTES)
    with tarfile.open(fileobj=stream, mode="r|", bufsize=_COPY_BYTES) as archive:
        for member in _files(archive):
            path = _below(into, member.name, prefix)
            if path.parent not in made:
                path.parent.mkdir(parents=True, exist_ok=True)
                made.add(path.parent)
            content = archive.extractfile(member)
            assert content is not None
            with path.open("wb") as file:
                while data := content.read(_COPY_BYTES):
                    file.write(data)
                    moved(len(data), 0)
            moved(0, 1)


def _files(archive: tarfile.TarFile) -> Iterator[tarfile.TarInfo]:
    for member in archive:
        if member.isfile():
            yield member
        # Without this a stream of a million files is kept in memory.
        archive.members.clear()  # type: ignore[attr-defined]


def _below(into: Path, name: str, prefix: str) -> Path:
    rest = ("/" + name.lstrip("/")).removeprefix(prefix.rstrip("/")).strip("/")
    parts = rest.split("/") if rest else []
    if ".." in parts:
        raise InvalidInputError(f"the server sent a path that leaves the directory: {name}")
    return into.joinpath(*parts)
