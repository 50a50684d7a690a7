"""A real server for a test: its own process, its own state, free ports."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

_START_SECONDS = 60
_STOP_SECONDS = 30


@dataclass(slots=True)
class ServerProcess:
    """A server in a process of its own; it can be stopped, killed and started again on the same state."""

    home: Path
    arguments: tuple[str, ...] = ()
    process: subprocess.Popen[bytes] | None = None
    address: str = ""

    def start(self) -> None:
        """Start it and wait until it answers."""
        command = [sys.executable, "-m", "trunkline", "serve", "--home", str(self.home), "--grpc-port", "0"]
        log = (self.home.parent / f"{self.home.name}.log").open("ab")
        with log:
            self.process = subprocess.Popen(
                [*command, "--http-port", "0", *self.arguments], stdout=log, stderr=log, start_new_session=True
            )
        self.address = self._wait_for_address()

    def _wait_for_address(self) -> str:
        assert self.process is not None
        published = self.home / "server.json"
        deadline = time.monotonic() + _START_SECONDS
        while time.monotonic() < deadline:
            if self.process.poll() is not None:
                break
            if published.exists():
                content = json.loads(published.read_text())
                if content["pid"] == self.process.pid:
                    return str(content["grpc_address"])
            time.sleep(0.02)
        raise RuntimeError(f"the server did not start: {self.log()}")

    def log(self) -> str:
        """Return what the server has written so far."""
        return (self.home.parent / f"{self.home.name}.log").read_text()

    def kill(self) -> None:
        """End it as a power cut would: no handler runs."""
        assert self.process is not None
        self.process.kill()
        self.process.wait()

    def stop(self) -> None:
        """Ask it to stop, and wait until it has."""
        if self.process is None or self.process.poll() is not None:
            return
        self.process.send_signal(signal.SIGTERM)
        try:
            self.process.wait(_STOP_SECONDS)
        except subprocess.TimeoutExpired:
            os.killpg(self.process.pid, signal.SIGKILL)
            self.process.wait()
            raise RuntimeError(f"the server did not stop when asked to: {self.log()}") from None

    def environment(self, directory: Path) -> dict[str, str]:
        """Return an environment in which the command line talks to this server, with its configuration in directory."""
        return {**os.environ, "PACHD_ADDRESS": self.address, "PACH_CONFIG": str(directory / "config.json")}


@contextmanager
def running_server(home: Path, *arguments: str) -> Iterator[ServerProcess]:
    """Give a server that answers, with its state in home; it is stopped at the end."""
    home.mkdir(parents=True, exist_ok=True)
    server = ServerProcess(home, arguments)
    server.start()
    try:
        yield server
    finally:
        server.stop()
