"""Removing what user code has made, whatever it was."""

import itertools
import os
import tempfile
from pathlib import Path

_ALL_RIGHTS = 0o700
_names = itertools.count()


def remove_tree(directory: str, spare: str) -> None:
    """Remove a directory and all below it, whatever the rights and however deep.

    ``spare`` is a directory of the same file system: each directory is moved there before it is looked into, so that no
    path is too long and nothing has to be called within itself.
    """
    left = [directory]
    while left:
        current = left.pop()
        make_accessible(current)
        for entry in list_entries(current):
            if entry.is_dir(follow_symlinks=False):
                make_accessible(entry.path)  # moving it writes to it
                moved = f"{spare}/{next(_names)}"
                os.rename(entry.path, moved)
                left.append(moved)
            else:
                os.unlink(entry.path)
        os.rmdir(current)


def remove_directory(directory: Path) -> None:
    """Remove a directory as `remove_tree` does, with a spare directory beside it for the time being."""
    spare = tempfile.mkdtemp(prefix=f"{directory.name}-", dir=directory.parent)
    remove_tree(str(directory), spare)
    os.rmdir(spare)


def list_entries(directory: str) -> list[os.DirEntry[str]]:
    """Return what is in a directory."""
    with os.scandir(directory) as entries:
        return list(entries)


def make_accessible(directory: str, mode: int = _ALL_RIGHTS) -> None:
    """Undo what would keep us from looking into a directory and removing entries: user code may have done it."""
    if not os.access(directory, os.R_OK | os.W_OK | os.X_OK):
        os.chmod(directory, mode)
