"""Times jobs that have next to nothing to do, without user code: `python benchmarks/noop_job.py [directory]`."""

import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from statistics import median

from trunkline.model.datums import Datum, DatumSet
from trunkline.model.names import DEFAULT_BRANCH, DEFAULT_PROJECT, META
from trunkline.model.versions import CommitReference, RepoKey
from trunkline.proto import pfs_pb2, pps_pb2
from trunkline.testing.cluster import Cluster, open_cluster, pfs

FEW = 1000
MANY = 100_000
RUNS = 7


def main() -> None:
    directory = sys.argv[1] if len(sys.argv) > 1 else None
    with tempfile.TemporaryDirectory(dir=directory) as scratch:
        cluster, close = open_cluster(Path(scratch) / "home", program=copy)
        try:
            few, many = (measure(cluster, datums) for datums in (FEW, MANY))
        finally:
            close()
    for what in few:
        print(f"{what}: {MANY:,} datums take {many[what] / few[what]:.2f} times as long as {FEW:,}")


def copy(datum_set: DatumSet, datum: Datum, seen: dict[str, bytes]) -> dict[str, bytes]:
    """Write what was read."""
    (content,) = seen.values()
    return {datum.inputs[0].path: content}


def measure(cluster: Cluster, datums: int) -> dict[str, float]:
    """Make a pipeline with so many datums; return the median seconds of small jobs on it, printed, too."""
    repo, pipeline = f"in{datums}", f"out{datums}"
    cluster.create_repo(repo)
    cluster.pfs.ModifyFile(files(repo, datums))
    spec = {"pipeline": {"name": pipeline}, "input": pfs(repo), "transform": {"cmd": ["copy"]}}
    start = time.perf_counter()
    cluster.create(spec)
    assert finished(cluster, pipeline).data_processed == datums
    print(f"{datums:>9,} datums  {'all new':<24}{time.perf_counter() - start:>9.3f} s", flush=True)
    start = time.perf_counter()
    meta = CommitReference(RepoKey(DEFAULT_PROJECT, pipeline, META), branch=DEFAULT_BRANCH)
    assert cluster.server.versioning.open_files(meta)[1].file_count == 3 * datums
    print(f"{datums:>9,} datums  {'their files, first read':<24}{time.perf_counter() - start:>9.3f} s", flush=True)

    def update(_: int) -> None:
        cluster.create(spec, update=True)
        assert finished(cluster, pipeline).data_processed == 0

    def put_one(number: int) -> None:
        cluster.put(repo, {f"/new-{number}": "new"})
        assert finished(cluster, pipeline).data_processed == 1

    changes: dict[str, Callable[[int], None]] = {"none new": update, "one new": put_one}
    return {what: report(datums, what, run) for what, run in changes.items()}


def files(repo: str, number: int) -> Iterator[pfs_pb2.ModifyFileRequest]:
    branch = pfs_pb2.Branch(name="master", repo=pfs_pb2.Repo(name=repo, type="user"))
    yield pfs_pb2.ModifyFileRequest(set_commit=pfs_pb2.Commit(branch=branch))
    for each in range(number):
        add = pfs_pb2.AddFile(path=f"/file-{each:06}", raw={"value": f"content {each}".encode()})
        yield pfs_pb2.ModifyFileRequest(add_file=add)


def finished(cluster: Cluster, pipeline: str) -> pps_pb2.JobInfo:
    job = cluster.finished_job(pipeline)
    assert job.state == pps_pb2.JobState.JOB_SUCCESS, job.reason
    return job


def report(datums: int, what: str, run: Callable[[int], None]) -> float:
    """Print and return the median time of the request and its job, over some runs."""
    seconds = []
    for number in range(RUNS):
        start = time.perf_counter()
        run(number)
        seconds.append(time.perf_counter() - start)
    print(f"{datums:>9,} datums  {what:<24}{median(seconds):>9.3f} s", flush=True)
    return median(seconds)


if __name__ == "__main__":
    main()
