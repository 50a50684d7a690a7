"""Datum batching: one process handles many datums, which it asks for one after another (reference, section 5.6)."""

import os
import select
import threading
import time
from collections import deque
from dataclasses import dataclass, field

from trunkline.errors import CorruptDataError, InvalidInputError, NotFoundError
from trunkline.model.datums import Datum, DatumResult, DatumState
from trunkline.worker.attempt import DatumCommands
from trunkline.worker.commands.command_run import run_command
from trunkline.worker.commands.environment import map_pfs
from trunkline.worker.commands.interrupts import CancelledError, Interrupts
from trunkline.worker.commands.launcher import LauncherLostError
from trunkline.worker.context import WorkerContext
from trunkline.worker.datum import SetRun
from trunkline.worker.next_datum import NextDatumService
from trunkline.worker.users import CommandError, find_user
from trunkline.worker.view.capture import OutputError, store

PREMATURE = "user code exited prematurely: it must ask for datums until it is ended"


class _EndProcessError(CancelledError):
    """Ends the process, not the datum set: all is done, or the present datum failed."""


@dataclass(slots=True)
class _Turn:
    """A datum on its way, with the tries it has had."""

    commands: DatumCommands
    tries: int = 0
    began_at: float = field(default_factory=time.monotonic)

    @property
    def datum(self) -> Datum:
        return self.commands.datum


class Batch:
    """The datums of one set, handled by one process, or by the next one where one ends or fails a datum for good."""

    def __init__(self, run: SetRun, context: WorkerContext) -> None:
        self._run = run
        self._context = context
        self._left = deque(_Turn(run.commands(datum)) for datum in run.datum_set.datums)
        self._current: _Turn | None = None
        self._failure = ""
        self._results: dict[str, DatumResult] = {}

    def results(self) -> tuple[DatumResult, ...]:
        """Return what became of each datum. Raises CancelledError if the job is."""
        while self._left:
            self._current, self._failure = None, ""
            # One for each process: a question that a killed one has left must not be taken for the next one's.
            service = NextDatumService()
            self._context.starters.spared.add(service.pid)
            try:
                ended = self._run_process(service)
            finally:
                self._context.starters.spared.discard(service.pid)
                service.close()
            self._conclude(self._failure or ended)
        return tuple(self._results[datum.id] for datum in self._run.datum_set.datums)

    def _run_process(self, service: NextDatumService) -> str:
        """Run the command until it ends or is ended; return why it ended by itself, "" if it was made to."""
        first = self._left[0].commands
        transform = self._run.datum_set.transform
        launcher = self._context.starters.plain()
        try:
            # What is left of another datum is not there for the code that runs before it asks for its first one.
            self._context.view.empty()
            self._context.clear_working_dir(find_user(transform.user))
            command = first.command(transform.cmd)
            command.own_env["PPS_WORKER_GRPC_PORT"] = str(service.port)
            if "PYTHONUNBUFFERED" not in command.env:
                # It is ended while it waits for more: what it holds back would be lost, or taken for the next datum's.
                command.own_env["PYTHONUNBUFFERED"] = "1"
            with _Signals(self, service, self._context.interrupts, launcher=launcher.pid) as signals:
                finished = run_command(
                    launcher,
                    command,
                    stdin=map_pfs(
                        "".join(f"{line}\n" for line in transform.stdin), self._context.view.seen_as
                    ).encode(),
                    output=self._output,
                    timeout_seconds=None,
                    interrupts=signals,
                    memory_bytes_max=self._run.datum_set.memory_bytes_max,
                )
        except _EndProcessError:
            return ""
        except CommandError as error:
            first.tell(error)
            return str(error)
        except LauncherLostError as error:
            self._context.starters.lose(launcher)
            return f"command was lost: {error}"
        return first.reason(finished) or PREMATURE

    def _output(self, stream: str, data: bytes) -> None:
        turn = self._current or (self._left[0] if self._left else None)
        if turn is not None:
            turn.commands.log.feed(stream, data)

    @property
    def datum_timeout_seconds(self) -> float | None:
        """How long a datum may take."""
        return self._run.datum_set.datum_timeout_seconds

    def next_env(self, error: str) -> dict[str, str]:
        """Take in how the present datum went, put the next one into the view, and return its environment."""
        if error:
            self._fail(f"user code reported: {error}")
        elif self._current is not None:
            self._succeed(self._current)
        if not self._left:
            raise _EndProcessError
        turn = self._current = self._left[0]
        turn.began_at = time.monotonic()
        self._context.progress.begin(len(self._run.datum_set.datums) - len(self._left))
        try:
            turn.commands.stage()
        except (CommandError, InvalidInputError, NotFoundError, CorruptDataError) as problem:
            self._fail(str(problem))
        return turn.commands.own_env()

    def time_out(self) -> None:
        """End the process, since the present datum takes too long."""
        self._fail(f"timed out after {self._run.datum_set.datum_timeout_seconds:g} s (datumTimeout)")

    def _fail(self, reason: str) -> None:
        # A fresh process for the next try: errCmd runs in the view as it is, and nobody knows what this one has kept.
        self._failure = reason
        raise _EndProcessError

    def _succeed(self, turn: _Turn) -> None:
        commands = turn.commands
        commands.spent.process_seconds += time.monotonic() - turn.began_at
        started = time.monotonic()
        commands.spent.download_bytes += self._context.view.take_streamed()
        try:
            self._context.view.check_streamed()
            found = commands.outputs()
            commands.spent.upload_bytes += store(found, self._run.writer, tag=turn.datum.id)
        except OutputError as error:
            commands.tell(error)
            self._fail(str(error))
        except (InvalidInputError, NotFoundError, CorruptDataError) as error:
            self._fail(str(error))
        commands.spent.upload_seconds += time.monotonic() - started
        turn.tries += 1
        self._settle(turn, DatumState.SUCCESS, written=tuple(output.path for output in found))

    def _conclude(self, reason: str) -> None:
        """Take in why the process was ended or ended: the datum that it was at has failed."""
        if not reason or not self._left:
            return
        turn, tries = self._left[0], max(1, self._run.datum_set.datum_tries)
        turn.tries += 1
        turn.commands.spent.process_seconds += time.monotonic() - turn.began_at
        turn.commands.log.end_of_command()
        turn.commands.log.note(f"try {turn.tries} of {tries} failed: {reason}")
        if self._run.datum_set.transform.err_cmd and turn.commands.recovers():
            self._settle(turn, DatumState.RECOVERED, reason)
        elif turn.tries == tries:
            self._settle(turn, DatumState.FAILED, reason)

    def _settle(self, turn: _Turn, state: DatumState, reason: str = "", written: tuple[str, ...] = ()) -> None:
        self._left.popleft()
        self._current = None
        turn.commands.log.end_of_command()
        turn.commands.log.end()
        self._results[turn.datum.id] = DatumResult(
            turn.datum.id, state, reason, tries=turn.tries, outputs=written, stats=turn.commands.spent.stats()
        )


class _Signals:
    """What may come while the process runs: orders of the executor, its own questions, the end of a datum's time.

    It is the `Interrupts` of the command, and acts in the thread that waits for it.
    """

    def __init__(self, batch: Batch, service: NextDatumService, orders: Interrupts, *, launcher: int) -> None:
        self._batch = batch
        self._service = service
        self._orders = orders
        self._launcher = launcher
        self._alarm, self._alarm_end = os.pipe()
        self._timer: threading.Timer | None = None
        self._asked = False
        self._poll = select.epoll()
        for fd in (orders.fileno(), service.fileno(), self._alarm):
            if fd >= 0:
                self._poll.register(fd, select.EPOLLIN)

    def __enter__(self) -> "_Signals":
        return self

    def __exit__(self, *_: object) -> None:
        self._stop_timer()
        self._poll.close()
        os.close(self._alarm)
        os.close(self._alarm_end)

    def fileno(self) -> int:
        """Return a descriptor that is readable when one of them has come."""
        return self._poll.fileno()

    def check(self) -> None:
        """Act on what has come. Raises CancelledError to end the process."""
        self._orders.check()
        ready = {fd for fd, _ in self._poll.poll(0)}
        if self._alarm in ready:
            self._batch.time_out()
        if self._service.fileno() not in ready:
            return
        if not self._asked:
            # Look again: what the process printed before it asked belongs to the datum that is done.
            self._asked = True
            return
        self._asked = False
        error = self._service.question(self._launcher)
        if error is None:
            return
        self._stop_timer()
        self._service.answer(self._batch.next_env(error))
        self._start_timer()

    def _start_timer(self) -> None:
        seconds = self._batch.datum_timeout_seconds
        if seconds is not None:
            self._timer = threading.Timer(seconds, os.write, (self._alarm_end, b"!"))
            self._timer.daemon = True
            self._timer.start()

    def _stop_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer.join()
            self._timer = None
