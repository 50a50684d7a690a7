"""What a spec says of resources, and what comes of it."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from trunkline.proto import pps_pb2
from trunkline.testing.cluster import Cluster, pfs, shell

SUCCESS, FAILURE = pps_pb2.JobState.JOB_SUCCESS, pps_pb2.JobState.JOB_FAILURE
TAKES = """python3 -c 'import time; taken = bytearray(b"x") * (300 << 20); time.sleep(600)'"""


def create(cluster: Cluster, name: str, *lines: str, **more: object) -> pps_pb2.JobInfo:
    cluster.create_repo(f"{name}-in")
    cluster.put(f"{name}-in", {"/a": "alpha"})
    transform = shell(*lines, **more.pop("transform", {}))  # type: ignore[arg-type]
    cluster.create({"pipeline": {"name": name}, "transform": transform, "input": pfs(f"{name}-in"), **more})
    return cluster.finished_job(name)


def test_a_job_over_its_memory_fails_and_the_next_one_runs(cluster: Cluster) -> None:
    job = create(cluster, "greedy", TAKES, resource_limits={"memory": "128Mi"}, datum_tries=1)

    assert job.state == FAILURE
    assert "more than the 128 MiB that it may (resourceLimits.memory)" in job.reason
    assert create(cluster, "modest", "true", resource_limits={"memory": "128Mi"}).state == SUCCESS


@pytest.mark.parametrize(("cpu", "env", "threads"), [(0.5, {}, "1"), (3, {}, "3"), (3, {"OMP_NUM_THREADS": "2"}, "2")])
def test_numeric_libraries_get_the_threads_that_a_datum_asks_for(
    cluster: Cluster, cpu: float, env: dict[str, str], threads: str
) -> None:
    name = f"threads{threads}"

    job = create(
        cluster, name, "printenv OMP_NUM_THREADS > /pfs/out/x", resource_requests={"cpu": cpu}, transform={"env": env}
    )

    assert job.state == SUCCESS, job.reason
    assert cluster.files(name) == {"/x": f"{threads}\n"}


def test_inspect_pipeline_names_what_is_not_used(cluster: Cluster, tmp_path: Path) -> None:
    limits = {"memory": "1Gi", "disk": "1Gi", "gpu": {"type": "nvidia.com/gpu", "number": 1}}
    create(cluster, "limited", "true", resource_limits=limits, transform={"image": "python:3.11"}, pod_spec="{}")

    env = {**os.environ, "PACHD_ADDRESS": cluster.server.address, "PACH_CONFIG": str(tmp_path / "config.json")}
    command = [sys.executable, "-m", "trunkline", "inspect", "pipeline", "limited"]
    shown = subprocess.run(command, env=env, capture_output=True, text=True, check=True).stdout

    told = shown.partition("Not used here:\n")[2].partition("Specification")[0]
    assert [line.split(":")[0].strip() for line in told.splitlines() if line.strip()] == [
        "transform.image",
        "podSpec",
        "resourceLimits.disk",
        "resourceLimits.gpu",
    ]


@pytest.mark.parametrize(
    ("name", "more", "available", "requested"),
    [
        ("all", {}, 2, 2),
        ("one", {"parallelism_spec": {"constant": 1}}, 1, 1),
        ("five", {"parallelism_spec": {"constant": 5}}, 2, 5),
    ],
)
def test_a_pipeline_tells_how_many_workers_it_may_use(
    cluster: Cluster, name: str, more: dict[str, object], available: int, requested: int
) -> None:
    """Those of the engine, two here, unless its specification asks for fewer."""
    create(cluster, name, "true", **more)

    request = pps_pb2.InspectPipelineRequest(pipeline=pps_pb2.Pipeline(name=name), details=True)
    info = cluster.pps.InspectPipeline(request)

    assert (info.details.workers_available, info.details.workers_requested) == (available, requested)
    assert info.parallelism == requested
