"""What pipelines are said to be, and what start, stop, update and rerun make of them."""

import json
from pathlib import Path

import pytest

from trunkline.proto import pps_pb2
from trunkline.testing.cluster import Cluster, pfs, shell

COPY = shell("cp /pfs/data/* /pfs/out/")
SUCCESS = pps_pb2.JobState.JOB_SUCCESS


@pytest.fixture
def repo(cluster: Cluster, repo: str) -> str:
    """A repo of this test's own, with one file."""
    cluster.put(repo, {"/a": "a"})
    return repo


def named(name: str) -> pps_pb2.Pipeline:
    return pps_pb2.Pipeline(name=name)


def inspect(cluster: Cluster, name: str) -> pps_pb2.PipelineInfo:
    return cluster.pps.InspectPipeline(pps_pb2.InspectPipelineRequest(pipeline=named(name), details=True))


def state(cluster: Cluster, name: str) -> str:
    return pps_pb2.PipelineState.Name(inspect(cluster, name).state).removeprefix("PIPELINE_")


def alerts(cluster: Cluster, name: str) -> list[str]:
    statuses = cluster.pps.CheckStatus(pps_pb2.CheckStatusRequest(all=True))
    return [alert for each in statuses if each.pipeline.name == name for alert in each.alerts]


def gated(gate: Path) -> dict[str, object]:
    return shell(f"while [ ! -e {gate} ]; do sleep 0.02; done; cp /pfs/data/* /pfs/out/")


def test_input_that_comes_while_a_pipeline_is_stopped_makes_one_job_when_it_starts(cluster: Cluster, repo: str) -> None:
    cluster.create({"pipeline": {"name": "paused"}, "transform": COPY, "input": pfs(repo, name="data")})
    cluster.finished_job("paused")

    cluster.pps.StopPipeline(pps_pb2.StopPipelineRequest(pipeline=named("paused")))
    cluster.put(repo, {"/b": "b"})
    cluster.put(repo, {"/c": "c"})

    info = inspect(cluster, "paused")
    assert (state(cluster, "paused"), info.stopped, info.details.workers_available) == ("PAUSED", True, 0)
    assert len(cluster.jobs("paused")) == 1
    cluster.pps.StartPipeline(pps_pb2.StartPipelineRequest(pipeline=named("paused")))
    job = cluster.finished_job("paused")
    assert (job.state, job.data_processed, job.data_skipped) == (SUCCESS, 2, 1)
    assert len(cluster.jobs("paused")) == 2
    assert cluster.files("paused").keys() == {"/a", "/b", "/c"}


def test_an_update_of_a_stopped_pipeline_leaves_it_stopped(cluster: Cluster, repo: str) -> None:
    spec = {"pipeline": {"name": "still"}, "transform": COPY, "input": pfs(repo, name="data")}
    cluster.create(spec)
    cluster.finished_job("still")
    cluster.pps.StopPipeline(pps_pb2.StopPipelineRequest(pipeline=named("still")))

    cluster.create({**spec, "description": "new"}, update=True)

    info = inspect(cluster, "still")
    assert (info.version, info.stopped, state(cluster, "still")) == (2, True, "PAUSED")
    assert len(cluster.jobs("still", history=-1)) == 1
    cluster.pps.StartPipeline(pps_pb2.StartPipelineRequest(pipeline=named("still")))
    assert cluster.finished_job("still").data_skipped == 1


@pytest.mark.parametrize("reprocess", [False, True])
def test_a_rerun_is_an_update_to_the_same_spec(cluster: Cluster, repo: str, reprocess: bool) -> None:
    name = f"again_{reprocess}"
    cluster.create({"pipeline": {"name": name}, "transform": COPY, "input": pfs(repo, name="data")})
    cluster.finished_job(name)
    before = inspect(cluster, name)

    cluster.pps.RerunPipeline(pps_pb2.RerunPipelineRequest(pipeline=named(name), reprocess=reprocess))

    job = cluster.finished_job(name)
    assert (job.state, job.data_processed, job.data_skipped) == (SUCCESS, int(reprocess), int(not reprocess))
    after = inspect(cluster, name)
    assert after.version == 2
    assert json.loads(after.user_spec_json) == json.loads(before.user_spec_json)
    assert after.effective_spec_json == before.effective_spec_json
    assert (after.details.salt == before.details.salt) is not reprocess


def test_a_scaled_pipeline_stands_by_until_its_input_is_ready(cluster: Cluster, repo: str, tmp_path: Path) -> None:
    upstream, downstream = tmp_path / "upstream", tmp_path / "downstream"
    cluster.create({"pipeline": {"name": "up"}, "transform": gated(upstream), "input": pfs(repo, name="data")})
    cluster.create(
        {
            "pipeline": {"name": "down"},
            "transform": gated(downstream),
            "input": pfs("up", name="data"),
            "autoscaling": True,
        }
    )
    assert (state(cluster, "down"), len(cluster.jobs("down"))) == ("STANDBY", 1)

    upstream.touch()

    cluster.until(lambda: state(cluster, "down") == "RUNNING")
    assert inspect(cluster, "down").details.workers_started_at.seconds > 0
    downstream.touch()
    cluster.finished_job("down")
    assert (state(cluster, "down"), inspect(cluster, "down").details.workers_available) == ("STANDBY", 0)


def test_a_pipeline_that_is_up_for_too_long_raises_an_alert(cluster: Cluster, repo: str, tmp_path: Path) -> None:
    gate = tmp_path / "gate"
    spec = {"transform": gated(gate), "input": pfs(repo, name="data"), "autoscaling": True}
    cluster.create({**spec, "pipeline": {"name": "tired"}, "maximum_expected_uptime": "0.001s"})
    cluster.create({**spec, "pipeline": {"name": "fresh"}, "maximum_expected_uptime": "3600s"})

    cluster.until(lambda: alerts(cluster, "tired"))

    assert alerts(cluster, "tired")[0].endswith("longer than maximumExpectedUptime, 0.001s")
    assert alerts(cluster, "fresh") == []
    gate.touch()
    cluster.finished_job("tired")
    assert alerts(cluster, "tired") == []


def test_no_more_datums_run_at_once_than_the_spec_allows(cluster: Cluster, repo: str, tmp_path: Path) -> None:
    cluster.put(repo, {f"/{number}": "" for number in range(6)})
    alone = f"mkdir {tmp_path}/lock || exit 1; sleep 0.05; rmdir {tmp_path}/lock"
    cluster.create(
        {
            "pipeline": {"name": "narrow"},
            "transform": shell(alone),
            "input": pfs(repo, name="data"),
            "parallelism_spec": {"constant": 1},
            "datum_set_spec": {"number": 1},
            "datum_tries": 1,
        }
    )

    assert cluster.finished_job("narrow").state == SUCCESS
