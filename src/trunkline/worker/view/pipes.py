"""Lazy inputs: a named pipe for each file, filled from the store once somebody opens it.

We hold the writing end of every pipe, so that opening one never waits; the system tells us that it was opened, and
only then its content is fetched. Each reader gets a pipe of its own: when one is opened, a fresh one takes its place.
One thread serves them all.
"""

import contextlib
import fcntl
import os
import resource
import select
import stat
import threading
from collections import OrderedDict
from collections.abc import Iterator
from dataclasses import dataclass, field

from trunkline.worker.rights import acting_as
from trunkline.worker.users import User
from trunkline.worker.view.inputs import WantedFile
from trunkline.worker.view.open_events import OpenEvents

_MODE = 0o644
_PIPE_BYTES = 1 << 20
_SPARE_FILES = 256
"""Descriptors that are left for everything else."""
_LOADED_MAX = 16
"""How many readers' content is kept at hand; the others' is fetched again from where they are when they go on."""


@dataclass(frozen=True, slots=True)
class _Pipe:
    """A pipe that nobody has opened yet, and our end of it."""

    path: str
    wanted: WantedFile
    fd: int
    identity: tuple[int, int]


@dataclass(slots=True)
class _Stream:
    """A pipe that has a reader."""

    wanted: WantedFile
    sent_bytes: int = 0
    pieces: Iterator[bytes] | None = None
    piece: memoryview = field(default_factory=lambda: memoryview(b""))


class Pipes:
    """The pipes of one datum, and of the next ones where those have the same files.

    Raises OSError where the system cannot tell when a file is opened.
    """

    def __init__(self, spare: str, *, owner: User | None) -> None:
        """``spare`` is where new pipes are made: a directory beside the view that user code does not look into."""
        self.fetched_bytes = 0
        """What was read from the store so far."""
        self.failure: Exception | None = None
        """Why some reader did not get all of its file."""
        self._pipes_max = _files_max() - _SPARE_FILES
        self._spare = spare
        self._owner = owner
        self._events = OpenEvents()
        self._waiting: dict[str, _Pipe] = {}
        self._kept: set[str] = set()
        self._wanted: dict[tuple[int, int], WantedFile] = {}
        self._streams: dict[int, _Stream] = {}
        self._loaded: OrderedDict[int, None] = OrderedDict()
        self._poll = select.epoll()
        self._stop, self._stopper = os.pipe()
        for fd in (self._events.fileno(), self._stop):
            self._poll.register(fd, select.EPOLLIN)
        self._thread: threading.Thread | None = None

    @property
    def has_room(self) -> bool:
        """Whether there are descriptors for one more."""
        return len(self._waiting) < self._pipes_max

    def add(self, path: str, wanted: WantedFile) -> None:
        """Make the pipe of a file."""
        self._place(path, wanted)

    def serve(self) -> None:
        """Fill pipes as they are opened, until `pause`."""
        for directory in {os.path.dirname(path) for path in self._waiting}:
            self._events.watch(directory)
        self._thread = threading.Thread(target=self._serve, name="trunkline-pipes", daemon=True)
        self._thread.start()

    def wanted_of(self, status: os.stat_result) -> WantedFile | None:
        """Return the file that a pipe stands for, wherever it lies by now; None if it is none of these."""
        return self._wanted.get((status.st_dev, status.st_ino))

    def pause(self) -> None:
        """Serve nobody for now. Whoever still reads a pipe is at its end; those that nobody has opened stay."""
        if self._thread is not None:
            os.write(self._stopper, b"!")
            self._thread.join()
            self._thread = None
            os.read(self._stop, 1)
        for fd in list(self._streams):
            self._end(fd)
        self.failure = None
        self._kept.clear()

    def keep(self, path: str, entry: os.DirEntry[str], wanted: WantedFile | None) -> bool:
        """While paused: keep what is at path if it is a pipe of ours, as we made it, and for the same content."""
        pipe = self._waiting.get(path)
        if pipe is None or wanted is None or not wanted.lazy or pipe.wanted.key != wanted.key:
            return False
        status = entry.stat(follow_symlinks=False)
        if (status.st_dev, status.st_ino) != pipe.identity or stat.S_IMODE(status.st_mode) != _MODE:
            return False
        self._kept.add(path)
        return True

    def drop_others(self) -> None:
        """While paused: let go of the pipes that are not kept."""
        for path in self._waiting.keys() - self._kept:
            pipe = self._waiting.pop(path)
            del self._wanted[pipe.identity]
            os.close(pipe.fd)

    def is_there(self, path: str) -> bool:
        """Whether a pipe waits at path."""
        return path in self._waiting

    def close(self) -> None:
        """Let go of all pipes."""
        self.pause()
        self.drop_others()
        for fd in (self._stop, self._stopper):
            os.close(fd)
        self._poll.close()
        self._events.close()

    def _place(self, path: str, wanted: WantedFile) -> None:
        made = f"{self._spare}/pipe"
        with acting_as(self._owner):
            os.mkfifo(made, _MODE)
            try:
                writer = _open_to_write(made)
            except OSError:
                os.unlink(made)
                raise
            # It comes to its place complete, and by a move, which is no opening.
            os.replace(made, path)
        status = os.fstat(writer)
        pipe = _Pipe(path, wanted, writer, (status.st_dev, status.st_ino))
        self._waiting[path] = pipe
        self._wanted[pipe.identity] = wanted

    def _serve(self) -> None:
        while True:
            for fd, event in self._poll.poll():
                if fd == self._stop:
                    return
                if fd == self._events.fileno():
                    opened = self._events.read()
                    for path in list(self._waiting) if opened is None else opened:
                        self._begin(path)
                else:
                    self._go_on(fd, self._streams[fd], has_reader=not event & select.EPOLLERR)

    def _begin(self, path: str) -> None:
        pipe = self._waiting.get(path)
        if pipe is None or not _has_reader(pipe.fd):
            return
        del self._waiting[path]
        self._streams[pipe.fd] = _Stream(pipe.wanted)
        if len(self._streams) <= _LOADED_MAX:
            with contextlib.suppress(OSError):  # fewer turns for a large file, where the system grants it
                fcntl.fcntl(pipe.fd, fcntl.F_SETPIPE_SZ, _PIPE_BYTES)
        self._poll.register(pipe.fd, select.EPOLLOUT)
        self._replace(pipe)

    def _replace(self, pipe: _Pipe) -> None:
        """Put a fresh pipe in the place of one that was opened, unless user code has changed something there."""
        try:
            status = os.lstat(pipe.path)
            if (status.st_dev, status.st_ino) != pipe.identity:
                return
            self._place(pipe.path, pipe.wanted)
            del self._wanted[pipe.identity]
        except OSError:
            return  # removed, or locked against us: it is the user code's file

    def _go_on(self, fd: int, stream: _Stream, *, has_reader: bool) -> None:
        """Write what there is room for."""
        try:
            if has_reader and self._load(fd, stream):
                sent = os.write(fd, stream.piece)
                stream.sent_bytes += sent
                stream.piece = stream.piece[sent:]
                return
        except BlockingIOError:
            return
        except BrokenPipeError:
            pass
        except Exception as error:  # noqa: BLE001 - the datum fails for it, whatever it is
            self.failure = self.failure or error
        self._end(fd)

    def _load(self, fd: int, stream: _Stream) -> bool:
        """Have something to write at hand; return False at the end of the file."""
        if stream.pieces is None:
            stream.pieces = stream.wanted.read(stream.sent_bytes)
            self._make_room()
        self._loaded[fd] = None
        self._loaded.move_to_end(fd)
        while not stream.piece:
            piece = next(stream.pieces, None)
            if piece is None:
                return False
            self.fetched_bytes += len(piece)
            stream.piece = memoryview(piece)
        return True

    def _make_room(self) -> None:
        while len(self._loaded) >= _LOADED_MAX:
            longest_ago, _ = self._loaded.popitem(last=False)
            stream = self._streams[longest_ago]
            stream.pieces, stream.piece = None, memoryview(b"")

    def _end(self, fd: int) -> None:
        del self._streams[fd]
        self._loaded.pop(fd, None)
        self._poll.unregister(fd)
        os.close(fd)


def is_pipe(status: os.stat_result) -> bool:
    """Whether that is a named pipe."""
    return stat.S_ISFIFO(status.st_mode)


def _open_to_write(path: str) -> int:
    # Without a reader, even for a moment, it could not be opened.
    reader = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_NOFOLLOW)
    try:
        return os.open(path, os.O_WRONLY | os.O_NONBLOCK | os.O_NOFOLLOW)
    finally:
        os.close(reader)


def _has_reader(fd: int) -> bool:
    poll = select.poll()
    poll.register(fd, 0)
    return not poll.poll(0)


def _files_max() -> int:
    """Return how many descriptors we may have, after asking for as many as we can get."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft != hard:
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    return hard if hard != resource.RLIM_INFINITY else 1 << 20
