"""Starting a command, waiting for it, and leaving nothing of it behind."""

from __future__ import annotations

import contextlib
import ctypes
import json
import os
import select
import signal
import sys
from collections.abc import Callable
from typing import Any

from trunkline.worker.zygote.connection import Connection
from trunkline.worker.zygote.script import Scripts, be_script

_PR_SET_PDEATHSIG, _PR_SET_CHILD_SUBREAPER = 1, 36
REPORT_BYTES_MAX = 60_000
"""What a child may report: less than a pipe holds, so that it never waits for a reader."""

_LIBC = ctypes.CDLL(None)


def _prctl(option: int, argument: int) -> None:
    if sys.platform == "linux":
        _LIBC.prctl(option, argument, 0, 0, 0)


def be_subreaper() -> None:
    """Become the parent of every orphan below, so that no daemon gets away."""
    _prctl(_PR_SET_CHILD_SUBREAPER, 1)


class Child:
    """A running command: its process, and where a forked one reports what it imported.

    One that can run several scripts says over its connection when it is through with one.
    """

    def __init__(self, pid: int, report_fd: int = -1, connection: Connection | None = None) -> None:
        self.pid = pid
        self.connection = connection
        self.cpu_told = 0.0
        """CPU seconds of the runs that are over."""
        self._report_fd = report_fd

    def kill(self) -> None:
        """Kill the process group, and the process where it has not made its group yet. Before it is waited for only."""
        for kill in (os.killpg, os.kill):
            with contextlib.suppress(ProcessLookupError, PermissionError):
                kill(self.pid, signal.SIGKILL)

    def report(self) -> list[str]:
        """Return the modules that the finished child has reported."""
        if self._report_fd < 0:
            return []
        os.set_blocking(self._report_fd, False)
        try:
            names: list[str] = json.loads(os.read(self._report_fd, REPORT_BYTES_MAX) or b"[]")
        except (BlockingIOError, ValueError):
            return []
        finally:
            os.close(self._report_fd)
        return names


def start_program(request: dict[str, Any], fds: list[int]) -> Child:
    """Start any command in a session of its own."""
    import subprocess  # noqa: PLC0415 - an interpreter that only forks scripts does without it

    process = subprocess.Popen(
        request["argv"],
        executable=request["executable"],
        stdin=fds[0],
        stdout=fds[1],
        stderr=fds[2],
        cwd=request["cwd"],
        env=request["env"],
        start_new_session=True,
        **(request["user"] or {}),
    )
    process.returncode = 0  # we wait for it ourselves
    return Child(process.pid)


def start_script(request: dict[str, Any], fds: list[int], scripts: Scripts, closing: tuple[int, ...]) -> Child:
    """Fork a child that runs the script with the modules that are loaded here."""
    code = scripts.code(request["script"])
    reader, writer = os.pipe() if request["learn"] else (-1, -1)
    parent = os.getpid()
    pid = os.fork()
    if pid == 0:
        # A fault of ours must not run the parent's loop in the child.
        try:
            enter_process(request, fds, (*closing, reader), parent)
            be_script(request, code, lambda names: _report(writer, names))
        except BaseException as error:  # noqa: BLE001
            os.write(2, b"trunkline: cannot run the script: %s\n" % repr(error).encode())
        finally:
            os._exit(1)
    if writer >= 0:
        os.close(writer)
    return Child(pid, reader)


def enter_process(request: dict[str, Any], fds: list[int], closing: tuple[int, ...], parent: int) -> None:
    """Make a forked child a process of its own: session, user, standard streams, directory."""
    os.setsid()
    for fd in closing:
        if fd >= 0:
            os.close(fd)
    user = request["user"]
    if user:
        os.setgroups(user["extra_groups"])
        os.setgid(user["group"])
        os.setuid(user["user"])
    _prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent:
        os._exit(1)
    enter_run(request, fds)


def enter_run(request: dict[str, Any], fds: list[int]) -> None:
    """Take these standard streams, which closes the descriptors, and the directory of the request."""
    for target, fd in enumerate(fds):
        os.dup2(fd, target)
        os.close(fd)
    os.chdir(request["cwd"])


def _report(fd: int, names: list[str]) -> None:
    if fd < 0:
        return
    data = json.dumps(names).encode()
    while len(data) > REPORT_BYTES_MAX:
        names = names[: len(names) // 2]
        data = json.dumps(names).encode()
    os.write(fd, data)
    os.close(fd)


def wait(child: Child, worker_fd: int, receive: Callable[[], object]) -> dict[str, Any]:
    """Wait for the run to end, kill it when told so, kill what it leaves behind, and say how it ended.

    ``kept`` tells that the child is there still, ready for another script, and that nothing else is.
    """
    try:
        status, cpu, kept = _wait(child, worker_fd, receive)
    except (EOFError, ConnectionError):
        child.kill()
        _reap_leftovers()
        raise
    if kept and any(pid != child.pid for pid in _orphans()):
        child.kill()
        kept = False
    if not kept:
        cpu += _reap_leftovers()
    return {"status": status, "cpu": cpu, "modules": child.report(), "kept": kept}


def has_exited(child: Child) -> bool:
    """Whether the process has ended; it can still be waited for."""
    return bool(os.waitid(os.P_PID, child.pid, os.WEXITED | os.WNOHANG | os.WNOWAIT))


def discard(child: Child) -> None:
    """End a child that waits for another script."""
    child.kill()
    _reap_leftovers()
    if child.connection is not None:
        child.connection.close()


def _wait(child: Child, worker_fd: int, receive: Callable[[], object]) -> tuple[int, float, bool]:
    exited = _exit_fd(child.pid)
    told = child.connection.fileno() if child.connection is not None else -1
    poll = select.poll()
    for fd in (worker_fd, exited, told):
        if fd >= 0:
            poll.register(fd, select.POLLIN)
    try:
        while True:
            for fd, _ in poll.poll(None if exited >= 0 else 2):
                if fd == worker_fd:
                    receive()
                    child.kill()
                elif fd == told and (end := _told_end(child)) is not None:
                    return (*end, True)
                elif fd == told:
                    poll.unregister(fd)  # it has closed it, and will end by itself
            if has_exited(child):
                child.kill()  # its group, while no other process can have the number
                _, status, usage = os.wait4(child.pid, 0)
                return status, usage.ru_utime + usage.ru_stime - child.cpu_told, False
    finally:
        if exited >= 0:
            os.close(exited)


def _told_end(child: Child) -> tuple[int, float] | None:
    assert child.connection is not None
    try:
        end, _ = child.connection.receive()
    except (EOFError, ConnectionError):
        return None
    child.cpu_told += end["cpu"]
    return end["status"], end["cpu"]


def _exit_fd(pid: int) -> int:
    try:
        return os.pidfd_open(pid)
    except (AttributeError, OSError):
        return -1


def _reap_leftovers() -> float:
    """Kill the processes that the command left to us, those that made themselves daemons too; return their CPU time."""
    cpu = 0.0
    while True:
        try:
            pid, _, usage = os.wait4(-1, os.WNOHANG)
        except ChildProcessError:
            return cpu
        if pid:
            cpu += usage.ru_utime + usage.ru_stime
            continue
        for orphan in _orphans():
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.kill(orphan, signal.SIGKILL)
        select.select([], [], [], 0.001)


def _orphans() -> list[int]:
    try:
        with open(f"/proc/self/task/{os.getpid()}/children", encoding="ascii") as listing:
            return [int(pid) for pid in listing.read().split()]
    except OSError:
        return []
