"""Cron inputs: ticks by schedule, ticks on request, ticks that were missed."""

import json
import sqlite3
from contextlib import closing
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from pathlib import Path

import grpc
import pytest

from trunkline.proto import admin_pb2, pfs_pb2, pps_pb2
from trunkline.proto.admin_pb2_grpc import APIStub as AdminStub
from trunkline.testing.cluster import Cluster, open_cluster, pfs, shell

COPY = shell("for f in /pfs/tick/*; do echo ticked > /pfs/out/$(basename $f); done")


def cron(**fields: object) -> dict[str, object]:
    return {"cron": {"name": "tick", "spec": "@never", **fields}}


def run_cron(cluster: Cluster, pipeline: str) -> None:
    cluster.pps.RunCron(pps_pb2.RunCronRequest(pipeline=pps_pb2.Pipeline(name=pipeline)))


def repos(cluster: Cluster) -> set[str]:
    return {info.repo.name for info in cluster.pfs.ListRepo(pfs_pb2.ListRepoRequest(type="user"))}


def test_a_request_ticks_and_the_job_sees_the_tick(cluster: Cluster) -> None:
    cluster.create({"pipeline": {"name": "asked"}, "transform": COPY, "input": cron()})
    assert cluster.finished_job("asked").data_total == 0

    run_cron(cluster, "asked")

    job = cluster.finished_job("asked")
    assert (job.state, job.data_processed) == (pps_pb2.JobState.JOB_SUCCESS, 1)
    assert job.details.input.cron.commit == job.job.id
    assert cluster.files("asked_tick").keys() == cluster.files("asked").keys()


def test_a_request_to_a_pipeline_without_cron_inputs_is_refused(cluster: Cluster) -> None:
    cluster.create_repo("plain")
    cluster.create({"pipeline": {"name": "uncronned"}, "transform": COPY, "input": pfs("plain")})

    with pytest.raises(grpc.RpcError) as refused:
        run_cron(cluster, "uncronned")

    assert 'pipeline "default/uncronned" doesn\'t have a cron input' in str(refused.value.details())


def test_two_cron_inputs_tick_together_in_one_job(cluster: Cluster) -> None:
    both = {"cross": [cron(), {"cron": {"name": "tock", "spec": "@never"}}]}
    cluster.create({"pipeline": {"name": "both"}, "transform": COPY, "input": both})
    before = len(cluster.jobs("both"))

    run_cron(cluster, "both")

    assert cluster.finished_job("both").data_total == 1
    assert len(cluster.jobs("both")) == before + 1


def test_the_clock_ticks_as_the_schedule_says(cluster: Cluster) -> None:
    cluster.create({"pipeline": {"name": "timed"}, "transform": COPY, "input": cron(spec="@every 1s")})

    cluster.until(lambda: len(cluster.files("timed_tick")) >= 2)
    cluster.pps.StopPipeline(pps_pb2.StopPipelineRequest(pipeline=pps_pb2.Pipeline(name="timed")))

    times = [datetime.fromisoformat(path[1:]) for path in sorted(cluster.files("timed_tick"))]
    assert {after - before for before, after in pairwise(times)} == {timedelta(seconds=1)}


def test_missed_ticks_are_made_up_for_each_in_its_own_commit_and_overwrite_keeps_the_last(cluster: Cluster) -> None:
    now = datetime.now(UTC)
    start = (now - timedelta(hours=3, minutes=30)).isoformat()
    cluster.create({"pipeline": {"name": "late"}, "transform": COPY, "input": cron(spec="@every 1h", start=start)})
    last = cron(spec="@every 1h", start=start, overwrite=True)
    cluster.create({"pipeline": {"name": "latest"}, "transform": COPY, "input": last})

    cluster.until(lambda: len(cluster.jobs("late")) == 4 and len(cluster.jobs("latest")) == 4)

    assert cluster.finished_job("late").data_total == 3
    assert cluster.finished_job("latest").data_total == 1
    assert cluster.files("latest").keys() == {max(cluster.files("late"))}


def test_deleting_the_pipeline_takes_its_cron_repo_and_spares_a_repo_that_was_there_before(cluster: Cluster) -> None:
    cluster.create_repo("mine")
    cluster.create({"pipeline": {"name": "own"}, "transform": COPY, "input": cron()})
    cluster.create({"pipeline": {"name": "foreign"}, "transform": COPY, "input": cron(repo="mine")})
    assert {"own_tick", "mine"} <= repos(cluster)

    for name in ("own", "foreign"):
        cluster.pps.DeletePipeline(pps_pb2.DeletePipelineRequest(pipeline=pps_pb2.Pipeline(name=name), keep_repo=True))

    assert {"own", "foreign", "mine"} <= repos(cluster)
    assert "own_tick" not in repos(cluster)


def test_a_restarted_server_goes_on_after_the_newest_tick(tmp_path: Path) -> None:
    start = datetime.now(UTC) - timedelta(hours=2, minutes=30)
    spec = {"pipeline": {"name": "again"}, "transform": COPY, "input": cron(spec="@every 1h", start=start.isoformat())}
    first, close = open_cluster(tmp_path / "home")
    first.create(spec)
    first.until(lambda: len(first.jobs("again")) == 3)
    before = first.files("again_tick").keys()
    close()

    second, close = open_cluster(tmp_path / "home")
    run_cron(second, "again")
    after = second.files("again_tick").keys()
    close()

    assert len(before) == 2
    assert before < after
    assert len(after) == 3


def test_a_schedule_that_an_older_version_took_stops_neither_the_server_nor_other_inputs(tmp_path: Path) -> None:
    """And it is told where somebody looks, until it is gone."""
    first, close = open_cluster(tmp_path / "home")
    for name in ("bad", "worse", "good"):
        first.create({"pipeline": {"name": name}, "transform": COPY, "input": cron(spec="@daily")})
    first.create_repo("plain")
    first.pfs.CreateBranch(following("plain", rate_limit_spec="@daily"))
    close()
    rewrite(tmp_path / "home", "bad", spec="@every 80000000h")
    rewrite(tmp_path / "home", "worse", start="9999-99-99")
    rewrite(tmp_path / "home", "good", spec="@every 1s")
    with closing(sqlite3.connect(tmp_path / "home" / "metadata.db")) as db, db:
        db.execute("UPDATE branches SET [trigger] = replace([trigger], '@daily', '@every 80000000h')")

    second, close = open_cluster(tmp_path / "home")
    try:
        second.until(lambda: len(second.files("good_tick")) >= 2)
        second.put("plain", {"/a": "1"})
        second.until(lambda: len(warnings(second)) == 2)
        told = sorted(warnings(second))
        assert "cron input tick of pipeline default/bad: fails since" in told[0]
        assert "@every takes at most 2562047h" in told[0]
        assert "cron inputs of pipeline default/worse: fails since" in told[1]

        second.pfs.DeleteBranch(pfs_pb2.DeleteBranchRequest(branch=branch_of("plain", "later"), force=True))
        second.pps.DeletePipeline(pps_pb2.DeletePipelineRequest(pipeline=pps_pb2.Pipeline(name="bad")))
        second.until(lambda: len(warnings(second)) == 1)
    finally:
        close()


def rewrite(home: Path, pipeline: str, **fields: str) -> None:
    """Change the cron input of a stored spec as no door would let one."""
    with closing(sqlite3.connect(home / "metadata.db")) as db, db:
        key, text = db.execute(
            "SELECT v.rowid, spec_json FROM pipeline_versions v JOIN pipelines p ON pipeline = key WHERE name = ?",
            [pipeline],
        ).fetchone()
        spec = json.loads(text)
        spec["input"]["cron"].update(fields)
        db.execute("UPDATE pipeline_versions SET spec_json = ? WHERE rowid = ?", [json.dumps(spec), key])


def warnings(cluster: Cluster) -> list[str]:
    """Return what `inspect cluster` warns of."""
    with grpc.insecure_channel(cluster.server.address.removeprefix("grpc://")) as channel:
        return list(AdminStub(channel).InspectCluster(admin_pb2.InspectClusterRequest()).warnings)


def branch_of(repo: str, name: str) -> pfs_pb2.Branch:
    return pfs_pb2.Branch(repo=pfs_pb2.Repo(name=repo, type="user"), name=name)


def following(repo: str, **trigger: str) -> pfs_pb2.CreateBranchRequest:
    return pfs_pb2.CreateBranchRequest(
        branch=branch_of(repo, "later"), trigger=pfs_pb2.Trigger(branch="master", **trigger)
    )
