"""Running one command to its end while reading what it prints."""

import os
import select
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from trunkline.worker.interrupts import CancelledError, Interrupts
from trunkline.worker.launcher import Command, Ended, Launcher

_READ_BYTES = 64 << 10
Output = Callable[[str, bytes], None]


@dataclass(frozen=True, slots=True)
class Finished:
    """How a run ended, and how long it took."""

    ended: Ended
    timed_out: bool
    seconds: float


def run_command(
    launcher: Launcher,
    command: Command,
    *,
    stdin: bytes,
    output: Output,
    timeout_seconds: float | None,
    interrupts: Interrupts,
    private: Sequence[str] = (),
    learn: bool = False,
) -> Finished:
    """Run the command and return how it ended; nothing of it is left then.

    ``output`` gets ``stdout`` or ``stderr`` and what was read. Raises LauncherLostError if the launching process ends,
    CancelledError when the interrupts say so, after killing the command.
    """
    started = time.monotonic()
    with _Streams(stdin) as streams:
        launcher.start(command, streams.theirs, private=private, learn=learn)
        streams.close_theirs()
        deadline = None if timeout_seconds is None else started + timeout_seconds
        try:
            timed_out = _wait(launcher, streams, output, deadline, interrupts)
        except CancelledError:
            launcher.kill()
            launcher.ended()
            raise
        ended = launcher.ended()
        streams.drain(output)
    return Finished(ended, timed_out, time.monotonic() - started)


def _wait(
    launcher: Launcher, streams: "_Streams", output: Output, deadline: float | None, interrupts: Interrupts
) -> bool:
    """Serve the streams until the launcher has an answer; return whether the time was up before."""
    poll = select.poll()
    for fd in (launcher.fileno(), interrupts.fileno(), *streams.ours):
        if fd >= 0:
            poll.register(fd, select.POLLIN)
    timed_out = False
    while True:
        left = None if deadline is None or timed_out else max(0.0, deadline - time.monotonic())
        events = poll.poll(None if left is None else left * 1000 + 1)
        for fd, _ in events:
            if fd in streams.ours:
                if not streams.read(fd, output):
                    poll.unregister(fd)
            elif fd == interrupts.fileno():
                interrupts.check()
        if any(fd == launcher.fileno() for fd, _ in events):
            return timed_out
        if deadline is not None and not timed_out and time.monotonic() >= deadline:
            timed_out = True
            launcher.kill()


class _Streams:
    """The standard streams of one command: its ends, and ours of stdout and stderr."""

    def __init__(self, stdin: bytes) -> None:
        # A file, not a pipe: nobody has to feed it, and a command may leave it unread.
        source = _memory_file(stdin) if stdin else os.open(os.devnull, os.O_RDONLY)
        out, out_theirs = os.pipe()
        err, err_theirs = os.pipe()
        self.theirs = (source, out_theirs, err_theirs)
        self.ours = {out: "stdout", err: "stderr"}
        self._open = {*self.theirs, *self.ours}
        for fd in self.ours:
            os.set_blocking(fd, False)

    def __enter__(self) -> "_Streams":
        return self

    def __exit__(self, *_: object) -> None:
        for fd in self._open:
            os.close(fd)

    def close_theirs(self) -> None:
        for fd in self.theirs:
            os.close(fd)
        self._open.difference_update(self.theirs)

    def read(self, fd: int, output: Output) -> bool:
        """Pass on what is there; return False at the end of the stream."""
        data = os.read(fd, _READ_BYTES)
        if data:
            output(self.ours[fd], data)
        return bool(data)

    def drain(self, output: Output) -> None:
        """Pass on what is left. A process that got away may still hold the other end: don't wait for it."""
        for fd in self.ours:
            try:
                while self.read(fd, output):
                    pass
            except BlockingIOError:
                continue


def _memory_file(data: bytes) -> int:
    fd = os.memfd_create("stdin") if sys.platform == "linux" else tempfile.mkstemp()[0]
    with os.fdopen(fd, "r+b", buffering=0) as file:
        file.write(data)
        file.seek(0)
        return os.dup(file.fileno())
