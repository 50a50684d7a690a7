"""Directories that are got as a whole: files gather beside their place, and move there when all of them have come."""

from __future__ import annotations

import errno
import os
import secrets
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from trunkline.errors import ConflictError

_OWNER_FILE = "owner"
_FILES_DIRECTORY = "files"
_REMOVALS_MAX = 100


class Staging:
    """A new directory of ours, closed to others, on the file system of the output."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.files = directory / _FILES_DIRECTORY
        """Where the files gather. Whoever writes them makes it."""
        self.token = secrets.token_hex(16)
        """What the file ``owner`` says: whom we tell it can be sure that the directory is ours."""
        with (directory / _OWNER_FILE).open("x") as file:
            file.write(self.token)


@contextmanager
def staged(output: Path) -> Iterator[Staging]:
    """Give a staging directory whose files are moved below output at the end of the block, unless it fails.

    Files that are there already are replaced, each in one step. Raise ConflictError, before anything is moved, where a
    file would take the place of a directory, or something below a link or a file be written.
    """
    inside = output.is_dir()
    parent = output if inside else output.absolute().parent
    parent.mkdir(parents=True, exist_ok=True)
    staging = Staging(Path(tempfile.mkdtemp(prefix=f".{output.name or 'files'}.part-", dir=parent)))
    try:
        yield staging
        if staging.files.is_dir():
            _check(staging.files, output.resolve() if inside else output)
            _move(staging.files, output.resolve() if inside else output)
    finally:
        _remove(staging.directory)


def umask() -> int:
    """Return the umask of this process, which has one thread that makes files."""
    current = os.umask(0o077)
    os.umask(current)
    return current


def _check(source: Path, target: Path) -> None:
    """Raise ConflictError if source cannot be moved to target without harm."""
    if not os.path.lexists(target):
        return
    target_is_directory = target.is_dir() and not target.is_symlink()
    if source.is_dir():
        if not target_is_directory:
            kind = "a link" if target.is_symlink() else "a file"
            raise ConflictError(
                f"{target} is {kind}, and a directory is to go there: move it away, nothing was written"
            )
        for child in source.iterdir():
            _check(child, target / child.name)
    elif target_is_directory:
        raise ConflictError(f"{target} is a directory, and a file is to go there: move it away, nothing was written")


def _move(source: Path, target: Path) -> None:
    if source.is_dir() and target.is_dir():
        for child in source.iterdir():
            _move(child, target / child.name)
        return
    try:
        source.replace(target)
    except OSError as error:
        if error.errno != errno.EXDEV:
            raise
        # Something else is mounted below the output.
        beside = target.with_name(f".{target.name}.part")
        shutil.copyfile(source, beside)
        beside.replace(target)


def _remove(directory: Path) -> None:
    """Remove a directory to which a server that was told to stop may still write for a moment."""
    for _ in range(_REMOVALS_MAX):
        shutil.rmtree(directory, ignore_errors=True)
        if not directory.exists():
            return
