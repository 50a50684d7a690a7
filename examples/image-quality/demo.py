"""Run the story of run.sh on a server of its own, then tell what ran, what was skipped, and how long it took.

usage: demo.py [--stop]

The server's state is in a new temporary directory. It keeps running for you to look around, unless --stop is given.
"""

import json
import os
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path

from trunkline.client.connection import connect
from trunkline.proto import pps_pb2

HERE = Path(__file__).parent
BIN = Path(sys.executable).parent
PIPELINES = ("vol", "sob", "fft", "model", "cls", "report")
START_SECONDS = 60


@dataclass
class Step:
    """One change of the story: its heading, when it began, and the jobs that it caused."""

    title: str
    began: float
    ended: float = 0.0
    jobs: dict[str, list[pps_pb2.JobInfo]] = field(default_factory=dict)


def start_server(home: Path) -> dict:
    log = (home / "server.log").open("wb")
    command = [str(BIN / "trunkline"), "serve", "--home", str(home), "--grpc-port", "0", "--http-port", "0"]
    process = subprocess.Popen(command, stdout=log, stderr=log, start_new_session=True)
    published = home / "server.json"
    deadline = time.monotonic() + START_SECONDS
    while not published.exists():
        if process.poll() is not None or time.monotonic() > deadline:
            sys.exit(f"the server did not start:\n{(home / 'server.log').read_text()}")
        time.sleep(0.05)
    return json.loads(published.read_text())


def run_story(environment: dict[str, str], address: str) -> list[Step]:
    """Run run.sh, show what it prints, and note when each of its headings came."""
    story = subprocess.Popen(["sh", str(HERE / "run.sh")], env=environment, stdout=subprocess.PIPE, text=True)
    steps: list[Step] = []
    with Progress(address) as progress:
        for line in story.stdout or ():
            if line.startswith("== "):
                steps.append(Step(line[3:].split(":")[0].strip(), time.time()))
            progress.write(line)
    if story.wait() != 0:
        sys.exit(f"the story ended early: {story.args} returned {story.returncode}")
    for step, following in pairwise(steps):
        step.ended = following.began
    steps[-1].ended = time.time()
    return steps


class Progress:
    """A line below the output that says how far the running jobs are; on a terminal only."""

    def __init__(self, address: str) -> None:
        self._client = connect(address)
        self._lock = threading.Lock()
        self._ended = threading.Event()
        self._shown = ""
        self._thread = threading.Thread(target=self._poll, daemon=True)

    def __enter__(self) -> "Progress":
        if sys.stdout.isatty():
            self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ended.set()
        self._show("")

    def write(self, line: str) -> None:
        with self._lock:
            self._clear()
            print(line, end="", flush=True)

    def _poll(self) -> None:
        while not self._ended.wait(0.3):
            running = [
                f"{job.job.pipeline.name} {job.data_processed + job.data_skipped}/{job.data_total}"
                for job in self._client.pps.ListJob(pps_pb2.ListJobRequest())
                if job.state == pps_pb2.JobState.JOB_RUNNING
            ]
            self._show("   ".join(running))

    def _show(self, text: str) -> None:
        with self._lock:
            self._clear()
            print(text, end="", flush=True)
            self._shown = text

    def _clear(self) -> None:
        if self._shown:
            print("\r\033[K", end="")
            self._shown = ""


def sort_jobs(steps: list[Step], address: str) -> None:
    """Give each step the jobs that were made in its time."""
    for job in connect(address).pps.ListJob(pps_pb2.ListJobRequest()):
        created = job.created.ToNanoseconds() / 1e9
        for step in steps:
            if step.began <= created < step.ended:
                step.jobs.setdefault(job.job.pipeline.name, []).append(job)


def print_table(steps: list[Step]) -> None:
    print("\nDatums that ran + datums that were skipped, of each pipeline:\n")
    print(f"{'':42}" + "".join(f"{name:>10}" for name in PIPELINES) + f"{'seconds':>10}")
    for step in steps:
        if not step.jobs:
            continue
        cells = []
        for name in PIPELINES:
            jobs = step.jobs.get(name, [])
            processed = sum(job.data_processed for job in jobs)
            skipped = sum(job.data_skipped for job in jobs)
            cells.append(f"{processed} + {skipped}" if jobs else "-")
        title = step.title if len(step.title) <= 40 else step.title[:39] + "…"
        print(f"{title:42}" + "".join(f"{cell:>10}" for cell in cells) + f"{seconds_of(step):>10.1f}")


def seconds_of(step: Step) -> float:
    """From the first job of a step to the end of the last."""
    jobs = [job for jobs in step.jobs.values() for job in jobs]
    began = min(job.created.ToNanoseconds() for job in jobs)
    return (max(job.finished.ToNanoseconds() for job in jobs) - began) / 1e9


def print_results(environment: dict[str, str], target: Path) -> None:
    def pachctl(*arguments: str) -> str:
        return subprocess.run(
            ["pachctl", *arguments], env=environment, check=True, capture_output=True, text=True
        ).stdout

    pachctl("get", "file", "-r", "report@master:/", "-o", str(target))
    pachctl("get", "file", "-r", "cls@master:/test", "-o", str(target / "cls"))
    found = Counter(file.read_text().split()[0] for file in (target / "cls").rglob("*.txt"))
    photos = sum(1 for _ in HERE.glob("photos/*/*.jpg"))
    print(f"\n{photos} photos, of which {sum(found.values())} classified: ", end="")
    print(", ".join(f"{count} {name}" for name, count in sorted(found.items())))
    print("\n" + (target / "accuracy.txt").read_text())
    print((target / "confusion.csv").read_text())
    print(f"A sheet of photos with their metrics: {target / 'sheet.png'}")


def main() -> None:
    began = time.monotonic()
    home = Path(tempfile.mkdtemp(prefix="trunkline-demo-"))
    server = start_server(home)
    address = server["grpc_address"]
    print(f"A server at {address}, state in {home}\n")
    settings = {"PACHD_ADDRESS": address, "PACH_CONFIG": str(home / "config.json"), "TRUNKLINE_HOME": str(home)}
    environment = {**os.environ, **settings, "PATH": f"{BIN}{os.pathsep}{os.environ['PATH']}"}
    try:
        steps = run_story(environment, address)
        sort_jobs(steps, address)
        print_table(steps)
        print_results(environment, home / "report")
        print(f"All of it took {time.monotonic() - began:.0f} seconds.")
    except BaseException:
        os.kill(server["pid"], 15)
        raise
    if "--stop" in sys.argv:
        os.kill(server["pid"], 15)
        return
    exports = " ".join(f"{name}={value}" for name, value in settings.items())
    print("\nThe server goes on. To look further, copy these lines:\n")
    print(f"  export {exports} PATH={BIN}:$PATH")
    for line in (
        "pachctl list pipelines",
        "pachctl list jobs --pipeline vol",
        "pachctl list files cls@master:/test",
        "pachctl get file cls@master:/test/dahlia_01.txt",
        "pachctl list commits cls",
        "pachctl logs --pipeline vol",
    ):
        print(f"  {line}")
    print(f"  curl {server['http_address']}/pfs/image-quality/report/master/accuracy.txt")
    print(f"\nand to stop it:\n\n  trunkline shutdown && rm -r {home}")


if __name__ == "__main__":
    main()
