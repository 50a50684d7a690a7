"""Times a worker on photos, as processes and warm, and prints a table per script.

usage: worker.py PHOTOS [NUMBER]

PHOTOS is a directory of pictures, of which NUMBER (200) are used, again and again if there are fewer. CPU time is
that of the script, with the fork or start of its interpreter, and that of the worker itself, per datum.
"""

import os
import sys
import tempfile
import time
from itertools import cycle, islice
from pathlib import Path

from trunkline.executors.local import LocalExecutor
from trunkline.model.datums import Datum, DatumInput, DatumSet, DatumState, InputSource, Runner
from trunkline.model.pipelines import Transform
from trunkline.objects import open_object_store
from trunkline.storage.chunk import MemoryChunkIndex
from trunkline.storage.fileset import FileSets

SCRIPTS = Path(__file__).parent.parent / "examples" / "image-quality"
IMAGE_COMMANDS = {
    name: ("python3", f"/pfs/scripts/{name}", "/pfs/images", "/pfs/out") for name in ("vol.py", "sob.py", "fft.py")
}
COPY = ("sh", "-c", "cp /pfs/images/* /pfs/out/")
NOTHING = ("/bin/true",)
SET_DATUMS = 50


def main() -> None:
    photos = sorted(path for path in Path(sys.argv[1]).iterdir() if path.suffix in {".jpg", ".png"})
    number = int(sys.argv[2]) if len(sys.argv) > 2 else 200
    with tempfile.TemporaryDirectory() as scratch:
        bench = Bench(Path(scratch), photos)
        print(f"{'command':<22}{'runner':<9}{'wall':>8}{'script':>8}{'worker':>8}{'stage':>8}{'store':>8}   ms a datum")
        for name, command in IMAGE_COMMANDS.items():
            bench.time(name, command, Runner.PROCESS, number // 4)
            bench.time(name, command, Runner.WARM, number)
            bench.time(name, command, Runner.REUSE, number)
        bench.time("sh -c cp", COPY, Runner.PROCESS, number)
        bench.time("true", NOTHING, Runner.PROCESS, number)
        bench.close()


class Bench:
    """One worker and a file set of photos."""

    def __init__(self, scratch: Path, photos: list[Path]) -> None:
        url = f"file://{scratch}/objects"
        file_sets = FileSets(open_object_store(url), MemoryChunkIndex())
        layer = file_sets.edit()
        for photo in photos:
            layer.add_file(f"/{photo.name}", photo)
        for script in SCRIPTS.glob("*.py"):
            layer.add_file(f"/scripts/{script.name}", script)
        root = file_sets.compose("", [layer.finish()])
        rows = list(file_sets.open(root).files("/"))
        self._images = [
            DatumInput(_source("images", root), row.path, row.hash) for row in rows if "scripts" not in row.path
        ]
        self._scripts = {row.path.rpartition("/")[2]: row for row in rows if "scripts" in row.path}
        scripts = file_sets.edit()
        for script in SCRIPTS.glob("*.py"):
            scripts.add_file(f"/{script.name}", script)
        self._script_source = _source("scripts", file_sets.compose("", [scripts.finish()]))
        self._executor = LocalExecutor(url, scratch / "scratch", find_chunks=lambda _: {}, slots=1)
        self._index = 0

    def time(self, name: str, command: tuple[str, ...], runner: Runner, number: int) -> None:
        """Print what a datum costs; the first set only warms up."""
        script = (DatumInput(self._script_source, f"/{name}", b""),) if name in self._scripts else ()
        matches = list(islice(cycle(self._images), number))
        self._run(name, command, runner, [(match, *script) for match in matches[:2]])
        before = _worker_seconds()
        started = time.perf_counter()
        results = []
        for first in range(0, number, SET_DATUMS):
            results += self._run(name, command, runner, [(m, *script) for m in matches[first : first + SET_DATUMS]])
        wall = time.perf_counter() - started
        stats = [result.stats for result in results]
        script_cpu = sum(stat.cpu_seconds for stat in stats)
        figures = (
            wall,
            script_cpu,
            _worker_seconds() - before - script_cpu,
            sum(stat.download_seconds for stat in stats),
            sum(stat.upload_seconds for stat in stats),
        )
        print(
            f"{name:<22}{runner.value:<9}" + "".join(f"{figure / number * 1000:>8.2f}" for figure in figures),
            flush=True,
        )

    def _run(self, name: str, command: tuple[str, ...], runner: Runner, inputs: list[tuple[DatumInput, ...]]) -> list:
        self._index += 1
        datums = tuple(Datum(f"{number:064x}", "", matches) for number, matches in enumerate(inputs))
        datum_set = DatumSet("default", name, "job", self._index, 1, Transform(cmd=command), datums, {}, runner=runner)
        results = self._executor.submit(datum_set).result().datums
        for result in results:
            assert result.state is DatumState.SUCCESS, result.reason
        return list(results)

    def close(self) -> None:
        self._executor.close()


def _source(name: str, root: str) -> InputSource:
    return InputSource(name, "default", name, "user", "master", "0" * 32, root)


def _worker_seconds() -> float:
    """Return the CPU time of the processes below this one, and of all that they have waited for."""
    ticks = 0
    parents = {os.getpid()}
    for stat in sorted(Path("/proc").glob("[0-9]*/stat"), key=lambda path: int(path.parent.name)):
        try:
            fields = stat.read_text().rpartition(")")[2].split()
        except OSError:
            continue
        if int(fields[1]) in parents:
            parents.add(int(stat.parent.name))
            ticks += sum(map(int, fields[11:15]))
    return ticks / os.sysconf("SC_CLK_TCK")


if __name__ == "__main__":
    main()
