"""Inputs with a trigger: the pipeline reads when there is enough new, and not before."""

from typing import Any

import grpc
import pytest

from trunkline.proto import pfs_pb2, pps_pb2
from trunkline.testing.cluster import Cluster, pfs, shell


def copies(pipeline: str, repo: str, **more: Any) -> dict[str, Any]:
    return {
        "pipeline": {"name": pipeline},
        "transform": shell(f"cp /pfs/{repo}/* /pfs/out"),
        "input": pfs(repo, **more),
    }


def branch(cluster: Cluster, repo: str, name: str) -> pfs_pb2.BranchInfo:
    key = pfs_pb2.Branch(name=name, repo=pfs_pb2.Repo(name=repo, type="user"))
    return cluster.pfs.InspectBranch(pfs_pb2.InspectBranchRequest(branch=key))


def test_an_input_with_a_trigger_runs_once_there_is_enough_new(cluster: Cluster, repo: str) -> None:
    cluster.create(copies("collect", repo, trigger={"commits": 2}))
    assert cluster.finished_job("collect").data_total == 0

    cluster.put(repo, {"/a": "1"})
    too_little = len(cluster.jobs("collect"))
    cluster.put(repo, {"/b": "2"})
    job = cluster.finished_job("collect")

    assert (too_little, len(cluster.jobs("collect"))) == (1, 2)
    assert (job.data_total, job.data_processed) == (2, 2)
    assert cluster.files("collect") == {"/a": "1", "/b": "2"}
    followed = branch(cluster, repo, "collect-trigger-1")
    assert (followed.trigger.branch, followed.trigger.commits) == ("master", 2)
    assert followed.head.id == branch(cluster, repo, "master").head.id
    assert job.details.input.pfs.branch == "collect-trigger-1"


def test_a_named_branch_gets_the_trigger_and_keeps_its_files(cluster: Cluster, repo: str) -> None:
    cluster.put(repo, {"/a": "1"}, branch_name="ready")
    cluster.create(copies("named", repo, branch="ready", trigger={"branch": "incoming", "size": "10"}))
    assert cluster.finished_job("named").data_total == 1
    assert cluster.files("named") == {"/a": "1"}

    cluster.put(repo, {"/few": "123"}, branch_name="incoming")
    assert cluster.files("named") == {"/a": "1"}
    cluster.put(repo, {"/more": "1234567890"}, branch_name="incoming")

    assert cluster.finished_job("named").state == pps_pb2.JobState.JOB_SUCCESS
    assert cluster.files("named") == {"/few": "123", "/more": "1234567890"}


def test_updating_stopping_and_starting_keep_what_was_followed(cluster: Cluster, repo: str) -> None:
    cluster.create(copies("kept", repo, trigger={"commits": 1}))
    cluster.put(repo, {"/a": "1"})
    cluster.finished_job("kept")

    cluster.create(copies("kept", repo, trigger={"commits": 2}), update=True)
    assert cluster.finished_job("kept").data_skipped == 1
    assert branch(cluster, repo, "kept-trigger-1").trigger.commits == 2
    cluster.pps.StopPipeline(pps_pb2.StopPipelineRequest(pipeline=pps_pb2.Pipeline(name="kept")))
    cluster.put(repo, {"/b": "2"})
    cluster.put(repo, {"/c": "3"})
    cluster.pps.StartPipeline(pps_pb2.StartPipelineRequest(pipeline=pps_pb2.Pipeline(name="kept")))

    assert cluster.finished_job("kept").data_total == 3


def test_two_triggered_inputs_of_a_repo_are_counted(cluster: Cluster, repo: str) -> None:
    triggered = [pfs(repo, name=name, trigger={"commits": 1}) for name in ("one", "two")]
    spec = {"pipeline": {"name": "both"}, "transform": shell("true"), "input": {"union": triggered}}

    with pytest.raises(grpc.RpcError, match="multiple branches from the same repo"):
        cluster.create(spec)

    branches = cluster.pfs.ListBranch(pfs_pb2.ListBranchRequest(repo=pfs_pb2.Repo(name=repo, type="user")))
    assert not list(branches)


def test_a_trigger_never_cuts_another_pipeline_off(cluster: Cluster, repo: str) -> None:
    cluster.put(repo, {"/a": "1"})
    cluster.create(copies("upstream", repo))
    cluster.finished_job("upstream")

    with pytest.raises(grpc.RpcError, match="a branch cannot have both provenance and a trigger"):
        cluster.create(copies("below", "upstream", branch="master", trigger={"branch": "other", "commits": 1}))

    assert branch(cluster, "upstream", "master").direct_provenance
    with pytest.raises(grpc.RpcError, match="not found"):
        cluster.jobs("below")
    cluster.create(copies("below", "upstream", trigger={"commits": 1}))
    cluster.put(repo, {"/b": "2"})
    cluster.until(lambda: cluster.files("below") == {"/a": "1", "/b": "2"})


def test_before_its_pipeline_exists_a_triggered_input_has_no_datums(cluster: Cluster, repo: str) -> None:
    cluster.put(repo, {"/a": "1"})
    node = pps_pb2.Input(pfs=pps_pb2.PFSInput(repo=repo, glob="/*", trigger=pfs_pb2.Trigger(commits=1)))

    assert not list(cluster.pps.ListDatum(pps_pb2.ListDatumRequest(input=node)))
