"""Servers on one state directory, one after the other, whose user code a test can hold and give up."""

import threading
from pathlib import Path

from trunkline.testing.cluster import open_cluster
from trunkline.testing.in_process import Interrupted, Program


class Gate:
    """Where user code waits while the gate is closed: it is let through, or given up with its server."""

    def __init__(self) -> None:
        self._moved = threading.Condition()
        self._state = "open"

    def close(self) -> None:
        """Hold what comes."""
        self._move("closed")

    def open(self) -> None:
        """Let through what waits, and what comes."""
        self._move("open")

    def give_up(self) -> None:
        """End what waits, and what comes, without a result."""
        self._move("given up")

    def pass_through(self) -> None:
        """Return when the gate is open; raise Interrupted to be given up."""
        with self._moved:
            self._moved.wait_for(lambda: self._state != "closed")
            if self._state == "given up":
                raise Interrupted

    def _move(self, state: str) -> None:
        with self._moved:
            self._state = state
            self._moved.notify_all()


class Servers:
    """The server of now is that of ``cluster``."""

    def __init__(self, home: Path, program: Program, gate: Gate) -> None:
        self._home = home
        self._program = program
        self._gate = gate
        self.cluster, self._close = open_cluster(home, program=program)

    def restart(self) -> None:
        """End the server with all that it has under way, and start the next one, with the gate open."""
        self.close()
        self.cluster, self._close = open_cluster(self._home, program=self._program)

    def close(self) -> None:
        """End the server."""
        self._gate.give_up()
        self._close()
        self._gate.open()
