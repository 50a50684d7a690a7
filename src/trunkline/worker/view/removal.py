"""Removing what user code has made, whatever it was."""

import itertools
import os
import tempfile
from contextlib import suppress
from pathlib import Path

from trunkline.worker.view.opening import make_accessible, open_directory

_names = itertools.count()


def remove_tree(directory: str, spare: str) -> None:
    """Remove a directory and all below it, whatever the rights and however deep.

    ``spare`` is a directory of the same file system: each directory is moved there before it is looked into, so that no
    path is too long and nothing has to be called within itself. No link is followed. Where others may write to what is
    removed meanwhile, and not with the rights that we act with, spare and what holds the directory must not be theirs.
    """
    left = [directory]
    while left:
        current = left.pop()
        make_accessible(current)
        try:
            descriptor = open_directory(current)
        except NotADirectoryError:
            os.unlink(current)  # put in its place while we looked
            continue
        try:
            for entry in list_entries(descriptor):
                if not entry.is_dir(follow_symlinks=False):
                    os.unlink(entry.name, dir_fd=descriptor)
                    continue
                inner, moved = f"{current}/{entry.name}", f"{spare}/{next(_names)}"
                make_accessible(inner)  # moving it writes to it
                os.rename(inner, moved)
                left.append(moved)
        finally:
            os.close(descriptor)
        os.rmdir(current)


def remove_directory(directory: Path) -> None:
    """Remove a directory as `remove_tree` does, with a spare directory beside it for the time being."""
    spare = tempfile.mkdtemp(prefix=f"{directory.name}-", dir=directory.parent)
    try:
        remove_tree(str(directory), spare)
    finally:
        with suppress(OSError):  # what could not be removed is there
            os.rmdir(spare)


def list_entries(directory: str | int) -> list[os.DirEntry[str]]:
    """Return what is in a directory."""
    with os.scandir(directory) as entries:
        return list(entries)
