"""Putting and getting 20,000 small files and one large one through the command line, next to restic, borg and cp.

    python benchmarks/put_get.py --files 20000 --megabytes 1000

restic and borg are used where they are installed (Debian: restic, borgbackup). Every tool starts from page cache, and
every store ends synced: cp is followed by sync.
"""

import argparse
import os
import random
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from trunkline.testing.server import running_server

BIN = Path(sys.executable).parent
FILE_BYTES = 4096
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


def large_file(directory: Path, megabytes: int, *, text: bool) -> None:
    """Write one file of random bytes, or of lines of words in random order."""
    directory.mkdir(parents=True)
    generator = random.Random(2)
    words = TEXT.read_text().split()
    with (directory / "large").open("wb") as file:
        for _ in range(megabytes):
            line = " ".join(generator.choices(words, k=200_000)).encode() if text else generator.randbytes(1 << 20)
            file.write(line[: 1 << 20])


def timed(run: Callable[[], object]) -> float:
    """Return how long a call took, in seconds."""
    began = time.perf_counter()
    run()
    return time.perf_counter() - began


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


def measure(name: str, source: Path, work: Path) -> None:
    """Print a line for each tool: first put, second put of the same, get."""
    rows: dict[str, tuple[float, float, float]] = {}
    with running_server(work / "home") as server:
        environment = server.environment(work)
        put = command(str(BIN / "pachctl"), "put", "file", "-r", "data@master:/", "-f", str(source), **environment)
        get = command(
            str(BIN / "pachctl"), "get", "file", "-r", "data@master:/", "-o", str(work / "got"), **environment
        )
        command(str(BIN / "pachctl"), "create", "repo", "data", **environment)()
        rows["trunkline"] = (timed(put), timed(put), timed(get))
    assert subprocess.run(["diff", "-rq", str(source), str(work / "got")], check=False).returncode == 0, "not the same"
    copy = command("sh", "-c", f"cp -r {source} {work}/copy && sync {work}/copy")
    rows["cp -r"] = (timed(copy), float("nan"), timed(command("cp", "-r", str(work / "copy"), str(work / "back"))))
    if shutil.which("restic"):
        keys = {
            "RESTIC_PASSWORD": "x",
            "RESTIC_REPOSITORY": str(work / "restic"),
            "RESTIC_CACHE_DIR": str(work / "cache"),
        }
        command("restic", "init", **keys)()
        put = command("restic", "backup", str(source), **keys)
        get = command("restic", "restore", "latest", "--target", str(work / "restored"), **keys)
        rows["restic"] = (timed(put), timed(put), timed(get))
    if shutil.which("borg"):
        repo = {
            "BORG_REPO": str(work / "borg"),
            "BORG_BASE_DIR": str(work),
            "BORG_UNKNOWN_UNENCRYPTED_REPO_ACCESS_IS_OK": "y",
        }
        command("borg", "init", "-e", "none", **repo)()
        puts = [timed(command("borg", "create", "-C", "zstd,1", f"::{number}", str(source), **repo)) for number in "12"]
        (work / "extracted").mkdir()
        get = command("sh", "-c", f"cd {work}/extracted && borg extract ::2", **repo)
        rows["borg"] = (puts[0], puts[1], timed(get))
    base = rows["trunkline"]
    for tool, seconds in rows.items():
        cells = "".join(f"{mine:9.2f} s ({base[n] / mine:5.2f})" for n, mine in enumerate(seconds))
        print(f"{name:24} {tool:10} put {cells}", flush=True)


def main() -> None:
    """Run all cases. In brackets: Trunkline's time as a multiple of the tool's."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--files", type=int, default=20_000)
    parser.add_argument("--megabytes", type=int, default=1000)
    arguments = parser.parse_args()
    print(f"{'':36}{'put':>9} (ratio)     again (ratio)       get (ratio)")
    cases: dict[str, Callable[[Path], None]] = {
        f"{arguments.files} files of 4 KiB": lambda source: small_files(source, arguments.files),
        f"{arguments.megabytes} MB random": lambda source: large_file(source, arguments.megabytes, text=False),
        f"{arguments.megabytes} MB text": lambda source: large_file(source, arguments.megabytes, text=True),
    }
    for name, make in cases.items():
        with tempfile.TemporaryDirectory(prefix="put-get-") as work:
            make(Path(work) / "source")
            measure(name, Path(work) / "source", Path(work))


if __name__ == "__main__":
    main()
