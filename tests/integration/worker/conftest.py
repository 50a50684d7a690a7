import json
import os
import textwrap
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest
import zstandard

from trunkline.model.datums import Datum, DatumInput, DatumSet, DatumSetResult, InputSource
from trunkline.model.pipelines import Transform
from trunkline.objects import open_object_store
from trunkline.storage.chunk import MemoryChunkIndex
from trunkline.storage.fileset import FileSets
from trunkline.worker.commands.command_run import run_command
from trunkline.worker.commands.deadlock import DEADLOCK_SECONDS
from trunkline.worker.commands.environment import base_environment
from trunkline.worker.commands.interrupts import NoInterrupts
from trunkline.worker.commands.launcher import Ended, Reuse
from trunkline.worker.commands.resolve import as_script, resolve
from trunkline.worker.commands.zygotes import Zygotes
from trunkline.worker.context import WorkerContext, open_context
from trunkline.worker.view.tree import View

BASE_ENV = base_environment({name: value for name, value in os.environ.items() if not name.startswith("PYTHON")})


@pytest.fixture
def alive() -> Iterator[tuple[int, int]]:
    """A pipe whose writing end all processes of a worker hold."""
    reader, writer = os.pipe()
    yield reader, writer
    os.close(reader)
    os.close(writer)


@pytest.fixture
def starters(tmp_path: Path, alive: tuple[int, int]) -> Iterator[Zygotes]:
    starters = Zygotes(
        base_env=BASE_ENV,
        alive_fd=alive[1],
        working_dir=str(tmp_path),
        interrupts=NoInterrupts(),
        private=(str(tmp_path / "private"),),
    )
    yield starters
    starters.close()


class Runs:
    """Runs a Python script as a process or in a warm interpreter, and keeps what it printed."""

    def __init__(self, starters: Zygotes, cwd: Path) -> None:
        self.starters = starters
        self.cwd = cwd
        self.env = {**BASE_ENV, "GIVEN": "1"}

    def process(self, *argv: str, stdin: bytes = b"", timeout: float | None = None) -> tuple[Ended, str, str]:
        command = resolve(argv, env=self.env, own_env={}, cwd=str(self.cwd), user=None)
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

    def warm(
        self, *argv: str, stdin: bytes = b"", timeout: float | None = None, reuse: Reuse | None = None
    ) -> tuple[Ended, str, str]:
        """With reuse the run takes the process of the one before that had the same; else each has its own."""
        script = as_script(resolve(argv, env=self.env, own_env={}, cwd=str(self.cwd), user=None))
        assert script is not None
        command = script.command
        warm = self.starters.warm(script.interpreter, command, env={}, learned=(), turn=reuse or object())
        return self._run(
            lambda output: (
                run_command(
                    warm.launcher,
                    command,
                    stdin=stdin,
                    output=output,
                    timeout_seconds=timeout,
                    interrupts=NoInterrupts(),
                    private=self.starters.private,
                    learn=reuse is None,
                    reuse=reuse,
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
def runs(starters: Zygotes, tmp_path: Path) -> Runs:
    return Runs(starters, tmp_path)


class Lab:
    """A store with input file sets, and datum sets over them."""

    def __init__(self, directory: Path) -> None:
        self.url = f"file://{directory}/objects"
        self.objects = open_object_store(self.url)
        self.index = MemoryChunkIndex()
        self.file_sets = FileSets(self.objects, self.index)
        self.scratch = directory / "scratch"
        self.scripts = directory / "scripts"
        self.scripts.mkdir()

    def commit(self, files: dict[str, bytes]) -> str:
        """Return the root of a file set with these files."""
        layer = self.file_sets.edit()
        for path, data in files.items():
            layer.add(path, data)
        return self.file_sets.compose("", [layer.finish()])

    def source(self, name: str, files: dict[str, bytes], **options: bool) -> InputSource:
        return InputSource(
            name=name,
            project="default",
            repo=name,
            repo_type="user",
            branch="master",
            commit="c" * 32,
            root=self.commit(files),
            **options,
        )

    def datum(self, *inputs: tuple[InputSource, str], **options: str) -> Datum:
        """Return a datum of matches, whose id tells the paths."""
        matches = tuple(DatumInput(source, path, b"h" * 32, **options) for source, path in inputs)
        return Datum(id="+".join(path for _, path in inputs), hash="", inputs=matches)

    def set(self, *datums: Datum, cmd: Sequence[str] = (), stdin: Sequence[str] = (), **options: Any) -> DatumSet:
        transform = {key: options.pop(key) for key in list(options) if key in Transform.__struct_fields__}
        return DatumSet(
            **{
                "project": "default",
                "pipeline": "p",
                "job": "j" * 32,
                "index": 0,
                "attempt": 1,
                "transform": Transform(cmd=tuple(cmd), stdin=tuple(stdin), **transform),
                "datums": datums,
                "job_env": {"PACH_OUTPUT_COMMIT_ID": "o" * 32},
                **options,
            }
        )

    def script(self, source: str, name: str = "s.py") -> str:
        """Write a Python script and return its path."""
        path = self.scripts / name
        path.write_text(textwrap.dedent(source))
        return str(path)

    def files(self, layer: str) -> dict[str, bytes]:
        """Return what a layer adds to an empty file set."""
        found = self.file_sets.open(self.file_sets.compose("", [layer]))
        return {row.path: b"".join(found.read(row)) for row in found.files("/")}

    def tags(self, layer: str) -> dict[str, str]:
        found = self.file_sets.open(self.file_sets.compose("", [layer]))
        return {row.path: row.tag for row in found.files("/")}

    def lines(self, result: DatumSetResult) -> list[dict[str, Any]]:
        """Return the log records of a result."""
        if not result.logs:
            return []
        data = zstandard.ZstdDecompressor().decompressobj().decompress(self.objects.get(result.logs))
        return [json.loads(line) for line in data.splitlines()]


@pytest.fixture
def lab(tmp_path: Path) -> Lab:
    return Lab(tmp_path)


@pytest.fixture(scope="module")
def shared_lab(tmp_path_factory: pytest.TempPathFactory) -> Lab:
    """A lab for all tests of a module."""
    return Lab(tmp_path_factory.mktemp("lab"))


@pytest.fixture
def deadlock_seconds() -> float:
    return DEADLOCK_SECONDS


@pytest.fixture
def worker(lab: Lab, tmp_path: Path, alive: tuple[int, int], deadlock_seconds: float) -> Iterator[WorkerContext]:
    """A worker in this process, with a view that is not called /pfs."""
    context = open_context(
        worker="w1",
        objects=lab.objects,
        file_sets=lab.file_sets,
        view=View(tmp_path / "view", seen_as=str(tmp_path / "view")),
        environ={name: value for name, value in os.environ.items() if not name.startswith("PYTHON")},
        working_dir=tmp_path,
        interrupts=NoInterrupts(),
        alive_fd=alive[1],
        deadlock_seconds=deadlock_seconds,
    )
    yield context
    context.close()
