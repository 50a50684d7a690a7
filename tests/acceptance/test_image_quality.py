"""The story that must always work: the example's run.sh on a server, with what Make's scripts give as the reference."""

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from trunkline.testing.raw import read_objects
from trunkline.testing.server import ServerProcess, running_server

EXAMPLE = Path(__file__).parents[2] / "examples" / "image-quality"
BIN = Path(sys.executable).parent
PIPELINES = ("vol", "sob", "fft", "model", "cls", "report")


class Told:
    """The story after it was told: its jobs, and the files of its repos."""

    def __init__(self, server: ServerProcess, directory: Path) -> None:
        path = f"{BIN}{os.pathsep}{os.environ['PATH']}"
        self.environment = {**server.environment(directory), "PATH": path}
        subprocess.run(["sh", str(EXAMPLE / "run.sh")], env=self.environment, check=True, stdout=subprocess.DEVNULL)
        jobs = list(read_objects(self.pachctl("list", "job", "--raw", "--expand")))
        self.sets: dict[str, dict[str, dict[str, Any]]] = {}
        for job in sorted(jobs, key=lambda job: job["created"]):
            self.sets.setdefault(job["job"]["id"], {})[job["job"]["pipeline"]["name"]] = job

    def pachctl(self, *arguments: str) -> str:
        result = subprocess.run(
            ["pachctl", *arguments], env=self.environment, capture_output=True, text=True, check=False
        )
        assert result.returncode == 0, result.stderr
        return result.stdout

    def changes(self) -> list[dict[str, dict[str, Any]]]:
        """Return the jobs of each change, in order; the first six sets made one pipeline each."""
        return list(self.sets.values())[len(PIPELINES) :]

    def files(self, repo: str, commit: str, target: Path) -> dict[str, bytes]:
        self.pachctl("get", "file", "-r", f"{repo}@{commit}:/", "-o", str(target))
        return {file.relative_to(target).as_posix(): file.read_bytes() for file in target.rglob("*") if file.is_file()}


@pytest.fixture(scope="module")
def told(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Told]:
    directory = tmp_path_factory.mktemp("story")
    with running_server(directory / "home") as server:
        yield Told(server, directory)


def ran_and_skipped(jobs: dict[str, dict[str, Any]]) -> dict[str, tuple[int, int]]:
    return {name: (int(job.get("data_processed", 0)), int(job.get("data_skipped", 0))) for name, job in jobs.items()}


def test_every_job_succeeds_and_says_how_it_ran(told: Told) -> None:
    states = {(name, job["state"]) for jobs in told.sets.values() for name, job in jobs.items()}
    assert states == {(name, "JOB_SUCCESS") for name in PIPELINES}
    details = told.pachctl("inspect", "job", f"vol@{next(iter(told.sets))}")
    assert "warm" in details


def test_each_change_runs_what_depends_on_it_and_nothing_else(told: Told) -> None:
    """Photos: 90 at first, 31 of them classified. All jobs of one change have one id."""
    add, change, delete, label, script = told.changes()

    assert ran_and_skipped(add) == {
        **dict.fromkeys(("vol", "sob", "fft"), (1, 90)), "model": (0, 1), "cls": (1, 31), "report": (1, 0)
    }  # fmt: skip
    assert ran_and_skipped(change) == {
        **dict.fromkeys(("vol", "sob", "fft"), (1, 90)), "model": (0, 1), "cls": (1, 31), "report": (1, 0)
    }  # fmt: skip
    assert ran_and_skipped(delete) == {
        **dict.fromkeys(("vol", "sob", "fft"), (0, 90)), "model": (0, 1), "cls": (0, 31), "report": (1, 0)
    }  # fmt: skip
    assert ran_and_skipped(label) == {"model": (1, 0), "cls": (0, 31), "report": (1, 0)}
    assert ran_and_skipped(script) == {
        "vol": (90, 0), "sob": (0, 90), "fft": (0, 90), "model": (1, 0), "cls": (31, 0), "report": (1, 0)
    }  # fmt: skip


def test_a_deleted_photo_takes_its_results_with_it_downstream(told: Told) -> None:
    add, _, delete, *_ = (next(iter(jobs.values()))["job"]["id"] for jobs in told.changes())
    for repo in ("vol", "sob", "fft", "cls"):
        assert "/test/new.txt" in told.pachctl("list", "file", f"{repo}@{add}:/test")
        assert "/test/new.txt" not in told.pachctl("list", "file", f"{repo}@{delete}:/test")


def test_pipelines_and_plain_scripts_give_equal_files(told: Told, tmp_path: Path) -> None:
    """The same scripts on the same photos, called with directories as in the README, byte for byte."""
    example = tmp_path / "example"
    shutil.copytree(EXAMPLE, example, ignore=shutil.ignore_patterns("build"))

    def run(script: str, *arguments: str) -> None:
        subprocess.run([sys.executable, script, *arguments], cwd=example, check=True)

    for metric in ("vol", "sob", "fft"):
        run(f"{metric}.py", "photos", f"build/{metric}")
    run("train.py", "labels.csv", "build/vol", "build/sob", "build/fft", "build/model.json")
    metrics = [f"build/{metric}/test" for metric in ("vol", "sob", "fft")]
    run("cls.py", "build/model.json", *metrics, "build/cls/test")

    made = {name: _files(example / "build" / name) for name in ("vol", "sob", "fft", "cls")}
    first = list(told.sets)[: len(PIPELINES)]
    for name, commit in zip(PIPELINES, first, strict=True):
        if name in made:
            assert told.files(name, commit, tmp_path / name) == made[name]
    assert told.files("model", first[3], tmp_path / "model") == {
        "model.json": (example / "build/model.json").read_bytes()
    }


def _files(directory: Path) -> dict[str, bytes]:
    return {f.relative_to(directory).as_posix(): f.read_bytes() for f in directory.rglob("*") if f.is_file()}


def test_the_report_tells_the_classes_apart(told: Told, tmp_path: Path) -> None:
    report = told.files("report", list(told.sets)[5], tmp_path / "report")

    figures = dict(line.rsplit(" ", 1) for line in report["accuracy.txt"].decode().splitlines())
    assert float(figures["balanced accuracy"]) > 0.75
    assert report["sheet.png"].startswith(b"\x89PNG")
    assert report["confusion.csv"].decode().splitlines()[0] == "true \\ found,blur,moire,sharp"


def test_an_unreadable_photo_fails_its_datum_and_heals_with_the_next_commit(told: Told, tmp_path: Path) -> None:
    broken = tmp_path / "broken.jpg"
    broken.write_text("no picture")
    told.pachctl("put", "file", "images@master:/test/broken.jpg", "-f", str(broken))
    told.pachctl("wait", "commit", "report@master")
    job = next(read_objects(told.pachctl("list", "job", "--pipeline", "vol", "--raw")))

    assert job["state"] == "JOB_FAILURE"
    assert "images@" in job["reason"]
    assert "/test/broken.jpg" in job["reason"]
    logs = told.pachctl("logs", "--job", f"vol@{job['job']['id']}")
    assert "cannot read /pfs/images/test/broken.jpg: not a picture" in logs
    below = next(read_objects(told.pachctl("list", "job", "--pipeline", "cls", "--raw")))
    assert below["state"] == "JOB_UNRUNNABLE"
    refused = subprocess.run(
        ["pachctl", "list", "file", "vol@master:/test"],
        env=told.environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert (refused.returncode, refused.stdout) == (1, "")
    assert f"finished with an error: {job['reason']}" in refused.stderr
    assert "broken" not in told.pachctl("list", "file", "vol@master^:/test")

    told.pachctl("put", "file", "images@master:/test/broken.jpg", "-f", str(EXAMPLE / "photos/test/dahlia_01.jpg"))
    told.pachctl("wait", "commit", "report@master")
    job = next(read_objects(told.pachctl("list", "job", "--pipeline", "vol", "--raw")))
    assert (job["state"], int(job["data_processed"]), int(job["data_skipped"])) == ("JOB_SUCCESS", 1, 90)
    assert "/test/broken.txt" in told.pachctl("list", "file", "cls@master:/test")
