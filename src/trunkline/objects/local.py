"""Objects as files of a local directory.

Written here rather than taken from obstore, which neither syncs to disk nor keeps files open between reads: an open
file read by position takes a microsecond, a request through obstore some dozens.
"""

import os
import secrets
import time
from collections import OrderedDict
from collections.abc import Callable, Hashable, Iterator, Sequence
from pathlib import Path
from threading import Lock

from trunkline.errors import InvalidInputError
from trunkline.objects.durable import make_directories, sync_directory, write_all
from trunkline.objects.store import ObjectNotFoundError

_OPEN_FILES_MAX = 64
_TEMPORARY = ".tmp"
_SLASH = "%"
_ABANDONED_SECONDS = 24 * 3600
_PIECES_MAX = 512  # the kernel takes 1,024 at a time (IOV_MAX)


class LocalObjectStore:
    """An object store in a directory. Other processes may use the same directory at the same time."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._root = str(directory)
        self._temporary = os.path.join(self._root, _TEMPORARY)
        self._open: OrderedDict[str, _OpenFile] = OrderedDict()
        self._lock = Lock()
        self._synced_directories: set[str] = set()
        self._doomed = os.path.join(self._temporary, "doomed")
        make_directories(self._doomed)
        self._remove_abandoned()

    def put(self, key: str, data: bytes | memoryview) -> None:
        """Store data through a temporary file, synced, renamed; then sync the directory that holds its name."""
        path = self._place(key)
        if _renew(path) and _holds(path, data):
            # Whoever put it may not have come to this line yet.
            sync_directory(os.path.dirname(path))
            return
        upload = self.begin()
        try:
            upload.write([data])
            upload.store(key)
        finally:
            upload.discard()

    def begin(self) -> "_LocalUpload":
        """Begin a temporary file."""
        return _LocalUpload(os.path.join(self._temporary, secrets.token_hex(16)), self._place, self._replaced)

    def get(self, key: str) -> bytes:
        """Return the object."""
        try:
            with open(self._path(key), "rb", buffering=0) as file:
                return file.read()
        except (FileNotFoundError, IsADirectoryError):
            raise ObjectNotFoundError(key) from None

    def get_range(self, key: str, start: int, length: int) -> bytes:
        """Return a piece of the object."""
        return self._opened(key).read(start, length)

    def get_ranges(self, key: str, ranges: Sequence[tuple[int, int]]) -> list[bytes]:
        """Return pieces of the object."""
        file = self._opened(key)
        return [file.read(start, length) for start, length in ranges]

    def size(self, key: str) -> int | None:
        """Return the object's length."""
        try:
            return os.stat(self._path(key)).st_size
        except FileNotFoundError:
            return None

    def look(self, key: str) -> Hashable:
        """Return size, times and inode of the file."""
        try:
            look = os.stat(self._path(key))
        except FileNotFoundError:
            return None
        return look.st_size, look.st_mtime_ns, look.st_ctime_ns, look.st_ino

    def list(self, prefix: str) -> Iterator[str]:
        """Yield the keys under prefix."""
        directory, _, _ = prefix.rpartition("/")
        yield from self._walk(directory + "/" if directory else "", prefix)

    def delete_unless_renewed(self, key: str, since: int) -> bool:
        """Remove the file, unless its time of modification is later.

        It leaves its place first: whoever renews it until then is seen, and whoever comes later finds nothing and
        writes it again. One that was taken away and not deleted, since the process ended, comes back at the next start.
        """
        path = self._path(key)
        doomed = os.path.join(self._doomed, key.replace("/", _SLASH))
        try:
            if os.stat(path).st_mtime_ns // 1000 > since:
                return False
            os.rename(path, doomed)
        except FileNotFoundError:
            return True
        if os.stat(doomed).st_mtime_ns // 1000 > since:
            os.rename(doomed, path)
            sync_directory(os.path.dirname(path))
            return False
        _unlink(doomed)
        with self._lock:
            self._open.pop(key, None)
        return True

    def delete(self, key: str) -> None:
        """Remove the file, and what this process holds open of it."""
        _unlink(self._path(key))
        with self._lock:
            self._open.pop(key, None)

    def _path(self, key: str) -> str:
        if not key or key.startswith((".", "/")) or "/." in key or "\0" in key:
            raise InvalidInputError(f"object key {key!r} is invalid")
        return os.path.join(self._root, key)

    def _place(self, key: str) -> str:
        """Return the path of a key, whose directory is there and durable."""
        path = self._path(key)
        parent = os.path.dirname(path)
        if parent not in self._synced_directories:
            make_directories(parent)
            self._synced_directories.add(parent)
        return path

    def _replaced(self, key: str) -> None:
        """Read the new file of a key from now on: the old one may have been damaged."""
        with self._lock:
            self._open.pop(key, None)

    def _opened(self, key: str) -> "_OpenFile":
        with self._lock:
            if (file := self._open.get(key)) is not None:
                self._open.move_to_end(key)
                return file
        try:
            file = _OpenFile(os.open(self._path(key), os.O_RDONLY | os.O_CLOEXEC))
        except FileNotFoundError:
            raise ObjectNotFoundError(key) from None
        with self._lock:
            self._open[key] = file
            if len(self._open) > _OPEN_FILES_MAX:
                self._open.popitem(last=False)
        return file

    def _walk(self, directory: str, prefix: str) -> Iterator[str]:
        try:
            entries = list(os.scandir(os.path.join(self._root, directory)))
        except (FileNotFoundError, NotADirectoryError):
            return
        # With its slash a directory sorts where its keys do.
        names = sorted(entry.name + "/" if entry.is_dir() else entry.name for entry in entries)
        for name in names:
            key = directory + name
            if name == _TEMPORARY + "/" and not directory:
                continue
            if not (key.startswith(prefix) or prefix.startswith(key)):
                continue
            if name.endswith("/"):
                yield from self._walk(key, prefix)
            elif key.startswith(prefix):
                yield key

    def _remove_abandoned(self) -> None:
        oldest = time.time() - _ABANDONED_SECONDS
        for entry in os.scandir(self._temporary):
            try:
                if entry.is_file() and entry.stat().st_mtime < oldest:
                    _unlink(entry.path)
            except FileNotFoundError:
                continue

    def recover(self) -> None:
        """Put back what was taken away and not deleted."""
        for name in os.listdir(self._doomed):
            path = self._path(name.replace(_SLASH, "/"))
            os.rename(os.path.join(self._doomed, name), path)
            sync_directory(os.path.dirname(path))


class _LocalUpload:
    """A temporary file that grows, then is synced and gets its name."""

    __slots__ = ("_descriptor", "_path", "_place", "_stored")

    def __init__(self, path: str, place: Callable[[str], str], stored: Callable[[str], None]) -> None:
        self._path = path
        self._place = place
        self._stored = stored
        self._descriptor = -1
        self._descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o644)

    def write(self, pieces: Sequence[bytes | memoryview]) -> None:
        """Append pieces."""
        for start in range(0, len(pieces), _PIECES_MAX):
            some = pieces[start : start + _PIECES_MAX]
            written = os.writev(self._descriptor, some)
            for piece in some:
                if written < len(piece):
                    write_all(self._descriptor, memoryview(piece)[max(written, 0) :])
                written -= len(piece)

    def store(self, key: str) -> None:
        """Sync the file, rename it, then sync the directory that holds its name.

        Also in place of a file that is there: whoever stores again what is known may do so because that is damaged.
        """
        path = self._place(key)
        os.utime(self._descriptor)  # by the clock that renewals go by, which is finer than the file system's
        os.fsync(self._descriptor)
        os.rename(self._path, path)
        self._path = ""
        self.discard()
        self._stored(key)
        sync_directory(os.path.dirname(path))

    def discard(self) -> None:
        """Close the file, and remove it if it has not got its name."""
        descriptor, self._descriptor = self._descriptor, -1
        if descriptor >= 0:
            os.close(descriptor)
            if self._path:
                _unlink(self._path)

    def __del__(self) -> None:
        self.discard()


class _OpenFile:
    """A file descriptor that closes with its last user, so that no reader meets a number that was given out anew."""

    __slots__ = ("_descriptor",)

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor

    def read(self, start: int, length: int) -> bytes:
        data = os.pread(self._descriptor, length, start)
        while 0 < len(data) < length:
            more = os.pread(self._descriptor, length - len(data), start + len(data))
            if not more:
                break
            data += more
        return data

    def __del__(self) -> None:
        os.close(self._descriptor)


def _renew(path: str) -> bool:
    """Set the time of a file to now; return whether there is one."""
    try:
        os.utime(path)
    except FileNotFoundError:
        return False
    return True


def _holds(path: str, data: bytes | memoryview) -> bool:
    """Tell whether a file has these bytes: one that is damaged is written anew."""
    try:
        with open(path, "rb", buffering=0) as file:
            return file.read() == data
    except FileNotFoundError:
        return False


def _unlink(path: str) -> None:
    try:
        os.unlink(path)
    except FileNotFoundError:
        return
