"""What a running job tells of its workers, and what starting its datums again does."""

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from trunkline.proto import pps_pb2
from trunkline.testing.cluster import Cluster, open_cluster, pfs, shell


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    """A cluster of one worker, so that it is known where a job is."""
    opened, close = open_cluster(tmp_path_factory.mktemp("cluster") / "home", workers=1)
    try:
        yield opened
    finally:
        close()


@pytest.fixture
def gates(tmp_path: Path) -> tuple[Path, Path]:
    """Two pipes: a datum says that it has begun, and waits until it may go on."""
    for name in ("begun", "go-on"):
        os.mkfifo(tmp_path / name)
    return tmp_path / "begun", tmp_path / "go-on"


def waiting_job(cluster: Cluster, name: str, gates: tuple[Path, Path]) -> pps_pb2.Job:
    """Return a job whose first datum, ``/a``, has begun and waits."""
    begun, go_on = gates
    cluster.create_repo(f"{name}-in")
    cluster.put(f"{name}-in", {"/a": "alpha", "/b": "beta"})
    wait = f'test "$(basename "$in")" = b || {{ echo x > {begun}; cat {go_on} > /dev/null; }}'
    transform = shell(wait, "cp $in /pfs/out/")
    data_sets = {"datum_set_spec": {"number": 2}}
    cluster.create(
        {"pipeline": {"name": name}, "transform": transform, "input": pfs(f"{name}-in", name="in")} | data_sets
    )
    begun.read_bytes()
    return cluster.jobs(name)[0].job


def inspect(cluster: Cluster, job: pps_pb2.Job) -> pps_pb2.JobInfo:
    return cluster.pps.InspectJob(pps_pb2.InspectJobRequest(job=job, details=True))


def test_a_running_job_tells_which_datum_each_worker_is_at(
    cluster: Cluster, gates: tuple[Path, Path], tmp_path: Path
) -> None:
    job = waiting_job(cluster, "shown", gates)

    (status,) = inspect(cluster, job).details.worker_status
    env = {**os.environ, "PACHD_ADDRESS": cluster.server.address, "PACH_CONFIG": str(tmp_path / "config.json")}
    command = [sys.executable, "-m", "trunkline", "inspect", "job", f"shown@{job.id}"]
    shown = subprocess.run(command, env=env, capture_output=True, text=True, check=True).stdout
    gates[1].write_bytes(b"")
    finished = cluster.finished_job("shown")

    assert status.job_id == job.id
    assert [file.path for file in status.datum_status.data] == ["/a"]
    assert status.datum_status.started.ToMicroseconds() >= finished.started.ToMicroseconds()
    assert f"{status.worker_id}: /a" in shown
    assert finished.state == pps_pb2.JobState.JOB_SUCCESS
    assert list(finished.details.worker_status) == []


def test_a_running_datum_can_be_started_again(cluster: Cluster, gates: tuple[Path, Path]) -> None:
    job = waiting_job(cluster, "again", gates)

    cluster.pps.RestartDatum(pps_pb2.RestartDatumRequest(job=job, data_filters=["/a"]))
    gates[0].read_bytes()  # it has begun a second time
    gates[1].write_bytes(b"")
    finished = cluster.finished_job("again")

    assert (finished.state, finished.data_processed) == (pps_pb2.JobState.JOB_SUCCESS, 2), finished.reason
    assert cluster.files("again") == {"/a": "alpha", "/b": "beta"}
