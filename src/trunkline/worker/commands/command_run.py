"""Running one command to its end while reading what it prints."""

import os
import select
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from trunkline.worker.commands.deadlock import DeadlockWatch
from trunkline.worker.commands.interrupts import CancelledError, Interrupts
from trunkline.worker.commands.launcher import Command, Ended, Launcher, Reuse
from trunkline.worker.commands.memory import MemoryWatch

_READ_BYTES = 64 << 10
Output = Callable[[str, bytes], None]


@dataclass(frozen=True, slots=True)
class Finished:
    """How a run ended, and whether that was our doing."""

    ended: Ended
    timed_out: bool
    deadlocked: bool = False
    over_memory_bytes: int = 0
    """What it had when it was killed for that."""


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
    reuse: Reuse | None = None,
    watch: DeadlockWatch | None = None,
    memory_bytes_max: int = 0,
    began: Callable[[], None] = lambda: None,
) -> Finished:
    """Run the command and return how it ended; nothing of it is left then.

    ``output`` gets ``stdout`` or ``stderr`` and what was read; ``began`` is called when it has been started. Raises
    LauncherLostError if the launching process ends,
    CancelledError when the interrupts say so, after killing the command.
    """
    started = time.monotonic()
    memory = MemoryWatch(launcher.pid, bytes_max=memory_bytes_max) if memory_bytes_max else None
    with _Streams(stdin) as streams:
        launcher.start(command, streams.theirs, private=private, learn=learn, reuse=reuse)
        streams.close_theirs()
        began()
        deadline = None if timeout_seconds is None else started + timeout_seconds
        try:
            wait = _Wait(
                launcher, streams, output, deadline=deadline, interrupts=interrupts, watch=watch, memory=memory
            )
            wait.until_ended()
        except CancelledError:
            launcher.kill()
            launcher.ended()
            raise
        ended = launcher.ended()
        streams.drain(output)
    over = memory.peak_bytes if memory is not None and wait.over_memory else 0
    return Finished(ended, wait.timed_out, wait.deadlocked, over)


class _Wait:
    """The wait for one command, in which its streams are served and its time is kept."""

    def __init__(
        self,
        launcher: Launcher,
        streams: "_Streams",
        output: Output,
        *,
        deadline: float | None,
        interrupts: Interrupts,
        watch: DeadlockWatch | None,
        memory: MemoryWatch | None,
    ) -> None:
        self.timed_out = False
        self.deadlocked = False
        self.over_memory = False
        self._launcher = launcher
        self._streams = streams
        self._output = output
        self._deadline = deadline
        self._interrupts = interrupts
        self._watch = watch
        self._memory = memory
        self._poll = select.poll()
        for fd in (launcher.fileno(), interrupts.fileno(), *streams.ours):
            if fd >= 0:
                self._poll.register(fd, select.POLLIN)

    def until_ended(self) -> None:
        """Return when the launcher has an answer. Kill the command when its time is up."""
        while True:
            ready = [fd for fd, _ in self._poll.poll(self._milliseconds())]
            for fd in ready:
                self._serve(fd)
            if self._launcher.fileno() in ready:
                return
            if not self._is_killed:
                self._check(idle=not ready)

    @property
    def _is_killed(self) -> bool:
        return self.timed_out or self.deadlocked or self.over_memory

    def _milliseconds(self) -> float | None:
        if self._is_killed:
            return None
        waits = [watch.check_seconds for watch in (self._watch, self._memory) if watch is not None]
        if self._deadline is not None:
            waits.append(max(0.0, self._deadline - time.monotonic()))
        return min(waits) * 1000 + 1 if waits else None

    def _serve(self, fd: int) -> None:
        if fd in self._streams.ours:
            if not self._streams.read(fd, self._output):
                self._poll.unregister(fd)
        elif fd == self._interrupts.fileno():
            self._interrupts.check()

    def _check(self, *, idle: bool) -> None:
        self.timed_out = self._deadline is not None and time.monotonic() >= self._deadline
        self.deadlocked = not self.timed_out and idle and self._watch is not None and self._watch.is_dead()
        self.over_memory = not self.timed_out and self._memory is not None and self._memory.is_over()
        if self._is_killed:
            self._launcher.kill()


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
