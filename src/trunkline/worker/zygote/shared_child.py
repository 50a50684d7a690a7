"""One forked child that runs a script several times: what forking and copied pages cost is paid once.

Each run finds what a fresh interpreter would show it. A run that leaves anything behind which the next one could
notice, or that loads something new, is the last of its child.
"""

from __future__ import annotations

import contextvars
import os
import signal
import socket
import sys
import time
from typing import Any, NoReturn

from trunkline.worker.zygote.baseline import Baseline
from trunkline.worker.zygote.children import Child, discard, enter_process, enter_run, has_exited
from trunkline.worker.zygote.connection import Connection
from trunkline.worker.zygote.modules import NewModules
from trunkline.worker.zygote.script import Scripts, clear, finalize, leave_to_interpreter, prepare, run_main


class SharedChild:
    """The child that waits for another script, while there is one."""

    def __init__(self) -> None:
        self._child: Child | None = None
        self._key: object = None

    def start(self, request: dict[str, Any], fds: list[int], scripts: Scripts, closing: tuple[int, ...]) -> Child:
        """Run the request's script in the child that waits, if that ran it in the same turn, or in a new one."""
        key = (request["reuse"], request["script"], request["user"])
        if self._child is not None and key == self._key and not has_exited(self._child):
            assert self._child.connection is not None
            self._child.connection.send(request, fds)
            return self._child
        self.end()
        self._child, self._key = _fork(request, fds, scripts, closing), key
        return self._child

    def ran(self, *, kept: bool) -> None:
        """Take in whether the child is there still after a run."""
        if not kept and self._child is not None:
            assert self._child.connection is not None
            self._child.connection.close()
            self._child = None

    def end(self) -> None:
        """End the child that waits."""
        if self._child is not None:
            discard(self._child)
            self._child = None


def _fork(request: dict[str, Any], fds: list[int], scripts: Scripts, closing: tuple[int, ...]) -> Child:
    scripts.code(request["script"])  # compiled here, it is there for every child
    ours, theirs = socket.socketpair()
    parent = os.getpid()
    pid = os.fork()
    if pid == 0:
        # A fault of ours must not run the parent's loop in the child.
        try:
            enter_process(request, fds, (*closing, ours.detach()), parent)
            _be_scripts(request, scripts, Connection(theirs.detach()))
        except BaseException as error:  # noqa: BLE001
            os.write(2, b"trunkline: cannot run the script: %s\n" % repr(error).encode())
        finally:
            os._exit(1)
    theirs.close()
    return Child(pid, connection=Connection(ours.detach()))


def _be_scripts(request: dict[str, Any], scripts: Scripts, connection: Connection) -> NoReturn:
    """Run the request's script, and then what else is asked for, for as long as each leaves no trace."""
    nothing = os.open(os.devnull, os.O_RDWR | os.O_CLOEXEC)
    path, ground = list(sys.path), Baseline()
    while True:
        began = _cpu_seconds()
        status = _run(request, scripts, ground)
        for fd in range(3):
            os.dup2(nothing, fd)
        connection.send({"status": (status & 0xFF) << 8, "cpu": _cpu_seconds() - began})
        try:
            request, fds = connection.receive()
        except (EOFError, ConnectionError):
            os._exit(0)
        sys.path[:] = path
        enter_run(request, fds)


def _run(request: dict[str, Any], scripts: Scripts, ground: Baseline) -> int:
    """Run one script and return its exit status, if another can follow it here; else exit as an interpreter does."""
    code = scripts.code(request["script"])
    if code is None:
        leave_to_interpreter(request)
    count = len(sys.modules)
    script_dir = prepare(request)
    # In a context of its own: what it sets there, like the precision of decimals, goes with it.
    status: int = contextvars.copy_context().run(run_main, request["script"], code)
    new = NewModules(script_dir, request["private"], count)
    if status == -signal.SIGINT or not ground.is_quiet() or len(new.shared()) or (new.own() and not request["lenient"]):
        os._exit(finalize(status, new) & 0xFF)
    new.forget_own()
    status = clear(status, new)
    if not ground.is_as_before():
        os._exit(status & 0xFF)
    return status


def _cpu_seconds() -> float:
    times = os.times()
    return time.process_time() + times.children_user + times.children_system
