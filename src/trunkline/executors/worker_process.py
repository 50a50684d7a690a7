"""One worker process on this machine: started, spoken to, ended without a trace."""

import os
import select
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from trunkline.model.datums import DatumSet, DatumSetResult
from trunkline.model.residents import Resident, ResidentEnd
from trunkline.storage.chunk.refs import ChunkRef
from trunkline.telemetry import log
from trunkline.worker.channel import (
    Began,
    Cancel,
    Channel,
    Done,
    Find,
    Found,
    GaveUp,
    Host,
    LifeEnded,
    Printed,
    Ready,
    Run,
)
from trunkline.worker.progress import At, read_progress
from trunkline.worker.view.isolation import Isolation
from trunkline.worker.view.removal import remove_directory
from trunkline.worker.view.working_dir import OWN_WORKING_DIR

FindChunks = Callable[[Sequence[bytes]], Mapping[bytes, ChunkRef]]

START_SECONDS_MAX = 60.0
CANCEL_SECONDS_MAX = 15.0
END_SECONDS_MAX = 15.0
_BATCH_SECONDS, _BATCH_BYTES = 0.25, 256 << 10

_log = log("executors")


class WorkerLostError(Exception):
    """The worker died, or could not do its work for a reason that is not the user's; the text says why."""


class TurnCancelledError(Exception):
    """The worker gave the set up because it was told so."""


@dataclass(frozen=True, slots=True)
class WorkerSettings:
    """What all workers of an executor are started with."""

    object_url: str
    scratch_root: Path
    working_dir: Path | None
    """Where commands start; None is a directory of each worker's own."""
    isolation: Isolation
    environ: Mapping[str, str]
    find_chunks: FindChunks
    hidden: Path | None = None
    """A directory that commands do not see: the server's state."""
    passed_variables: tuple[str, ...] = ()
    """What commands see of environ besides the usual."""


class WorkerProcess:
    """A worker and the processes below it. One thread runs sets or residents on it, any may `cancel` and `hang_up`.

    The system kills the worker when the thread that started it ends: that thread must live for as long as the worker.
    """

    def __init__(self, name: str, settings: WorkerSettings) -> None:
        """Start the process; `wait_until_ready` comes next."""
        self._settings = settings
        self._scratch = settings.scratch_root / name
        self._scratch.mkdir(parents=True, mode=0o700)
        self._working_dir = settings.working_dir or self._scratch / OWN_WORKING_DIR
        self._working_dir.mkdir(exist_ok=True)
        self._turn = 0
        self._cancelled_at: float | None = None
        ours, theirs = socket.socketpair()
        # The worker and all below it hold the other end: when they are gone, and only then, this one reports the end.
        self._alive, alive_theirs = os.pipe()
        with theirs:
            self._process = subprocess.Popen(
                self._command(name, theirs.fileno(), alive_theirs),
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                env=dict(settings.environ),
                cwd=self._working_dir,
                pass_fds=(theirs.fileno(), alive_theirs),
                start_new_session=True,
            )
        os.close(alive_theirs)
        self._channel = Channel(ours)

    def _command(self, name: str, socket_fd: int, alive_fd: int) -> list[str]:
        hidden = () if self._settings.hidden is None else ("--hidden", str(self._settings.hidden))
        # -P: a module in the working directory must not take the place of one of ours.
        return [
            *(sys.executable, "-P", "-m", "trunkline.worker"),
            *("--worker", name),
            *("--object-url", self._settings.object_url),
            *("--scratch", str(self._scratch)),
            *("--working-dir", str(self._working_dir)),
            *("--isolation", self._settings.isolation.value),
            *("--socket-fd", str(socket_fd)),
            *("--alive-fd", str(alive_fd)),
            *("--parent", str(os.getpid())),
            *hidden,
            *(f"--pass-env={name}" for name in self._settings.passed_variables),
        ]

    @property
    def name(self) -> str:
        """What it is called."""
        return self._scratch.name

    def progress(self) -> At | None:
        """Return at which datum it was last, be it of an earlier set."""
        return read_progress(self._scratch)

    @property
    def pid(self) -> int:
        """The process id of the worker itself."""
        return self._process.pid

    def wait_until_ready(self) -> tuple[str, ...]:
        """Return what the user should know about the worker, once it takes sets. Raises WorkerLostError."""
        try:
            if self._channel.waits(START_SECONDS_MAX):
                message = self._channel.receive()
                assert isinstance(message, Ready)
                return message.warnings
        except EOFError:
            raise self._lost("while it started") from None
        raise WorkerLostError(f"the worker did not start within {START_SECONDS_MAX:.0f} s")

    def run(self, datum_set: DatumSet, *, is_cancelled: Callable[[], bool]) -> DatumSetResult:
        """Return the result of a set. Raises WorkerLostError, TurnCancelledError.

        Whoever cancels must first make is_cancelled true and then call `cancel`: so no order is missed.
        """
        self._cancelled_at = None
        self._turn += 1
        try:
            self._channel.send(Run(self._turn, datum_set))
            if is_cancelled():
                self.cancel()
            return self._result()
        except EOFError:
            raise self._lost("while it ran a datum set") from None

    def host(
        self,
        resident: Resident,
        *,
        began: Callable[[], None],
        printed: Callable[[Sequence[str]], None],
        is_cancelled: Callable[[], bool],
    ) -> ResidentEnd:
        """Return how a resident ended by itself; as `run`. ``printed`` gets log records, a moment's worth at once."""
        self._cancelled_at = None
        self._turn += 1
        batch = _Batch(printed)
        try:
            self._channel.send(Host(self._turn, resident))
            if is_cancelled():
                self.cancel()
            return self._end_of(batch, began)
        except EOFError:
            raise self._lost("while it ran") from None
        finally:
            batch.pass_on()

    def _end_of(self, batch: "_Batch", began: Callable[[], None]) -> ResidentEnd:
        while True:
            self._check_cancel()
            if not self._channel.waits(batch.seconds_left()):
                batch.pass_on()
                continue
            message = self._channel.receive()
            if isinstance(message, Printed):
                batch.add(message.records)
            elif isinstance(message, Began):
                began()
            elif isinstance(message, LifeEnded):
                return message.end
            elif isinstance(message, GaveUp):
                raise WorkerLostError(message.reason) if message.reason else TurnCancelledError

    def cancel(self) -> None:
        """Make the worker kill what it runs and give up the present set or resident."""
        self._cancelled_at = time.monotonic()
        self._send_cancel()

    def hang_up(self) -> None:
        """Tell the worker to end; `end` makes sure."""
        self._channel.hang_up()

    def end(self) -> None:
        """Return when the worker, all that it started, and its scratch directory are gone."""
        self._channel.hang_up()
        try:
            self._process.wait(END_SECONDS_MAX)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        ready, _, _ = select.select([self._alive], [], [], END_SECONDS_MAX)
        if not ready:
            _log.error("processes that worker %s started do not end", self._scratch.name)
        os.close(self._alive)
        self._channel.close()
        try:
            remove_directory(self._scratch)
        except OSError as error:
            _log.warning("cannot remove %s: %s", self._scratch, error)

    def _send_cancel(self) -> None:
        try:
            self._channel.send(Cancel(self._turn))
        except EOFError:
            return  # it is gone, and with it what it ran

    def _result(self) -> DatumSetResult:
        while True:
            if not self._channel.waits(1.0):
                self._check_cancel()
                continue
            message = self._channel.receive()
            if isinstance(message, Find):
                self._channel.send(Found(self._find(message.chunks)))
            elif isinstance(message, Done):
                return message.result
            elif isinstance(message, GaveUp):
                raise WorkerLostError(message.reason) if message.reason else TurnCancelledError

    def _check_cancel(self) -> None:
        if self._cancelled_at is not None and time.monotonic() - self._cancelled_at > CANCEL_SECONDS_MAX:
            self._process.kill()
            raise TurnCancelledError

    def _find(self, chunks: Sequence[bytes]) -> dict[bytes, ChunkRef]:
        try:
            return dict(self._settings.find_chunks(chunks))
        except Exception:  # noqa: BLE001 - the index may forget: what it does not know is stored again
            _log.exception("cannot look chunks up")
            return {}

    def _lost(self, when: str) -> WorkerLostError:
        try:
            status = self._process.wait(END_SECONDS_MAX)
        except subprocess.TimeoutExpired:
            return WorkerLostError(f"the worker closed its channel {when}")
        how = f"was killed by signal {-status}" if status < 0 else f"ended with status {status}"
        return WorkerLostError(f"the worker {how} {when}")


class _Batch:
    """Log records on their way: kept for a moment, so that a talkative process costs a few writes a second."""

    def __init__(self, pass_on: Callable[[Sequence[str]], None]) -> None:
        self._pass_on = pass_on
        self._records: list[str] = []
        self._bytes = 0
        self._due_at = 0.0

    def seconds_left(self) -> float:
        """Return how long there is to wait for more."""
        return max(0.0, self._due_at - time.monotonic()) if self._records else 1.0

    def add(self, records: Sequence[str]) -> None:
        """Take records; those before go on if they have waited long enough, or are enough."""
        if not self._records:
            self._due_at = time.monotonic() + _BATCH_SECONDS
        self._records += records
        self._bytes += sum(map(len, records))
        if self._bytes >= _BATCH_BYTES or time.monotonic() >= self._due_at:
            self.pass_on()

    def pass_on(self) -> None:
        """Pass on what is there."""
        if self._records:
            self._pass_on(self._records)
        self._records, self._bytes = [], 0
