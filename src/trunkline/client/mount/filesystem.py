"""A mount as a file system: a directory for each repo. Knows nothing of FUSE; failures are OSError."""

import contextlib
import errno
import os
import stat
import threading
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from hashlib import blake2b
from pathlib import Path

from trunkline.client.mount.ahead import SmallFiles
from trunkline.client.mount.blocks import BlockCache
from trunkline.client.mount.files import FileEntry, Files
from trunkline.client.mount.handles import Handle, LocalFile
from trunkline.client.mount.overlay import Overlay
from trunkline.client.mount.reading import Reader
from trunkline.client.mount.tree import Tree
from trunkline.errors import Error, NotFoundError

_WRITING = os.O_WRONLY | os.O_RDWR
_CHANGES_ROOT = errno.EPERM
_SPACE_FIELDS = ("f_bsize", "f_frsize", "f_blocks", "f_bfree", "f_bavail", "f_files", "f_ffree", "f_favail")
_NO_SPACE = {"f_bsize": 512, "f_frsize": 512, "f_namemax": 255}


class Volume:
    """One repo of a mount, at one commit; with a directory for changes it can be written to."""

    def __init__(self, files: Files, changes: Path | None = None, *, cache: BlockCache | None = None) -> None:
        self.files = files
        self.tree = Tree(files)
        self.cache = cache or BlockCache()
        self.small = SmallFiles(files, self.tree, self.cache)
        self.overlay = Overlay(files, self.tree, changes) if changes else None

    @property
    def shown(self) -> Tree | Overlay:
        """What readers see."""
        return self.overlay or self.tree

    def writable(self) -> Overlay:
        """Return where changes go, or raise OSError if there may be none."""
        if self.overlay is None:
            raise _failure(errno.EROFS)
        return self.overlay


@dataclass(slots=True)
class MountedFiles:
    """The directories of a mount by name, and the files in them that are open. Threads may share it."""

    volumes: Mapping[str, Volume]
    owner: tuple[int, int] = field(default_factory=lambda: (os.getuid(), os.getgid()))
    _handles: dict[int, Handle] = field(default_factory=dict)
    _next_handle: int = 1
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def attributes(self, path: str) -> dict[str, int | float]:
        """Return the fields of stat for what is at a path; the number of an inode is the same in every mount."""
        with _as_os_errors():
            if path == "/":
                roots = [volume.files.find("/") for volume in self.volumes.values()]
                newest = max((root.seconds for root in roots if root), default=0.0)
                return self._attributes(FileEntry("/", is_directory=True, seconds=newest), "", writable=False)
            volume, inner = self._split(path)
            entry = volume.shown.find(inner)
            if entry is None:
                raise _failure(errno.ENOENT, path)
            return self._attributes(entry, volume.files.name, writable=volume.overlay is not None)

    def entries(self, path: str) -> list[tuple[str, dict[str, int | float]]]:
        """Return the names in a directory with their attributes."""
        with _as_os_errors():
            if path == "/":
                return [(name, self.attributes(f"/{name}")) for name in sorted(self.volumes)]
            volume, inner = self._split(path)
            writable = volume.overlay is not None
            return [
                (name, self._attributes(entry, volume.files.name, writable=writable))
                for name, entry in sorted(volume.shown.entries(inner).items())
            ]

    def open(self, path: str, flags: int) -> int:
        """Open a file and return its handle."""
        with _as_os_errors():
            volume, inner = self._split(path)
            if flags & _WRITING:
                return self._keep(volume.writable().open(inner, _for_both(flags)))
            entry = volume.shown.find(inner)
            if entry is None:
                raise _failure(errno.ENOENT, path)
            if entry.is_directory:
                raise _failure(errno.EISDIR, path)
            reader = Reader(volume.files, entry, volume.cache, small=volume.small)
            return self._keep(volume.overlay.open_to_read(inner, reader) if volume.overlay else reader)

    def create(self, path: str, flags: int = os.O_RDWR) -> int:
        """Make an empty file and return a handle of it."""
        with _as_os_errors():
            volume, inner = self._split(path)
            return self._keep(volume.writable().create(inner, _for_both(flags)))

    def read(self, handle: int, size: int, offset: int) -> bytes:
        """Return what an open file has from offset on; fewer bytes than size at its end only."""
        with _as_os_errors():
            return self._handles[handle].read(size, offset)

    def write(self, handle: int, data: bytes, offset: int) -> int:
        """Write into an open file and return the number of bytes."""
        with _as_os_errors():
            file = self._handles[handle]
            if not isinstance(file, LocalFile):
                raise _failure(errno.EBADF)
            return file.write(data, offset)

    def sync(self, handle: int) -> None:
        """Return when what was written into an open file outlives a power cut."""
        file = self._handles[handle]
        if isinstance(file, LocalFile):
            file.sync()

    def close(self, handle: int) -> None:
        """Close a file."""
        with self._lock:
            file = self._handles.pop(handle)
        file.close()

    def truncate(self, path: str, length: int) -> None:
        """Cut a file, or fill it up with zeros."""
        with _as_os_errors():
            overlay, inner = self._changing(path)
            overlay.truncate(inner, length)

    def unlink(self, path: str) -> None:
        """Delete a file."""
        with _as_os_errors():
            overlay, inner = self._changing(path)
            overlay.unlink(inner)

    def mkdir(self, path: str) -> None:
        """Make a directory."""
        with _as_os_errors():
            overlay, inner = self._changing(path)
            overlay.mkdir(inner)

    def rmdir(self, path: str) -> None:
        """Delete an empty directory."""
        with _as_os_errors():
            overlay, inner = self._changing(path)
            overlay.rmdir(inner)

    def rename(self, old: str, new: str) -> None:
        """Move a file within a repo."""
        with _as_os_errors():
            overlay, inner = self._changing(old)
            other, target = self._changing(new)
            if other is not overlay:
                raise _failure(errno.EXDEV, new)
            overlay.rename(inner, target)

    def change_mode(self, path: str) -> None:
        """Accept another mode, owner or time, which no commit keeps, for a file that can be written."""
        self.attributes(path)
        self._changing(path)

    def space(self) -> dict[str, int]:
        """Return the fields of statvfs: the room that there is for changes; none where nothing can be written."""
        found = dict(_NO_SPACE)
        for volume in self.volumes.values():
            if volume.overlay:
                status = os.statvfs(volume.overlay.local("/"))
                return found | {name: getattr(status, name) for name in _SPACE_FIELDS}
        return found

    def _split(self, path: str) -> tuple[Volume, str]:
        name, _, inner = path.lstrip("/").partition("/")
        volume = self.volumes.get(name)
        if volume is None:
            raise _failure(errno.ENOENT, path)
        return volume, f"/{inner}"

    def _changing(self, path: str) -> tuple[Overlay, str]:
        volume, inner = self._split(path)
        if inner == "/":
            raise _failure(_CHANGES_ROOT, path)
        return volume.writable(), inner

    def _keep(self, handle: Handle) -> int:
        with self._lock:
            number = self._next_handle
            self._next_handle += 1
            self._handles[number] = handle
        return number

    def _attributes(self, entry: FileEntry, name: str, *, writable: bool) -> dict[str, int | float]:
        mode = (stat.S_IFDIR | 0o555) if entry.is_directory else (stat.S_IFREG | 0o444)
        nanoseconds = int(entry.seconds * 1e9)
        return {
            "st_ino": int.from_bytes(blake2b(f"{name}:{entry.path}".encode(), digest_size=8).digest()) >> 1,
            "st_mode": mode | (0o200 if writable else 0),
            "st_nlink": 2 if entry.is_directory else 1,
            "st_size": entry.size,
            "st_blocks": (entry.size + 511) // 512,
            "st_uid": self.owner[0],
            "st_gid": self.owner[1],
            "st_atime": nanoseconds,
            "st_mtime": nanoseconds,
            "st_ctime": nanoseconds,
        }


def _for_both(flags: int) -> int:
    # The kernel reads a page before it writes a part of it; and it has already placed what is appended.
    return (flags & ~(os.O_WRONLY | os.O_APPEND)) | os.O_RDWR


def _failure(number: int, path: str = "") -> OSError:
    return OSError(number, os.strerror(number), path)


@contextlib.contextmanager
def _as_os_errors() -> Iterator[None]:
    """Turn what a server says into what a file system says."""
    try:
        yield
    except NotFoundError as error:
        raise OSError(errno.ENOENT, str(error)) from error
    except Error as error:
        raise OSError(errno.EIO, str(error)) from error
