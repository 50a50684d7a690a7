"""What was written on top of a commit, kept in a local directory until it is put."""

import errno
import os
import shutil
import threading
from collections.abc import Iterator, Mapping
from functools import partial
from pathlib import Path

from trunkline.client.mount.files import FileEntry, Files
from trunkline.client.mount.handles import Handle, LocalFile, ShownFile
from trunkline.client.mount.tree import Tree
from trunkline.errors import InvalidInputError
from trunkline.model.paths import below, check_writable

# libfuse renames open files to this when they are deleted, and deletes them when they are closed.
_HIDDEN_PREFIX = ".fuse_hidden"


class Overlay:
    """A commit as it looks with local changes. Raises OSError as the file system of the machine would.

    A path that is in the local directory is taken from there, one that was deleted is gone, and the rest is the
    commit's.
    """

    def __init__(self, files: Files, tree: Tree, directory: Path) -> None:
        self._files = files
        self._tree = tree
        self._directory = directory
        self._deleted: set[str] = set()
        self._changed: set[str] = set()
        self._shown: dict[str, set[ShownFile]] = {}
        """Open files of the commit, by where they are; none of what has a local copy."""
        self._lock = threading.RLock()
        directory.mkdir(parents=True, exist_ok=True)

    def local(self, path: str) -> Path:
        """Return where a path is kept locally."""
        return Path(below(str(self._directory), path))

    def find(self, path: str) -> FileEntry | None:
        """Return what is at a path, or None."""
        return self._local_entry(path) or (None if self._is_hidden(path) else self._tree.find(path))

    def entries(self, directory: str) -> Mapping[str, FileEntry]:
        """Return what is directly in a directory, by name."""
        found: dict[str, FileEntry] = {}
        if not self._is_hidden(directory):
            listing = self._tree.entries(directory)
            found.update((name, entry) for name, entry in listing.items() if not self._is_hidden(entry.path))
        local = self.local(directory)
        if local.is_dir():
            for name in os.listdir(local):
                if entry := self._local_entry(_join(directory, name)):
                    found[name] = entry
        return found

    def open(self, path: str, flags: int) -> LocalFile:
        """Open the local copy of a file, which is made first; for writing."""
        with self._lock:
            entry = self._existing(path)
            if entry.is_directory:
                raise OSError(errno.EISDIR, os.strerror(errno.EISDIR), path)
            if flags & os.O_TRUNC:
                self._make_room(path)
                self._changed.add(path)
            else:
                self._copy_up(path)
            return self._open_local(path, flags & ~os.O_EXCL)

    def open_to_read(self, path: str, reader: Handle) -> Handle:
        """Open a file that reader reads as long as it has no local copy."""
        with self._lock:
            if self.local(path).is_file():
                return LocalFile(os.open(self.local(path), os.O_RDONLY | os.O_CLOEXEC))
            shown = self._shown.setdefault(path, set())
            file = ShownFile(reader, partial(self._forget, path, shown))
            shown.add(file)
            return file

    def create(self, path: str, flags: int) -> LocalFile:
        """Make an empty file and open it."""
        _check_name(path)
        with self._lock:
            self._make_room(path)
            self._changed.add(path)
            return self._open_local(path, flags | os.O_TRUNC)

    def changed(self, path: str) -> None:
        """Note that the local copy of a file was written to."""
        with self._lock:
            self._changed.add(path)

    def truncate(self, path: str, length: int) -> None:
        """Cut a file, or fill it up with zeros."""
        with self._lock:
            self._existing(path)
            if length:
                self._copy_up(path)
            else:
                self._make_room(path)
                self.local(path).touch()
                self._follow(path)
            os.truncate(self.local(path), length)
            self._changed.add(path)

    def unlink(self, path: str) -> None:
        """Delete a file."""
        with self._lock:
            self._existing(path)
            self.local(path).unlink(missing_ok=True)
            self._shown.pop(path, None)  # They go on with what was deleted.
            self._hide(path)

    def mkdir(self, path: str) -> None:
        """Make a directory; an empty one is gone when the mount is."""
        _check_name(path)
        with self._lock:
            if self.find(path):
                raise OSError(errno.EEXIST, os.strerror(errno.EEXIST), path)
            self.local(path).mkdir(parents=True)

    def rmdir(self, path: str) -> None:
        """Delete an empty directory."""
        with self._lock:
            self._existing(path)
            if self.entries(path):
                raise OSError(errno.ENOTEMPTY, os.strerror(errno.ENOTEMPTY), path)
            if self.local(path).is_dir():
                self.local(path).rmdir()
            self._hide(path)

    def rename(self, old: str, new: str) -> None:
        """Move a file, or a directory that was made here; others are refused so that they are copied instead."""
        _check_name(new)
        with self._lock:
            entry = self._existing(old)
            if entry.is_directory:
                if self._tree.find(old) and not self._is_hidden(old):
                    raise OSError(errno.EXDEV, os.strerror(errno.EXDEV), old)
                moved = [path for path in self._changed if path.startswith(f"{old}/")]
                if self.find(new):
                    self.rmdir(new)
            else:
                self._copy_up(old)
                moved = [old]
            self._make_room(new)
            self._shown.pop(new, None)  # They go on with what was replaced.
            self.local(old).rename(self.local(new))
            self._changed.difference_update(moved)
            self._changed.update(new + path[len(old) :] for path in moved)
            self._hide(old)

    def deletions(self) -> list[str]:
        """Return what of the commit was deleted, directories with a trailing slash."""
        with self._lock:
            found = ((path, self._tree.find(path)) for path in sorted(self._deleted))
            return [path + "/" if entry.is_directory else path for path, entry in found if entry]

    def additions(self) -> Iterator[tuple[str, Path]]:
        """Yield what was written: the path in the commit, and the local file."""
        with self._lock:
            paths = sorted(self._changed)
        for path in paths:
            local = self.local(path)
            if local.is_file() and not local.name.startswith(_HIDDEN_PREFIX):
                yield path, local

    def _existing(self, path: str) -> FileEntry:
        entry = self.find(path)
        if entry is None:
            raise OSError(errno.ENOENT, os.strerror(errno.ENOENT), path)
        return entry

    def _local_entry(self, path: str) -> FileEntry | None:
        if path == "/":
            return None
        try:
            status = self.local(path).stat()
        except (FileNotFoundError, NotADirectoryError):
            return None
        is_directory = self.local(path).is_dir()
        return FileEntry(path, 0 if is_directory else status.st_size, is_directory, status.st_mtime)

    def _is_hidden(self, path: str) -> bool:
        while path and path != "/":
            if path in self._deleted:
                return True
            path = path.rpartition("/")[0]
        return False

    def _hide(self, path: str) -> None:
        if self._tree.find(path):
            self._deleted.add(path)

    def _make_room(self, path: str) -> None:
        self.local(path).parent.mkdir(parents=True, exist_ok=True)

    def _open_local(self, path: str, flags: int) -> LocalFile:
        descriptor = os.open(self.local(path), flags | os.O_CREAT | os.O_CLOEXEC, 0o644)
        self._follow(path)
        return LocalFile(descriptor, partial(self.changed, path))

    def _copy_up(self, path: str) -> None:
        local = self.local(path)
        if local.exists():
            return
        self._make_room(path)
        incomplete = local.with_name(f"{_HIDDEN_PREFIX}.{local.name}")
        try:
            with incomplete.open("wb") as file:
                stream = self._files.stream(path, 0)
                file.writelines(stream)
            incomplete.replace(local)
        finally:
            incomplete.unlink(missing_ok=True)
        self._follow(path)

    def _follow(self, path: str) -> None:
        """Let who reads the commit's file read its local copy instead."""
        for file in self._shown.pop(path, ()):
            file.follow(self.local(path))

    def _forget(self, path: str, shown: set[ShownFile], file: ShownFile) -> None:
        with self._lock:
            shown.discard(file)
            if not shown and self._shown.get(path) is shown:
                del self._shown[path]

    def discard(self) -> None:
        """Delete all that is kept locally."""
        shutil.rmtree(self._directory, ignore_errors=True)


def _check_name(path: str) -> None:
    # The server would refuse the whole commit for it, when it is too late.
    try:
        check_writable(path)
    except InvalidInputError as error:
        raise OSError(errno.EINVAL, str(error), path) from None


def _join(directory: str, name: str) -> str:
    return f"{directory.rstrip('/')}/{name}"
