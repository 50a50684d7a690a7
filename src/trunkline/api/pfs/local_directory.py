"""Files written straight into a directory of the caller's, where caller and server run as one user on one machine."""

import hmac
import os
import stat
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager

from trunkline.errors import UnavailableError
from trunkline.proto.pfs_pb2 import LocalDirectory
from trunkline.storage.fileset import FileInfo, FileRow, FileSet

_OWNER_FILE = "owner"
_FILES_DIRECTORY = "files"
_TOKEN_BYTES_MAX = 256
_DIRECTORY = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC


@contextmanager
def opened_directory(wanted: LocalDirectory) -> Iterator["CallersDirectory | None"]:
    """Give the directory if it is proven to be the caller's, and the caller to be our own user; else None.

    Only our user, on this machine, can have left the token in a file that is ours, in a directory that is ours and
    closed to everybody else. Everything is looked at through the one descriptor, so no name can be swapped meanwhile.
    """
    if not wanted.path or not wanted.token:
        yield None
        return
    try:
        descriptor = os.open(wanted.path, _DIRECTORY)
    except OSError:
        yield None
        return
    try:
        is_proven = _is_ours_alone(descriptor) and hmac.compare_digest(_token(descriptor), wanted.token.encode())
        yield CallersDirectory(descriptor, wanted.umask & 0o777) if is_proven else None
    finally:
        os.close(descriptor)


class CallersDirectory:
    """A directory that the caller made for our files."""

    def __init__(self, descriptor: int, umask: int) -> None:
        self.descriptor = descriptor
        self.umask = umask


def write_files(
    files: FileSet,
    entries: Iterable[tuple[FileInfo, FileRow | None]],
    directory: CallersDirectory,
    *,
    below: str,
    goes_on: Callable[[], bool],
) -> None:
    """Write the files of entries under what their paths have after ``below``. The caller clears up after an error."""
    rows = (row for _, row in entries if row is not None)
    try:
        os.mkdir(_FILES_DIRECTORY, 0o777 & ~directory.umask, dir_fd=directory.descriptor)
        descriptor = os.open(_FILES_DIRECTORY, _DIRECTORY, dir_fd=directory.descriptor)
        try:
            os.fchmod(descriptor, 0o777 & ~directory.umask)
            files.check_out(rows, descriptor, below=below, umask=directory.umask, goes_on=goes_on)
        finally:
            os.close(descriptor)
    except OSError as error:
        raise UnavailableError(f"the files could not be written: {error.strerror}") from error


def _is_ours_alone(descriptor: int) -> bool:
    found = os.fstat(descriptor)
    return found.st_uid == os.geteuid() and not found.st_mode & (stat.S_IRWXG | stat.S_IRWXO)


def _token(directory: int) -> bytes:
    """Return what the owner's file says; nothing if it is not a plain file of ours."""
    try:
        descriptor = os.open(_OWNER_FILE, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC, dir_fd=directory)
    except OSError:
        return b""
    try:
        found = os.fstat(descriptor)
        if not stat.S_ISREG(found.st_mode) or found.st_uid != os.geteuid():
            return b""
        return os.read(descriptor, _TOKEN_BYTES_MAX)
    finally:
        os.close(descriptor)
