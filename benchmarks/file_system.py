"""Listing, globbing, comparing and committing through the server, by the number of files in the repo; memory; start-up.

    python benchmarks/file_system.py --files 1000 100000 1000000

Medians. The client is a connection that is open already, but for the start of the command line. The rows of files are
made before the server starts, in a process of their own: nobody waits for a million puts.
"""

import argparse
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from itertools import count
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
from one_photo import commit_of
from put_get import cpu_seconds
from storage import rows_of

from trunkline.app.state import StateDirectory
from trunkline.client.connection import Client, connect
from trunkline.db.engine import Database
from trunkline.model.names import DEFAULT_PROJECT, USER
from trunkline.model.versions import CommitReference, RepoKey
from trunkline.objects import open_object_store
from trunkline.pfs.chunk_index import DatabaseChunkIndex
from trunkline.pfs.repos import create_repo
from trunkline.pfs.versioning import Versioning
from trunkline.proto import pfs_pb2
from trunkline.storage.fileset import FileSets
from trunkline.storage.fileset.rows import FILES
from trunkline.storage.table import write_table
from trunkline.testing.server import ServerProcess, running_server

REPO = "files"
BIN = Path(sys.executable).parent


def build(home: Path, files: int) -> None:
    """Make a state directory with a repo whose master has so many files."""
    state = StateDirectory(home)
    db = Database(state.database_url)
    file_sets = FileSets(open_object_store(state.objects_url), DatabaseChunkIndex(db))
    versioning = Versioning(db, file_sets)
    repo = RepoKey(DEFAULT_PROJECT, REPO, USER)
    with versioning.transaction() as tx:
        create_repo(tx, repo)
    root = write_table(file_sets.tables, FILES, rows_of(files))
    versioning.write_layer(CommitReference(repo, branch="master"), file_sets.layer_of(root))
    db.close()
    state.close()


def cost(run: Callable[[], object], server: ServerProcess, *, runs: int) -> tuple[float, float]:
    """Return the median time of a number of runs, after one that is not counted, and the mean of the CPU they took.

    Both in milliseconds. CPU is that of all who take part, and hardly depends on what else the machine does.
    """
    run()
    spent = cpu_seconds(server) + time.process_time()
    seconds = []
    for _ in range(runs):
        began = time.perf_counter()
        run()
        seconds.append(time.perf_counter() - began)
    spent = cpu_seconds(server) + time.process_time() - spent
    return statistics.median(seconds) * 1000, spent / runs * 1000


def put(client: Client, path: str) -> None:
    """Put one small file in a commit of its own."""

    def requests() -> Iterator[pfs_pb2.ModifyFileRequest]:
        yield pfs_pb2.ModifyFileRequest(set_commit=commit_of(REPO))
        yield pfs_pb2.ModifyFileRequest(add_file=pfs_pb2.AddFile(path=path, raw={"value": path.encode()}))

    client.modify_file(requests())


def measure(client: Client, server: ServerProcess, files: int) -> Iterator[tuple[str, tuple[float, float], str]]:
    """Yield (what, milliseconds on the clock and of CPU, remark)."""

    def file(path: str) -> pfs_pb2.File:
        return pfs_pb2.File(commit=commit_of(REPO), path=path)

    def listed(path: str, after: str = "") -> list[object]:
        marker = file(after) if after else None
        return list(client.pfs.ListFile(pfs_pb2.ListFileRequest(file=file(path), number=100, paginationMarker=marker)))

    page = f"/d05/e05/file-{files // 2000:07}"
    yield "page of 100 files", cost(lambda: listed("/d05/e05/", page), server, runs=21), ""
    yield "page of 100 directories", cost(lambda: listed("/d05/"), server, runs=21), ""
    for pattern in ("/*", "/d03/e03/*0.png", "/**77.png", "/**/!(file-*)", "/**/!(file-000*).jpg"):
        request = pfs_pb2.GlobFileRequest(commit=commit_of(REPO), pattern=pattern)
        found = sum(1 for _ in client.pfs.GlobFile(request))

        def glob(request: pfs_pb2.GlobFileRequest = request) -> int:
            return sum(1 for _ in client.pfs.GlobFile(request))

        yield f"glob {pattern}", cost(glob, server, runs=5), f"{found} hits"
    numbers = count()
    yield "commit of one new file", cost(lambda: put(client, f"/d00/e00/new-{next(numbers)}"), server, runs=41), ""
    diff = pfs_pb2.DiffFileRequest(new_file=file("/"))
    yield "diff of one change", cost(lambda: list(client.pfs.DiffFile(diff)), server, runs=21), ""


def memory_megabytes(server: ServerProcess) -> tuple[int, int]:
    """Return what the server has in memory now, and had at most."""
    assert server.process is not None
    lines = Path(f"/proc/{server.process.pid}/status").read_text().splitlines()
    values = {name: value for name, _, value in (line.partition(":") for line in lines)}
    return int(values["VmRSS"].split()[0]) // 1024, int(values["VmHWM"].split()[0]) // 1024


def start_up() -> Iterator[tuple[str, tuple[float, float]]]:
    """Yield the times of commands that do next to nothing."""
    with tempfile.TemporaryDirectory() as directory, running_server(Path(directory) / "home") as server:
        environment = server.environment(Path(directory))
        commands = {
            'python -c "import click"': [sys.executable, "-c", "import click"],
            "pachctl --help": [str(BIN / "pachctl"), "--help"],
            "pachctl list repo": [str(BIN / "pachctl"), "list", "repo"],
        }
        for name, command in commands.items():

            def run(command: list[str] = command) -> object:
                return subprocess.run(command, env=environment, check=True, stdout=subprocess.DEVNULL)

            yield name, cost(run, server, runs=21)


def main() -> None:
    """Print a line for each figure."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--files", type=int, nargs="+", default=[1000, 100_000, 1_000_000])
    parser.add_argument("--build", type=Path, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.build:
        build(arguments.build, arguments.files[0])
        return
    for files in arguments.files:
        with tempfile.TemporaryDirectory(prefix="file-system-") as work:
            home = Path(work) / "home"
            subprocess.run([sys.executable, __file__, "--build", str(home), "--files", str(files)], check=True)
            with running_server(home) as server:
                idle, _ = memory_megabytes(server)
                with connect(server.address) as client:
                    for what, (clock, cpu), remark in measure(client, server, files):
                        print(f"{files:>9} files  {what:30}{clock:10.1f} ms, CPU{cpu:8.1f} ms  {remark}", flush=True)
                used, most = memory_megabytes(server)
                print(f"{files:>9} files  server memory: {idle} MB idle, {used} MB at the end, {most} MB at most")
    for what, (clock, cpu) in start_up():
        print(f"{what:46}{clock:10.1f} ms, CPU{cpu:8.1f} ms", flush=True)


if __name__ == "__main__":
    main()
