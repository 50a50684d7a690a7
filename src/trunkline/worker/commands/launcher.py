"""A worker's end of a process that starts commands (`trunkline.worker.zygote`)."""

import contextlib
import json
import os
import resource
import select
import socket
import struct
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

from trunkline.worker.commands.interrupts import Interrupts
from trunkline.worker.users import User

_LENGTH = struct.Struct("!I")
_ZYGOTE = Path(__file__).parents[1] / "zygote" / "__main__.py"
START_SECONDS_MAX = 30.0
_OPEN_FILES = resource.getrlimit(resource.RLIMIT_NOFILE)
"""What commands get, whatever the worker has taken for itself since."""
_OOM_SCORE = "500"
IMPORT_SECONDS_MAX = 120.0


class LauncherLostError(Exception):
    """The process that starts commands ended, or did not answer in time."""


@dataclass(frozen=True, slots=True)
class Command:
    """One command, ready to run: ``executable`` and ``script`` are absolute, ``script`` is for interpreters only.

    Its environment is env, which many commands share, and over it own_env.
    """

    argv: tuple[str, ...]
    executable: str
    env: dict[str, str]
    own_env: dict[str, str]
    cwd: str
    user: User | None = None
    script: str = ""
    script_args: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Imported:
    """What came of asking for modules: those that loaded something, and which one brought gRPC in."""

    loaded: tuple[str, ...]
    grpc_by: str
    packages: frozenset[str]
    """The packages that are loaded by now, as top-level names without the standard library's."""


@dataclass(frozen=True, slots=True)
class Ended:
    """How a command ended: exit status, or minus the signal; or why it could not start."""

    status: int
    cpu_seconds: float
    modules: tuple[str, ...]
    error: str = ""
    kept: bool = False
    """Whether its process waits for another run, since this one has left no trace in it."""


@dataclass(frozen=True, slots=True)
class Reuse:
    """That a run may take the process of the run before, if that had the same turn."""

    turn: str
    lenient: bool
    """Whether runs that load modules of their own, from beside the script, may have a successor."""


class Launcher:
    """One such process. It runs one command at a time, and dies, with what it runs, when it is closed or we die."""

    def __init__(
        self, interpreter: Sequence[str], env: dict[str, str], *, alive_fd: int, cwd: str, user: User | None = None
    ) -> None:
        """Start the process. ``alive_fd`` stays open in it for as long as it, or anything that it started, is there.

        With a user it runs only commands of that user.
        """
        self._user = user
        ours, theirs = socket.socketpair()
        self._socket = ours
        self._known_env: dict[str, str] | None = None
        try:
            self._process = subprocess.Popen(
                [*interpreter, str(_ZYGOTE), str(theirs.fileno()), str(alive_fd)],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                env=env,
                cwd=cwd,
                pass_fds=(theirs.fileno(), alive_fd),
                start_new_session=True,
                **_as_arguments(user),
            )
        except OSError as error:
            ours.close()
            raise LauncherLostError(f"cannot start {interpreter[0]}: {error}") from error
        finally:
            theirs.close()
        if sys.platform == "linux":
            with contextlib.suppress(OSError):  # gone already, which its first answer will show
                resource.prlimit(self._process.pid, resource.RLIMIT_NOFILE, _OPEN_FILES)
                # Where the machine runs out of memory, user code goes before the worker and the server do.
                Path(f"/proc/{self._process.pid}/oom_score_adj").write_text(_OOM_SCORE)

    @property
    def pid(self) -> int:
        """The process id."""
        return self._process.pid

    def wait_until_ready(self, interrupts: Interrupts) -> None:
        """Return once the process answers; raise LauncherLostError if it does not."""
        self._reply(interrupts, START_SECONDS_MAX)

    def fileno(self) -> int:
        """Return the descriptor that is readable when a reply has come."""
        return self._socket.fileno()

    def import_modules(
        self, names: Sequence[str], *, private: Sequence[str], limit_threads: bool, interrupts: Interrupts
    ) -> Imported:
        """Load modules, but none from private directories; what cannot be imported is left out.

        With limit_threads OpenCV is told to use one thread.
        """
        self._send({"op": "import", "names": names, "private": private, "limit_threads": limit_threads})
        reply = self._reply(interrupts, IMPORT_SECONDS_MAX)
        return Imported(tuple(reply["loaded"]), reply["grpc"], frozenset(reply["packages"]))

    def is_current(self, interrupts: Interrupts) -> bool:
        """Whether the files of the loaded modules are still as they were."""
        self._send({"op": "check"})
        return bool(self._reply(interrupts, START_SECONDS_MAX)["unchanged"])

    def start(
        self,
        command: Command,
        streams: tuple[int, int, int],
        *,
        private: Sequence[str],
        learn: bool,
        reuse: Reuse | None,
    ) -> None:
        """Start the command on these standard streams; `ended` has the outcome once `fileno` is readable."""
        user = command.user if command.user != self._user else None
        request = {
            "op": "run",
            "argv": command.argv,
            "executable": command.executable,
            # What is large and does not change is sent once.
            "env": None if command.env is self._known_env else command.env,
            "own_env": command.own_env,
            "cwd": command.cwd,
            "user": _as_arguments(user) or None,
            "script": command.script,
            "args": command.script_args,
            "private": private,
            "learn": learn,
            "reuse": reuse and reuse.turn,
            "lenient": reuse is not None and reuse.lenient,
        }
        self._send(request, streams)
        self._known_env = command.env

    def rest(self) -> None:
        """End the process that waits for another run, if there is one."""
        self._send({"op": "rest"})

    def kill(self) -> None:
        """Kill what runs, with all its descendants; `ended` still has to be called."""
        self._send({"op": "kill"})

    def ended(self) -> Ended:
        """Return how the command ended; waits for it."""
        reply = self._receive()
        if error := reply.get("error"):
            return Ended(0, 0.0, (), error)
        status = os.waitstatus_to_exitcode(reply["status"])
        return Ended(status, reply["cpu"], tuple(reply["modules"]), kept=reply["kept"])

    def close(self) -> None:
        """End the process and what it runs. Returns when it is gone."""
        self._socket.close()
        try:
            self._process.wait(START_SECONDS_MAX)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()

    def discard(self) -> None:
        """As `close`, for a process that may hang: it gets no time to finish."""
        self._process.kill()
        self.close()

    def _send(self, request: dict[str, Any], fds: Sequence[int] = ()) -> None:
        data = json.dumps(request).encode()
        message = _LENGTH.pack(len(data)) + data
        try:
            # The descriptors ride on the first bytes, which the other side reads apart from the rest.
            sent = socket.send_fds(self._socket, [message], list(fds)) if fds else self._socket.send(message)
            self._socket.sendall(message[sent:])
        except OSError as error:
            raise LauncherLostError(str(error)) from error

    def _reply(self, interrupts: Interrupts, seconds: float) -> dict[str, Any]:
        deadline = time.monotonic() + seconds
        while True:
            waiting = [fd for fd in (self.fileno(), interrupts.fileno()) if fd >= 0]
            ready, _, _ = select.select(waiting, [], [], max(0.0, deadline - time.monotonic()))
            if self.fileno() in ready:
                return self._receive()
            if not ready:
                raise LauncherLostError(f"no answer within {seconds:.0f} s")
            interrupts.check()

    def _receive(self) -> dict[str, Any]:
        return cast("dict[str, Any]", json.loads(self._exactly(_LENGTH.unpack(self._exactly(_LENGTH.size))[0])))

    def _exactly(self, count: int) -> bytes:
        data = bytearray()
        while len(data) < count:
            piece = b""
            with contextlib.suppress(ConnectionError):
                piece = self._socket.recv(count - len(data))
            if not piece:
                raise LauncherLostError("the process that starts commands has ended")
            data += piece
        return bytes(data)


def _as_arguments(user: User | None) -> dict[str, Any]:
    """Return the user as the arguments of `subprocess.Popen`."""
    return {} if user is None else {"user": user.uid, "group": user.gid, "extra_groups": user.groups}
