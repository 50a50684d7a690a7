"""Updates that change what a pipeline is: where it writes, and whether it has jobs at all."""

from typing import Any

import grpc
import pytest

from trunkline.proto import pfs_pb2, pps_pb2
from trunkline.testing.cluster import Cluster, pfs, shell


def copies(pipeline: str, repo: str, **more: Any) -> dict[str, Any]:
    transform = shell("cp /pfs/data/* /pfs/out")
    return {"pipeline": {"name": pipeline}, "transform": transform, "input": pfs(repo, name="data"), **more}


def open_commits(cluster: Cluster, repo: str, type_: str) -> list[pfs_pb2.CommitInfo]:
    request = pfs_pb2.ListCommitRequest(repo=pfs_pb2.Repo(name=repo, type=type_))
    return [info for info in cluster.pfs.ListCommit(request) if not info.HasField("finished")]


def inspect(cluster: Cluster, pipeline: str) -> pps_pb2.PipelineInfo:
    request = pps_pb2.InspectPipelineRequest(pipeline=pps_pb2.Pipeline(name=pipeline), details=True)
    return cluster.pps.InspectPipeline(request)


def test_another_output_branch_gets_the_results_and_the_old_one_stays(cluster: Cluster, repo: str) -> None:
    cluster.put(repo, {"/a": "1"})
    cluster.create(copies("moved", repo))
    cluster.finished_job("moved")
    cluster.create(copies("reader", "moved"))
    cluster.finished_job("reader")

    cluster.create(copies("moved", repo, output_branch="next"), update=True)
    cluster.finished_job("moved")
    cluster.put(repo, {"/b": "2"})
    cluster.finished_job("moved")

    assert cluster.files("moved", "next") == {"/a": "1", "/b": "2"}
    assert cluster.files("moved", "master") == {"/a": "1"}
    assert len(cluster.jobs("reader")) == 1
    assert not open_commits(cluster, "moved", "user")
    assert not open_commits(cluster, "moved", "meta")
    assert not list(cluster.pfs.Fsck(pfs_pb2.FsckRequest()))


def test_what_becomes_a_spout_and_a_transform_again_leaves_nothing_open(cluster: Cluster, repo: str) -> None:
    cluster.put(repo, {"/a": "1"})
    cluster.create(copies("turns", repo))
    cluster.finished_job("turns")

    cluster.create({"pipeline": {"name": "turns"}, "transform": shell("sleep 600"), "spout": {}}, update=True)
    cluster.put(repo, {"/b": "2"})

    assert not open_commits(cluster, "turns", "meta")
    assert inspect(cluster, "turns").reason == ""
    cluster.create(copies("turns", repo), update=True)
    assert cluster.finished_job("turns").data_total == 2
    assert cluster.files("turns") == {"/a": "1", "/b": "2"}


@pytest.mark.parametrize("type_", ["user", "meta"])
def test_people_cannot_cut_a_running_pipeline_off_from_its_inputs(cluster: Cluster, repo: str, type_: str) -> None:
    name = f"guarded-{type_}"
    cluster.put(repo, {"/a": "1"})
    cluster.create(copies(name, repo))
    cluster.finished_job(name)
    output = pfs_pb2.Branch(name="master", repo=pfs_pb2.Repo(name=name, type=type_))
    other = pfs_pb2.Branch(name="other", repo=pfs_pb2.Repo(name=repo, type="user"))

    for request in (
        pfs_pb2.CreateBranchRequest(branch=output),
        pfs_pb2.CreateBranchRequest(branch=output, provenance=[other]),
        pfs_pb2.CreateBranchRequest(branch=output, trigger=pfs_pb2.Trigger(branch="other", commits=1)),
    ):
        with pytest.raises(grpc.RpcError, match="is written by a pipeline, whose spec says what") as refused:
            cluster.pfs.CreateBranch(request)
        assert refused.value.code() == grpc.StatusCode.FAILED_PRECONDITION

    cluster.put(repo, {"/b": "2"})
    assert cluster.finished_job(name).data_total == 2
    kept = pfs_pb2.Branch(name="kept", repo=output.repo)
    head = pfs_pb2.Commit(branch=output, repo=output.repo)
    cluster.pfs.CreateBranch(pfs_pb2.CreateBranchRequest(branch=kept, head=head))


def test_another_salt_and_every_reprocess_run_all_datums_again(cluster: Cluster, repo: str) -> None:
    cluster.put(repo, {"/a": "1"})
    seen = []
    for salt, reprocess in (("one", False), ("one", False), ("two", False), ("two", True), ("two", False), ("", False)):
        cluster.create(copies("salted", repo, salt=salt), update=bool(seen), reprocess=reprocess)
        job = cluster.finished_job("salted")
        seen.append((job.data_processed, job.details.salt))

    assert [processed for processed, _ in seen] == [1, 0, 1, 1, 0, 0]
    assert [salt for _, salt in seen[:3]] == ["one", "one", "two"]
    rerun = pps_pb2.RerunPipelineRequest(pipeline=pps_pb2.Pipeline(name="salted"), reprocess=True)
    cluster.pps.RerunPipeline(rerun)
    assert cluster.finished_job("salted").data_processed == 1
