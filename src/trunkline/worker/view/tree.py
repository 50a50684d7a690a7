"""The tree below ``/pfs``: staged for one datum after the other, with as little work as the difference asks for."""

import os
import stat
import tempfile
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from trunkline.worker.rights import acting_as
from trunkline.worker.users import User
from trunkline.worker.view.inputs import WantedFile, WantedTree
from trunkline.worker.view.opening import make_accessible, open_directory, open_file
from trunkline.worker.view.pipes import Pipes, is_pipe
from trunkline.worker.view.removal import list_entries, remove_tree

OUT = "out"
ENV_FILE = ".env"
_FILE_MODE, _DIR_MODE = 0o644, 0o755
_PAST_NS = 10_000_000_000


@dataclass(frozen=True, slots=True)
class _Stamp:
    """A staged file as we left it. Its time of modification lies in the past, so that any write shows."""

    inode: int
    size: int
    mtime_ns: int
    ctime_ns: int


@dataclass(frozen=True, slots=True)
class _Staged:
    wanted: WantedFile
    key: bytes
    stamp: _Stamp


class View:
    """A directory that user code sees as ``/pfs``, or under its own name where that cannot be had."""

    def __init__(self, directory: Path, *, seen_as: str, fetches_at_once: int = 1) -> None:
        """More fetches at once pay where the store is far away."""
        self.seen_as = seen_as
        self._fetches_at_once = fetches_at_once
        self.out = f"{seen_as}/{OUT}"
        self.owner: User | None = None
        """Whose the files are, where not ours; with whose rights everything in here is looked at."""
        self._directory = directory
        self._root = str(directory)
        self._spare = f"{directory}.spare"
        """Where things are for a moment, on the same file system and out of sight."""
        self._above: int | None = None
        self._real_root = os.path.realpath(directory)
        self._staged: dict[str, _Staged] = {}
        self._pipes: Pipes | None = None
        directory.mkdir(parents=True, exist_ok=True)
        os.makedirs(self._spare, mode=0o700, exist_ok=True)

    @property
    def directory(self) -> Path:
        """Where it lies on this machine."""
        return self._directory

    def stage(self, tree: WantedTree, *, env_file: str, owner: User | None) -> int:
        """Make the view show exactly this tree and an empty ``out``; return how many bytes were fetched.

        Files that stand there already, unchanged, stay. User code may do to the others what it likes: everything is a
        copy. Files belong to owner, or to us. Lazy files are pipes, which are filled until `release`.
        """
        if owner != self.owner:
            self._change_owner(owner)
        if self._pipes is not None:
            self._pipes.pause()
        try:
            self._arrange(tree)
        except PermissionError:
            self.release()
            self._clear()  # there is something of a third user
            self._arrange(tree)
        self._write_file(f"{self._root}/{ENV_FILE}", lambda fd: _write(fd, env_file.encode(errors="surrogateescape")))
        missing = self._make_pipes(tree, [place for place in tree.files if place not in self._staged])
        if self._fetches_at_once == 1 or len(missing) < 2:
            return sum(self._fetch(place, tree.files[place]) for place in missing)
        with ThreadPoolExecutor(self._fetches_at_once) as pool:
            return sum(pool.map(lambda place: self._fetch(place, tree.files[place]), missing))

    def open_file(self, path: str) -> int:
        """Return a descriptor to read a file by, whose path must have no links. Raises OSError if its owner may not."""
        with acting_as(self.owner):
            return open_file(path, below=self.out if path.startswith(f"{self.out}/") else "/")

    def take_streamed(self) -> int:
        """Return how many bytes were fetched for lazy files since the last time."""
        if self._pipes is None:
            return 0
        fetched, self._pipes.fetched_bytes = self._pipes.fetched_bytes, 0
        return fetched

    def check_streamed(self) -> None:
        """Raise what has kept a lazy file from being read to its end."""
        if self._pipes is not None and self._pipes.failure is not None:
            raise self._pipes.failure

    def release(self) -> None:
        """Let go of the pipes of lazy files: nobody is to read them any more."""
        if self._pipes is not None:
            self._pipes.close()
            self._pipes = None

    def untouched(self, path: str) -> WantedFile | None:
        """Return the input that a path (without symbolic links) is, if user code has left it as it was."""
        if self._pipes is not None and is_pipe(status := os.lstat(path)):
            return self._pipes.wanted_of(status)
        for root in (self._real_root, self.seen_as):
            if path.startswith(f"{root}/"):
                staged = self._staged.get(path[len(root) + 1 :])
                if staged is not None and _stamp(os.lstat(path)) == staged.stamp:
                    return staged.wanted
        return None

    def empty(self) -> None:
        """Remove everything but an empty ``out``."""
        self.release()
        try:
            self._arrange(WantedTree(), with_out=False)
        except PermissionError:
            self._clear()

    def _arrange(self, tree: WantedTree, *, with_out: bool = True) -> None:
        """Remove what is not wanted, keep what is there as it was, and make the missing directories."""
        kept_dirs: set[str] = set()
        with acting_as(self.owner):
            make_accessible(self._root, _DIR_MODE)
            self._staged = self._prune("", tree, kept_dirs)
            for place in sorted((tree.dirs | ({OUT} if with_out else set())) - kept_dirs):
                os.mkdir(f"{self._root}/{place}", _DIR_MODE)

    def _clear(self) -> None:
        """Remove everything with our own rights: what is the last owner's, or somebody else's."""
        self._staged = {}
        aside = tempfile.mkdtemp(dir=self._directory.parent)
        for place in (self._directory, f"{self._directory}.spare"):
            descriptor = open_directory(str(place))
            try:
                for entry in list_entries(descriptor):
                    if entry.is_dir(follow_symlinks=False):
                        remove_tree(f"{place}/{entry.name}", aside)
                    else:
                        os.unlink(entry.name, dir_fd=descriptor)
            finally:
                os.close(descriptor)
        os.rmdir(aside)

    def _prune(self, place: str, tree: WantedTree, kept_dirs: set[str]) -> dict[str, _Staged]:
        """Remove what is not wanted below place; return the files that stay."""
        kept: dict[str, _Staged] = {}
        for entry in list_entries(f"{self._root}/{place}"):
            inner = f"{place}/{entry.name}" if place else entry.name
            if entry.is_dir(follow_symlinks=False):
                if (inner in tree.dirs or inner == OUT) and self._restore_dir(entry):
                    kept_dirs.add(inner)
                    kept |= self._prune(inner, tree, kept_dirs)
                else:
                    remove_tree(entry.path, self._spare)
            elif staged := self._still_good(inner, entry, tree):
                kept[inner] = staged
            elif self._pipes is not None and self._pipes.keep(f"{self._root}/{inner}", entry, tree.files.get(inner)):
                pass
            else:
                os.unlink(entry.path)
        return kept

    def _still_good(self, place: str, entry: os.DirEntry[str], tree: WantedTree) -> _Staged | None:
        staged, wanted = self._staged.get(place), tree.files.get(place)
        if staged is None or wanted is None or (staged.key, staged.wanted.lazy) != (wanted.key, wanted.lazy):
            return None
        if _stamp(entry.stat(follow_symlinks=False)) != staged.stamp:
            return None
        return _Staged(wanted, staged.key, staged.stamp)

    def _restore_dir(self, entry: os.DirEntry[str]) -> bool:
        """Undo a change of mode; return False where the directory has the wrong owner."""
        status = entry.stat(follow_symlinks=False)
        if status.st_uid != (self.owner.uid if self.owner else os.geteuid()):
            return False
        if stat.S_IMODE(status.st_mode) != _DIR_MODE:
            os.chmod(entry.path, _DIR_MODE)
        return True

    def _change_owner(self, owner: User | None) -> None:
        """Give the empty view to somebody else, with the way through the worker's directory, which stays ours."""
        self.release()
        self._clear()
        self.owner = owner
        uid, gid = (owner.uid, owner.gid) if owner is not None else (os.geteuid(), os.getegid())
        for place in (self._directory, f"{self._directory}.spare"):
            os.chown(place, uid, gid, follow_symlinks=False)
        if owner is None:
            self._root = str(self._directory)
        else:
            above = self._directory.parent
            os.chown(above, -1, gid)
            above.chmod(0o710)
            if self._above is None:
                self._above = os.open(above, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
            # Not by its name: the owner need not be able to pass through everything that lies above.
            self._root = f"/proc/self/fd/{self._above}/{self._directory.name}"
        self._spare = f"{self._root}.spare"

    def _make_pipes(self, tree: WantedTree, missing: list[str]) -> list[str]:
        """Make the pipes of lazy files; return what is to be fetched now, lazy or not."""
        if not any(tree.files[place].lazy for place in missing):
            self.release()
            return missing
        try:
            pipes = self._pipes = self._pipes or Pipes(self._spare, owner=self.owner)
        except OSError:
            return missing  # not to be had here: read beforehand, they are files like others
        pipes.drop_others()
        now = []
        for place in missing:
            path, wanted = f"{self._root}/{place}", tree.files[place]
            if pipes.is_there(path):
                continue
            if wanted.lazy and not wanted.empty and pipes.has_room:
                pipes.add(path, wanted)
            else:
                now.append(place)
        pipes.serve()
        return now

    def _fetch(self, place: str, wanted: WantedFile) -> int:
        fetched = 0

        def copy(fd: int) -> None:
            nonlocal fetched
            for piece in wanted.read():
                fetched += len(piece)
                _write(fd, piece)

        stamp = self._write_file(f"{self._root}/{place}", copy)
        self._staged[place] = _Staged(wanted, wanted.key, stamp)
        return fetched

    def _write_file(self, path: str, write: Callable[[int], None]) -> _Stamp:
        with acting_as(self.owner):
            fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, _FILE_MODE)
        try:
            write(fd)
            past = time.time_ns() - _PAST_NS
            os.utime(fd, ns=(past, past))
            return _stamp(os.fstat(fd))
        finally:
            os.close(fd)


def _stamp(status: os.stat_result) -> _Stamp:
    return _Stamp(status.st_ino, status.st_size, status.st_mtime_ns, status.st_ctime_ns)


def _write(fd: int, data: bytes) -> None:
    view = memoryview(data)
    while view:
        view = view[os.write(fd, view) :]
