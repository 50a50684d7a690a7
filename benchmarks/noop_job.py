"""Times jobs that have next to nothing to do, and weighs the server meanwhile, without user code.

    python benchmarks/noop_job.py --datums 1000 100000 1000000

The executor starts no process, so that the control side alone is timed; each datum writes one small file. The requests
are included. Each number of datums has a server of its own, in a process of its own; with a million it takes minutes.
"""

import argparse
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping
from multiprocessing import get_context
from pathlib import Path
from statistics import median

import grpc

from trunkline.model.datums import Datum, DatumSet
from trunkline.model.jobs import CommitState
from trunkline.model.names import DEFAULT_BRANCH, DEFAULT_PROJECT, META
from trunkline.model.versions import CommitReference, RepoKey
from trunkline.proto import pps_pb2, pps_pb2_grpc
from trunkline.testing.cluster import Cluster, open_cluster, pfs

RUNS = 7


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--datums", type=int, nargs="+", default=[1000, 100_000, 1_000_000])
    parser.add_argument("--directory", help="where to put the servers' data")
    parser.add_argument("--list", metavar="ADDRESS", help="be the client that lists all datums of a server's job")
    options = parser.parse_args()
    if options.list:
        print(list_all(options.list))
        return
    found = []
    for datums in options.datums:
        with get_context("spawn").Pool(1) as pool:
            found.append(pool.apply(measure, (datums, options.directory)))
    for datums, seconds in zip(options.datums[1:], found[1:], strict=True):
        for what in ("none new", "one new"):
            ratio = seconds[what] / found[0][what]
            print(f"{what}: {datums:,} datums take {ratio:.2f} times as long as {options.datums[0]:,}")


def name(datum_set: DatumSet, datum: Datum, seen: Mapping[str, bytes]) -> dict[str, bytes]:
    """Write the path of what might be read."""
    path = datum.inputs[0].path
    return {path: path.encode()}


def measure(datums: int, directory: str | None) -> dict[str, float]:
    """Make a pipeline with so many datums; return the median seconds of small jobs on it, printed, too."""
    with tempfile.TemporaryDirectory(dir=directory) as scratch:
        cluster, close = open_cluster(Path(scratch) / "home", program=name)
        try:
            return measure_on(cluster, datums)
        finally:
            close()


def measure_on(cluster: Cluster, datums: int) -> dict[str, float]:
    """Do the work of `measure` on a server."""
    cluster.create_repo("in")
    start = time.perf_counter()
    put_many(cluster, "in", datums)
    say(datums, "put", time.perf_counter() - start)
    spec = {"pipeline": {"name": "out"}, "input": pfs("in"), "transform": {"cmd": ["name"]}}
    start = time.perf_counter()
    cluster.create(spec)
    assert finished(cluster).data_processed == datums
    say(datums, "all new", time.perf_counter() - start)
    start = time.perf_counter()
    meta = CommitReference(RepoKey(DEFAULT_PROJECT, "out", META), branch=DEFAULT_BRANCH)
    assert cluster.server.versioning.open_files(meta)[1].file_count == 3 * datums
    say(datums, "their files, first read", time.perf_counter() - start)

    def update(_: int) -> None:
        cluster.create(spec, update=True)
        assert finished(cluster).data_processed == 0

    def put_one(number: int) -> None:
        cluster.put("in", {f"/new-{number}": "new"})
        assert finished(cluster).data_processed == 1

    def list_datums(_: int) -> None:
        command = [sys.executable, __file__, "--list", cluster.server.address]
        listed = subprocess.run(command, check=True, capture_output=True, text=True).stdout
        assert int(listed) == datums + 2 * RUNS

    changes: dict[str, Callable[[int], None]] = {"none new": update, "one new": put_one}
    seconds = {what: median(times(run)) for what, run in changes.items()}
    for what, spent in seconds.items():
        say(datums, what, spent)

    # Once with the datums of all, which a change of the inputs' form asks for.
    start = time.perf_counter()
    cluster.create({**spec, "input": pfs("in", "/*", lazy=True)}, update=True)
    assert finished(cluster).data_processed == 0
    say(datums, "none new, all compared", time.perf_counter() - start)
    times(lambda number: put_one(RUNS + number))
    start = time.perf_counter()
    list_datums(0)
    say(datums, "list of all datums", time.perf_counter() - start)
    return seconds


def put_many(cluster: Cluster, repo: str, number: int) -> None:
    """Put so many small files, past the door: that is not what is timed here."""
    versioning = cluster.server.versioning
    writer = versioning.file_sets.edit()
    for each in range(number):
        writer.add(f"/file-{each:07}", f"content {each}".encode())
    layer = writer.finish()
    target = CommitReference(RepoKey(DEFAULT_PROJECT, repo), branch=DEFAULT_BRANCH)
    commit = versioning.write_layer(target, layer)
    versioning.wait(CommitReference(commit.repo, id=commit.id), CommitState.FINISHED)


def finished(cluster: Cluster) -> pps_pb2.JobInfo:
    """Return the newest job, which must end well."""
    job = cluster.finished_job("out")
    assert job.state == pps_pb2.JobState.JOB_SUCCESS, job.reason
    return job


def times(run: Callable[[int], None]) -> list[float]:
    """Return the seconds that each of some runs takes."""
    seconds = []
    for number in range(RUNS):
        start = time.perf_counter()
        run(number)
        seconds.append(time.perf_counter() - start)
    return seconds


def say(datums: int, what: str, seconds: float) -> None:
    """Print a line, with the most memory that the process has taken since the line before."""
    print(f"{datums:>9,} datums  {what:<24}{seconds:>9.3f} s{peak_megabytes():>8.0f} MB", flush=True)


def peak_megabytes() -> float:
    """Return the peak of resident memory since this was asked last."""
    status = Path("/proc/self/status").read_text()
    Path("/proc/self/clear_refs").write_text("5")
    return int(status.split("VmHWM:")[1].split()[0]) / 1024


def list_all(address: str) -> int:
    """Return how many datums the newest job has, one by one."""
    with grpc.insecure_channel(address.removeprefix("grpc://")) as channel:
        pps = pps_pb2_grpc.APIStub(channel)
        pipeline = pps_pb2.Pipeline(name="out")
        (job,) = pps.ListJob(pps_pb2.ListJobRequest(pipeline=pipeline, number=1))
        return sum(1 for _ in pps.ListDatum(pps_pb2.ListDatumRequest(job=job.job)))


if __name__ == "__main__":
    main()
