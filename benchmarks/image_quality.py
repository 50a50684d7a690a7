"""The image quality example through Trunkline's pipelines, next to Make and to a warm pool on the same photos.

    python benchmarks/image_quality.py --photos 200

All runs give the same files, byte for byte, which is checked.
"""

import argparse
import os
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
from image_quality_baselines import EXAMPLE, Measurement, WarmPool, prepare_example, results, run_make

from trunkline.testing.server import ServerProcess, running_server

BIN = Path(sys.executable).parent
PIPELINES = ("vol", "sob", "fft", "model", "cls", "report")
SCRIPTS = ("vol", "sob", "fft", "train", "cls", "report")


class Story:
    """The example on a server of its own."""

    def __init__(self, server: ServerProcess, directory: Path) -> None:
        self._environment = server.environment(server.home.parent)
        self._directory = directory

    def pachctl(self, *arguments: str) -> str:
        return subprocess.run(
            [str(BIN / "pachctl"), *arguments], env=self._environment, check=True, capture_output=True, text=True
        ).stdout

    def create_pipelines(self, names: Sequence[str] = PIPELINES) -> None:
        for repo in ("images", "scripts", "labels"):
            self.pachctl("create", "repo", repo)
        for script in SCRIPTS:
            self.pachctl("put", "file", f"scripts@master:{script}.py", "-f", str(self._directory / f"{script}.py"))
        self.pachctl("put", "file", "labels@master:labels.csv", "-f", str(self._directory / "labels.csv"))
        for pipeline in names:
            self.pachctl("create", "pipeline", "-f", str(EXAMPLE / f"{pipeline}.yaml"))
        self.pachctl("wait", "commit", f"{names[-1]}@master")

    def put_photos(self) -> None:
        """Put all photos in one commit and wait until the last pipeline has finished for it."""
        self.pachctl("put", "file", "-r", "images@master:/", "-f", str(self._directory / "photos"))
        self.pachctl("wait", "commit", "report@master")

    def delete_photos(self) -> None:
        self.pachctl("delete", "file", "-r", "images@master:/")
        self.pachctl("wait", "commit", "report@master")

    def results(self, target: Path) -> dict[str, bytes]:
        """Return what `image_quality_baselines.results` returns of a directory that Make has filled."""
        for repo in ("vol", "sob", "fft", "cls", "report"):
            self.pachctl("get", "file", "-r", f"{repo}@master:/", "-o", str(target / "build" / repo))
        self.pachctl("get", "file", "model@master:/model.json", "-o", str(target / "build" / "model.json"))
        return results(target)


def cpu_seconds_of(server: ServerProcess) -> float:
    """Return the CPU time of the server, its workers and all that they ran and waited for."""
    assert server.process is not None
    ticks = os.sysconf("SC_CLK_TCK")
    total = 0.0
    for pid in _descendants(server.process.pid):
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        total += sum(map(int, fields[11:15])) / ticks
    return total


def _descendants(pid: int) -> list[int]:
    found = [pid]
    for task in Path(f"/proc/{pid}/task").iterdir():
        for child in (task / "children").read_text().split():
            found.extend(_descendants(int(child)))
    return found


def run_trunkline(directory: Path, work: Path, *, photos: int) -> tuple[list[Measurement], dict[str, bytes]]:
    """Return the measurements of a fresh server and of one that has its interpreters warm, and the files."""
    found = []
    with running_server(work / "home") as server:
        story = Story(server, directory)
        story.create_pipelines()
        for name in ("Trunkline, cold", "Trunkline, warm"):
            before = cpu_seconds_of(server)
            own = resource.getrusage(resource.RUSAGE_CHILDREN)
            began = time.perf_counter()
            story.put_photos()
            wall = time.perf_counter() - began
            after = resource.getrusage(resource.RUSAGE_CHILDREN)
            client = after.ru_utime + after.ru_stime - own.ru_utime - own.ru_stime
            found.append(Measurement(name, photos, wall, cpu_seconds_of(server) - before + client))
            files = story.results(work / "got")
            if name.endswith("cold"):
                story.delete_photos()
    return found, files


def main() -> None:
    """Run all of it and print a line for each, then the ratios."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--photos", type=int, default=200)
    parser.add_argument("--without-make", action="store_true", help="leave out the slow reference")
    arguments = parser.parse_args()
    jobs = os.cpu_count() or 1
    with tempfile.TemporaryDirectory(prefix="image-quality-") as name:
        work = Path(name)
        example = work / "example"
        prepare_example(example, photos=arguments.photos)
        measurements, files = run_trunkline(example, work, photos=arguments.photos)
        with WarmPool(example, jobs=jobs) as pool:
            warm = pool.run()
        assert results(example) == files, "Trunkline and the pool differ"
        measurements.append(warm)
        if not arguments.without_make:
            made = work / "made"
            prepare_example(made, photos=arguments.photos)
            measurements.append(run_make(made, jobs=jobs))
            assert results(made) == files, "Trunkline and Make differ"
    for measurement in measurements:
        print(measurement)
    cold = measurements[0]
    for other in measurements[2:]:
        print(f"{other.name} takes {other.wall_seconds / cold.wall_seconds:.2f} x the wall time of a fresh Trunkline,")
        print(f"   {other.wall_seconds / measurements[1].wall_seconds:.2f} x that of a warm one")


if __name__ == "__main__":
    main()
