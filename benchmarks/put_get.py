"""Putting and getting 20,000 small files and one large one through the command line, next to restic, borg and cp.

    python benchmarks/put_get.py --files 20000 --megabytes 1000

restic and borg are used where they are installed (Debian: restic, borgbackup). Every tool starts from page cache, and
every store ends synced: cp is followed by sync. The files are some seconds old when they are put first: what changed a
moment ago is read again by tools that go by times.
"""

import argparse
import os
import random
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from statistics import median

from trunkline.testing.server import ServerProcess, running_server

BIN = Path(sys.executable).parent
FILE_BYTES = 4096
SETTLED_SECONDS = 3
TOOLS = ("trunkline", "cp -r", "restic", "borg")
TEXT = Path(__file__).parents[1] / "LICENSE"


def small_files(directory: Path, count: int) -> None:
    """Write count files of 4 KiB, half of them text, a hundred a directory."""
    generator = random.Random(1)
    text = TEXT.read_bytes()
    for number in range(count):
        file = directory / f"{number // 100:04}" / f"{number:06}"
        file.parent.mkdir(parents=True, exist_ok=True)
        start = generator.randrange(len(text) - FILE_BYTES)
        body = text[start : start + FILE_BYTES - 8] if number % 2 else generator.randbytes(FILE_BYTES - 8)
        file.write_bytes(number.to_bytes(8, "big") + body)


def random_file(directory: Path, megabytes: int) -> None:
    """Write one file of random bytes."""
    generator = random.Random(2)
    _large_file(directory, (generator.randbytes(1 << 20) for _ in range(megabytes)))


def text_file(directory: Path, megabytes: int) -> None:
    """Write one file of words in random order."""
    generator = random.Random(2)
    words = TEXT.read_text().split()
    texts = (" ".join(generator.choices(words, k=200_000)).encode()[: 1 << 20] for _ in range(megabytes))
    _large_file(directory, texts)


def _large_file(directory: Path, pieces: Iterable[bytes]) -> None:
    directory.mkdir(parents=True)
    with (directory / "large").open("wb") as file:
        file.writelines(pieces)


@dataclass(frozen=True, slots=True)
class Cost:
    """What a step took: seconds on the clock, and seconds of CPU of all that took part in it."""

    wall: float
    cpu: float


def timed(run: Callable[[], object], server: ServerProcess) -> Cost:
    """Return what a call costs, the server's part included. CPU hardly depends on what else the machine does.

    Whatever was written before is on disk first: else the first to sync pays for all others.
    """
    os.sync()
    began, spent = time.perf_counter(), cpu_seconds(server)
    run()
    return Cost(time.perf_counter() - began, cpu_seconds(server) - spent)


def cpu_seconds(server: ServerProcess) -> float:
    """Return the CPU that a server and the commands that have ended took so far."""
    assert server.process is not None
    fields = Path(f"/proc/{server.process.pid}/stat").read_text().rpartition(")")[2].split()
    of_server = (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
    ours = os.times()
    return of_server + ours.children_user + ours.children_system


def command(*arguments: str, **environment: str) -> Callable[[], object]:
    """Return a function that runs a command and fails where it fails."""

    def run() -> None:
        subprocess.run(
            arguments,
            env={**os.environ, **environment},
            check=True,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )

    return run


@dataclass(frozen=True, slots=True)
class Tool:
    """How one tool is timed: made ready, then put, put again, got."""

    ready: Callable[[], object]
    put: Callable[[], object]
    again: Callable[[], object]
    get: Callable[[], object]


def tools(source: Path, work: Path, server: ServerProcess) -> dict[str, Tool]:
    """Return the tools that are there, each of which keeps all that it writes below work, but for the server."""
    environment = server.environment(work)
    pachctl = str(BIN / "pachctl")
    put = command(pachctl, "put", "file", "-r", "data@master:/", "-f", str(source), **environment)
    get = command(pachctl, "get", "file", "-r", "data@master:/", "-o", str(work / "got"), **environment)
    copy = command("sh", "-c", f"cp -r {source} {work}/copy && sync {work}/copy")
    found = {
        "trunkline": Tool(command(pachctl, "create", "repo", "data", **environment), put, put, get),
        "cp -r": Tool(command("true"), copy, command("true"), command("cp", "-r", f"{work}/copy", f"{work}/back")),
    }
    if shutil.which("restic"):
        keys = {
            "RESTIC_PASSWORD": "x",
            "RESTIC_REPOSITORY": str(work / "restic"),
            "RESTIC_CACHE_DIR": str(work / "cache"),
        }
        put = command("restic", "backup", str(source), **keys)
        get = command("restic", "restore", "latest", "--target", str(work / "restored"), **keys)
        found["restic"] = Tool(command("restic", "init", **keys), put, put, get)
    if shutil.which("borg"):
        repo = {
            "BORG_REPO": str(work / "borg"),
            "BORG_BASE_DIR": str(work),
            "BORG_UNKNOWN_UNENCRYPTED_REPO_ACCESS_IS_OK": "y",
        }
        first, second = (command("borg", "create", "-C", "zstd,1", f"::{name}", str(source), **repo) for name in "12")
        get = command("sh", "-c", f"mkdir {work}/extracted && cd {work}/extracted && borg extract ::2", **repo)
        found["borg"] = Tool(command("borg", "init", "-e", "none", **repo), first, second, get)
    return found


def one_round(source: Path, number: int, kept: ExitStack | None) -> dict[str, tuple[Cost, Cost, Cost]]:
    """Return for each tool the costs of the first put, of the same again, and of the get.

    Each round begins with another tool. What tools write goes away with ``kept``, or else before the next tool begins.
    """
    rows = {}
    for name in rotated(TOOLS, number):
        with ExitStack() as own:
            work = Path((kept or own).enter_context(tempfile.TemporaryDirectory(prefix="put-get-")))
            with running_server(work / "home") as server:
                tool = tools(source, work, server).get(name)
                if tool is None:
                    continue
                tool.ready()
                command("sh", "-c", f"find {source} -type f -exec cat {{}} + > {os.devnull}")()  # into page cache
                rows[name] = (timed(tool.put, server), timed(tool.again, server), timed(tool.get, server))
            if name == "trunkline":
                assert subprocess.run(["diff", "-rq", str(source), str(work / "got")], check=False).returncode == 0
    return rows


def rotated(names: Sequence[str], number: int) -> Sequence[str]:
    """Return names from another one on for each number."""
    start = number % len(names)
    return (*names[start:], *names[:start])


def measure(name: str, source: Path, rounds: int, *, small: bool) -> None:
    """Print lines for each tool: medians of the rounds; in brackets the median of Trunkline's multiple in a round.

    Small files stay until the end: ext4 makes new ones slowly after many were removed. Large ones go at once: whoever
    fills memory that was not used for long pays for more than the others.
    """
    with ExitStack() as kept:
        found = [one_round(source, number, kept if small else None) for number in range(rounds)]
    for tool in sorted(found[0], reverse=True):
        for kind in ("wall", "cpu"):
            cells = ""
            for step in range(3):
                if (tool, step) == ("cp -r", 1):
                    cells += f"{'':19}"
                    continue
                seconds = [(getattr(row["trunkline"][step], kind), getattr(row[tool][step], kind)) for row in found]
                ratio = median(ours / theirs for ours, theirs in seconds)
                cells += f"{median(theirs for _, theirs in seconds):9.2f} s ({ratio:5.2f})"
            print(f"{name:24} {tool:10} {kind:5} {cells}", flush=True)


def main() -> None:
    """Run all cases."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--files", type=int, default=20_000)
    parser.add_argument("--megabytes", type=int, default=1000)
    parser.add_argument("--rounds", type=int, default=len(TOOLS))
    arguments = parser.parse_args()
    print(f"{'':42}{'put':>9} (ratio)     again (ratio)       get (ratio)")
    cases: dict[str, tuple[Callable[[Path, int], None], int]] = {
        f"{arguments.files} files of 4 KiB": (small_files, arguments.files),
        f"{arguments.megabytes} MB random": (random_file, arguments.megabytes),
        f"{arguments.megabytes} MB text": (text_file, arguments.megabytes),
    }
    for name, (make, amount) in cases.items():
        with tempfile.TemporaryDirectory(prefix="put-get-source-") as directory:
            source = Path(directory) / "source"
            make(source, amount)
            time.sleep(SETTLED_SECONDS)
            measure(name, source, arguments.rounds, small=make is small_files)


if __name__ == "__main__":
    main()
