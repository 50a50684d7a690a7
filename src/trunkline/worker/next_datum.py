"""The worker's end of the service by which batching user code asks for datums.

The service itself is a process (`trunkline.executors.next_datum`, known here by name alone): gRPC is never loaded in a
worker, whose children are forked.
"""

import json
import socket
import subprocess
import sys
from collections.abc import Mapping
from typing import Any

from trunkline.worker.callers import is_from_below

_SERVICE = "trunkline.executors.next_datum"


class NextDatumService:
    """The service, at ``port`` of this machine. Its user asks one question at a time."""

    def __init__(self) -> None:
        """Start it. Raises OSError if it does not come up."""
        ours, theirs = socket.socketpair()
        with theirs:
            self._process = subprocess.Popen(
                [sys.executable, "-P", "-m", _SERVICE, str(theirs.fileno())],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                pass_fds=(theirs.fileno(),),
            )
        self._socket = ours
        self._stream = ours.makefile("rwb")
        self.port: int = self._read()["port"]

    @property
    def pid(self) -> int:
        """The process id."""
        return self._process.pid

    def fileno(self) -> int:
        """Return the descriptor that is readable when somebody asks for a datum."""
        return self._socket.fileno()

    def question(self, launcher: int) -> str | None:
        """Return what is said of the present datum by who asks for the next: "" if it is done, else why it failed.

        None where it is no process below the launcher that asks: any user of this machine reaches the port.
        """
        asked = self._read()
        if is_from_below(launcher, peer_port=asked["peer_port"], own_port=self.port):
            return str(asked["error"])
        self._write({"refusal": "only the process that handles this datum may ask for the next one"})
        return None

    def answer(self, env: Mapping[str, str]) -> None:
        """Answer with the environment of the next datum."""
        self._write({"env": [f"{name}={value}" for name, value in env.items()]})

    def close(self) -> None:
        """End the service."""
        self._stream.close()
        self._socket.close()
        self._process.wait()

    def _write(self, answer: dict[str, Any]) -> None:
        self._stream.write(json.dumps(answer).encode() + b"\n")
        self._stream.flush()

    def _read(self) -> dict[str, Any]:
        line = self._stream.readline()
        if not line:
            raise OSError("the service that hands out datums has ended")
        found: dict[str, Any] = json.loads(line)
        return found
