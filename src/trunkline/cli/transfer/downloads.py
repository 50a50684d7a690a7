"""Receiving files: a byte stream into a file, a tar stream into a directory."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import TYPE_CHECKING

from trunkline.cli.transfer.untar import TarReader
from trunkline.model.paths import below

if TYPE_CHECKING:
    from google.protobuf.wrappers_pb2 import BytesValue

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
    """Write the files of a tar stream below into, a directory of ours alone, with prefix taken off their paths.

    A file whose path is the prefix itself becomes into.
    """
    reader = TarReader(piece.value for piece in pieces)
    made: set[str] = set()
    for member in reader:
        if member.is_dir:
            continue
        path = below(str(into), ("/" + member.name.lstrip("/")).removeprefix(prefix.rstrip("/")))
        parent = os.path.dirname(path)
        if parent not in made:
            os.makedirs(parent, exist_ok=True)
            made.add(parent)
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o666)
        try:
            for piece in reader.content():
                _write(descriptor, piece)
                moved(len(piece), 0)
        finally:
            os.close(descriptor)
        moved(0, 1)


def _write(descriptor: int, data: memoryview) -> None:
    while data:
        data = data[os.write(descriptor, data) :]
