"""The door to the kernel: FUSE operations carried out on a `MountedFiles`."""

import errno
import importlib
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

from trunkline.client.mount.filesystem import MountedFiles
from trunkline.errors import NotSupportedError, UnavailableError
from trunkline.model.paths import parent

FILE_SYSTEM = "trunkline"
_RENAME_NOREPLACE = 1
_IDLE_THREADS_MAX = 10
_FOREVER_SECONDS = 365 * 24 * 3600
_INSTEAD = "`pachctl get file -r REPO@BRANCH:/ -o DIR` copies the files without it"


def load_fuse() -> ModuleType:
    """Return the binding to libfuse, or raise NotSupportedError with what is missing and how to go on."""
    if not Path("/dev/fuse").exists():
        raise NotSupportedError(f"this machine has no /dev/fuse, so it cannot mount; {_INSTEAD}")
    if not os.access("/dev/fuse", os.R_OK | os.W_OK):
        raise NotSupportedError(f"this user may not open /dev/fuse, so it cannot mount; {_INSTEAD}")
    try:
        return importlib.import_module("mfusepy")
    except ImportError:
        raise NotSupportedError(
            f"mounting needs the Python package mfusepy: `pip install mfusepy`; {_INSTEAD}"
        ) from None
    except (OSError, AttributeError):
        raise NotSupportedError(
            f"mounting needs the library libfuse: `apt-get install fuse3` or the like; {_INSTEAD}"
        ) from None


def serve(binding: ModuleType, files: MountedFiles, directory: Path, *, ready: Callable[[], None], debug: bool) -> None:
    """Mount files on directory, call ready when it answers, and return when it is unmounted or interrupted.

    Raise UnavailableError if it cannot be mounted.
    """
    options: dict[str, object] = {
        "fsname": FILE_SYSTEM,
        "subtype": FILE_SYSTEM,
        "use_ino": True,
        # What a commit holds never changes, and local changes go through the kernel: it need not ask again.
        "kernel_cache": True,
        "attr_timeout": _FOREVER_SECONDS,
        "entry_timeout": _FOREVER_SECONDS,
        "negative_timeout": _FOREVER_SECONDS,
    }
    if not any(volume.overlay for volume in files.volumes.values()):
        options["ro"] = True
    if binding.fuse_version_major == 2:
        options["big_writes"] = True
    if (binding.fuse_version_major, binding.fuse_version_minor) >= (3, 12):
        # 3.14 complains at each mount of what it takes itself where it is given nothing: libfuse issue 1003.
        options["max_idle_threads"] = _IDLE_THREADS_MAX
    operations = _Operations(files, ready)
    try:
        _fuse(binding)(operations, str(directory), foreground=True, debug=debug, **options)
    except RuntimeError:
        # libfuse 3 also returns an error where a signal ended the mount: what was written is to be put then, too.
        if not operations.has_answered:
            raise UnavailableError(f"libfuse could not mount on {directory}") from None


def _fuse(binding: ModuleType) -> type:
    """Return the binding's class, which passes over how to rename, with a look at that."""

    def rename(self: Any, old: bytes, new: bytes, flags: int) -> int:  # noqa: ANN401 - the binding has no types
        check_rename(flags)
        return int(self.rename_fuse_2(old, new))

    return type("Fuse", (binding.FUSE,), {"rename_fuse_3": rename})


def check_rename(flags: int) -> None:
    """Raise OSError where two files are to be exchanged: renaming one over the other would lose that."""
    # The kernel has seen to it that nothing is replaced that may not be.
    if flags & ~_RENAME_NOREPLACE:
        raise OSError(errno.EINVAL, "files cannot be exchanged in a mount")


class _Operations:
    """What the kernel asks for. An operation that is not here is answered with "not implemented"."""

    use_ns = True

    def __init__(self, files: MountedFiles, ready: Callable[[], None]) -> None:
        self._files = files
        self._ready = ready
        self.has_answered = False

    def init(self, path: str) -> None:
        self.has_answered = True
        self._ready()

    def getattr(self, path: str, fh: int | None = None) -> dict[str, int | float]:
        return self._files.attributes(path)

    def readdir(self, path: str, fh: int) -> Iterator[tuple[str, dict[str, int | float], int]]:
        # An entry whose inode is 0 would not be shown.
        yield ".", self._files.attributes(path), 0
        yield "..", self._files.attributes(parent(path).rstrip("/") or "/"), 0
        for name, attributes in self._files.entries(path):
            yield name, attributes, 0

    def open(self, path: str, flags: int) -> int:
        return self._files.open(path, flags)

    def create(self, path: str, mode: int, fi: object = None) -> int:
        return self._files.create(path)

    def read(self, path: str, size: int, offset: int, fh: int) -> bytes:
        return self._files.read(fh, size, offset)

    def write(self, path: str, data: bytes, offset: int, fh: int) -> int:
        return self._files.write(fh, data, offset)

    def fsync(self, path: str, datasync: int, fh: int) -> int:
        self._files.sync(fh)
        return 0

    def statfs(self, path: str) -> dict[str, int]:
        return self._files.space()

    def release(self, path: str, fh: int) -> int:
        self._files.close(fh)
        return 0

    def truncate(self, path: str, length: int, fh: int | None = None) -> int:
        self._files.truncate(path, length)
        return 0

    def unlink(self, path: str) -> int:
        self._files.unlink(path)
        return 0

    def mkdir(self, path: str, mode: int) -> int:
        self._files.mkdir(path)
        return 0

    def rmdir(self, path: str) -> int:
        self._files.rmdir(path)
        return 0

    def rename(self, old: str, new: str) -> int:
        self._files.rename(old, new)
        return 0

    def chmod(self, path: str, mode: int) -> int:
        self._files.change_mode(path)
        return 0

    def chown(self, path: str, uid: int, gid: int) -> int:
        self._files.change_mode(path)
        return 0

    def utimens(self, path: str, times: tuple[int, int] | None = None) -> int:
        self._files.change_mode(path)
        return 0
