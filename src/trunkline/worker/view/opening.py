"""Opening what a script has left by names that lead nowhere else: no component is a link, and nothing waits."""

import errno
import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path

_LOOK = getattr(os, "O_PATH", os.O_RDONLY) | os.O_NOFOLLOW | os.O_CLOEXEC
"""For looking at anything, whatever it is and whatever its rights are."""
_ALL_RIGHTS = 0o700


@contextmanager
def looked_at(path: str, *, below: str = "/") -> Iterator[int]:
    """Give a descriptor of what is at path, not for reading. Of path only what comes after ``below`` is the script's.

    Raises OSError, also if the last component or one after ``below`` is a link.
    """
    directory = os.open(below, _LOOK | os.O_DIRECTORY)
    try:
        for name in _names(path, below):
            inner = os.open(name, _LOOK, dir_fd=directory)
            os.close(directory)
            directory = inner
        if stat.S_ISLNK(os.fstat(directory).st_mode):
            raise OSError(errno.ELOOP, os.strerror(errno.ELOOP), path)
        yield directory
    finally:
        os.close(directory)


def open_file(path: str, *, below: str = "/") -> int:
    """Return a descriptor to read the regular file at path from, reached as `looked_at` does. Raises OSError."""
    names = _names(path, below)
    with looked_at("/".join((below, *names[:-1])), below=below) as directory:
        return open_entry(names[-1], directory)


def open_entry(name: str, directory: int) -> int:
    """Return a descriptor to read the regular file of that name in an open directory from. Raises OSError."""
    descriptor = os.open(name, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC, dir_fd=directory)
    status = os.fstat(descriptor)
    if not stat.S_ISREG(status.st_mode) or tells_of_processes(status):
        os.close(descriptor)
        raise OSError(errno.EINVAL, "it is no regular file any more", name)
    return descriptor


def open_directory(name: str, directory: int | None = None) -> int:
    """Return a descriptor to list a directory by: of that name in an open one. Raises OSError if it is a link."""
    return os.open(name, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC, dir_fd=directory)


def tells_of_processes(status: os.stat_result) -> bool:
    """Whether that lies in ``/proc``, which shows a worker what it would never show a script."""
    return status.st_dev in _process_devices()


def allow(name: str, needed: int, mode: int, *, directory: int | None = None) -> None:
    """Give a file or directory of ours this mode if its owner lacks the needed rights; nothing for a link.

    Raises OSError. With a directory name is an entry of it.
    """
    descriptor = os.open(name, _LOOK, dir_fd=directory)
    try:
        found = os.fstat(descriptor).st_mode
        if not stat.S_ISLNK(found) and found & needed != needed:
            change_mode(descriptor, mode)
    finally:
        os.close(descriptor)


def make_accessible(directory: str, mode: int = _ALL_RIGHTS) -> None:
    """Undo what would keep us from looking into a directory and removing entries: user code may have done it."""
    allow(directory, _ALL_RIGHTS, mode)


def change_mode(descriptor: int, mode: int) -> None:
    """Change the mode of what `looked_at` has given."""
    if hasattr(os, "O_PATH"):
        os.chmod(f"/proc/self/fd/{descriptor}", mode)  # fchmod does not take such a descriptor
    else:
        os.fchmod(descriptor, mode)


def _names(path: str, below: str) -> list[str]:
    return [name for name in path[len(below) :].split("/") if name]


@cache
def _process_devices() -> frozenset[int]:
    try:
        mounts = Path("/proc/self/mountinfo").read_text(encoding="utf-8", errors="surrogateescape").splitlines()
    except OSError:
        return frozenset()
    kinds = (line.partition(" - ") for line in mounts)
    devices = {head.split()[2] for head, _, tail in kinds if tail.split(" ", 1)[0] == "proc"}
    return frozenset(os.makedev(*map(int, device.split(":"))) for device in devices)
