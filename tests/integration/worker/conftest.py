import os
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from trunkline.worker.commands import as_script, resolve
from trunkline.worker.environment import base_environment
from trunkline.worker.interrupts import NoInterrupts
from trunkline.worker.launcher import Ended
from trunkline.worker.running import run_command
from trunkline.worker.starters import Starters

BASE_ENV = base_environment({name: value for name, value in os.environ.items() if not name.startswith("PYTHON")})


@pytest.fixture
def alive() -> Iterator[tuple[int, int]]:
    """A pipe whose writing end all processes of a worker hold."""
    reader, writer = os.pipe()
    yield reader, writer
    os.close(reader)
    os.close(writer)


@pytest.fixture
def starters(tmp_path: Path, alive: tuple[int, int]) -> Iterator[Starters]:
    starters = Starters(
        base_env=BASE_ENV,
        alive_fd=alive[1],
        working_dir=str(tmp_path),
        interrupts=NoInterrupts(),
    )
    yield starters
    starters.close()


class Runs:
    """Runs a Python script as a process or in a warm interpreter, and keeps what it printed."""

    def __init__(self, starters: Starters, cwd: Path) -> None:
        self.starters = starters
        self.cwd = cwd
        self.env = {**BASE_ENV, "GIVEN": "1"}

    def process(self, *argv: str, stdin: bytes = b"", timeout: float | None = None) -> tuple[Ended, str, str]:
        command = resolve(argv, env=self.env, cwd=str(self.cwd), user=None)
        return self._run(
            lambda output: (
                run_command(
                    self.starters.plain(),
                    command,
                    stdin=stdin,
                    output=output,
                    timeout_seconds=timeout,
                    interrupts=NoInterrupts(),
                ).ended
            )
        )

    def warm(self, *argv: str, stdin: bytes = b"", timeout: float | None = None) -> tuple[Ended, str, str]:
        script = as_script(resolve(argv, env=self.env, cwd=str(self.cwd), user=None))
        assert script is not None
        interpreter, command = script
        warm = self.starters.warm(interpreter, command, env={}, learned=(), turn=object())
        return self._run(
            lambda output: (
                run_command(
                    warm.launcher,
                    command,
                    stdin=stdin,
                    output=output,
                    timeout_seconds=timeout,
                    interrupts=NoInterrupts(),
                    private=(str(self.cwd / "private"),),
                    learn=True,
                ).ended
            )
        )

    @staticmethod
    def _run(run: Callable[[Callable[[str, bytes], None]], Ended]) -> tuple[Ended, str, str]:
        printed = {"stdout": b"", "stderr": b""}

        def keep(stream: str, data: bytes) -> None:
            printed[stream] += data

        ended = run(keep)
        return ended, printed["stdout"].decode(), printed["stderr"].decode()


@pytest.fixture
def runs(starters: Starters, tmp_path: Path) -> Runs:
    return Runs(starters, tmp_path)
