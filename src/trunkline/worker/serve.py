"""A worker process at work: datum sets come in through a channel, results go out."""

import ctypes
import os
import signal
import socket
import sys
import traceback
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NoReturn

from trunkline.model.residents import ResidentEnd
from trunkline.objects import open_object_store
from trunkline.storage.chunk.refs import ChunkRef
from trunkline.storage.fileset import FileSets
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
    Message,
    Printed,
    Ready,
    Run,
)
from trunkline.worker.commands.environment import script_environment
from trunkline.worker.commands.interrupts import CancelledError
from trunkline.worker.context import WorkerContext, open_context
from trunkline.worker.datum_set import run_datum_set
from trunkline.worker.resident import run_resident
from trunkline.worker.view.tree import View

_REMOTE_FETCHES = 16
_PR_SET_PDEATHSIG, _PR_SET_CHILD_SUBREAPER = 1, 36

_log = log("worker")


@dataclass(frozen=True, slots=True)
class Arguments:
    """What the executor tells a worker that it starts."""

    worker: str
    object_url: str
    scratch: Path
    working_dir: Path
    socket_fd: int
    alive_fd: int
    parent: int
    passed_variables: tuple[str, ...] = ()


class Coordinator:
    """The executor, as the worker sees it: gives turns, cancels them, and knows which chunks are stored already.

    It is the `Interrupts` of what runs and the `ChunkIndex` of what is written.
    """

    def __init__(self, channel: Channel) -> None:
        self._channel = channel
        self._turn = 0
        self._cancelled = 0

    def fileno(self) -> int:
        """Return the channel's descriptor."""
        return self._channel.fileno()

    def next_turn(self) -> Run | Host:
        """Return what to run next; raises EOFError when there will be nothing more."""
        while True:
            message = self._channel.receive()
            if isinstance(message, (Run, Host)):
                self._turn = message.turn
                return message

    def check(self) -> None:
        """Take in the messages that have come; raise CancelledError if the present turn is cancelled."""
        while self._channel.waits():
            self._take(self._channel.receive())
        if self._cancelled == self._turn:
            raise CancelledError("the job was cancelled")

    def find(self, chunks: Sequence[bytes]) -> dict[bytes, ChunkRef]:
        """Ask where those of the chunks lie that are stored already."""
        self._channel.send(Find(tuple(chunks)))
        while True:
            message = self._channel.receive()
            if isinstance(message, Found):
                return dict(message.refs)
            self._take(message)
            self.check()

    def record(self, refs: Sequence[ChunkRef]) -> None:
        """Do nothing: the result of the set tells about new chunks."""

    def forget(self, refs: Sequence[ChunkRef]) -> None:
        """Do nothing: the server looks at what it tells of."""

    def _take(self, message: Message) -> None:
        if isinstance(message, Cancel):
            self._cancelled = message.turn


def serve(arguments: Arguments, *, seen_as: str, warnings: tuple[str, ...]) -> NoReturn:
    """Run datum sets until the executor closes the channel; then end everything that runs, and exit."""
    _die_with_parent(arguments.parent)
    channel = Channel(socket.socket(fileno=arguments.socket_fd))
    coordinator = Coordinator(channel)
    objects = open_object_store(arguments.object_url)
    context = open_context(
        worker=arguments.worker,
        objects=objects,
        file_sets=FileSets(objects, coordinator, checks_hits=False),
        view=View(arguments.scratch / "pfs", seen_as=seen_as, fetches_at_once=_fetches_at_once(arguments.object_url)),
        environ=script_environment(os.environ, arguments.passed_variables),
        working_dir=arguments.working_dir,
        interrupts=coordinator,
        alive_fd=arguments.alive_fd,
        owns_children=True,
        warnings=warnings,
    )
    try:
        channel.send(Ready(warnings))
        while True:
            channel.send(_answer(coordinator.next_turn(), context, channel))
    except EOFError:
        context.close()
    # Threads of libraries may be in the way of an ordinary exit, and nothing is left to be done.
    os._exit(0)


def _fetches_at_once(object_url: str) -> int:
    return 1 if object_url.startswith("file:") else _REMOTE_FETCHES


def _answer(order: Run | Host, context: WorkerContext, channel: Channel) -> Done | LifeEnded | GaveUp:
    try:
        if isinstance(order, Host):
            return LifeEnded(order.turn, _host(order, context, channel))
        return Done(order.turn, run_datum_set(order.datum_set, context))
    except CancelledError:
        return GaveUp(order.turn, "")
    except EOFError:
        raise
    except Exception as error:  # noqa: BLE001 - the executor decides what to do with the set
        _log.error("%s: %s", _name(order), traceback.format_exc())
        return GaveUp(order.turn, f"{type(error).__name__}: {error}")


def _host(order: Host, context: WorkerContext, channel: Channel) -> ResidentEnd:
    return run_resident(
        order.resident,
        context,
        began=lambda: channel.send(Began(order.turn)),
        printed=lambda records: channel.send(Printed(order.turn, tuple(records))),
    )


def _name(order: Run | Host) -> str:
    if isinstance(order, Run):
        return f"datum set {order.datum_set.index} of job {order.datum_set.job}"
    return f"process of {order.resident.project}/{order.resident.pipeline}"


def _die_with_parent(parent: int) -> None:
    """Have the system kill this process when the executor ends, and hand us the orphans of what we start."""
    if sys.platform == "linux":
        libc = ctypes.CDLL(None)
        libc.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
        libc.prctl(_PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
    if os.getppid() != parent:
        os._exit(1)
