"""A pipeline whose input was deleted says so wherever it is looked at, and goes on when the input is back."""

from collections.abc import Callable, Iterator
from pathlib import Path

import grpc
import pytest

from trunkline.proto import pfs_pb2, pps_pb2
from trunkline.testing.cluster import Cluster, open_cluster, pfs, shell


def copy(_: object, __: object, seen: dict[str, bytes]) -> dict[str, bytes]:
    return {"/" + place.partition("/")[2]: content for place, content in seen.items()}


@pytest.fixture
def cluster(tmp_path: Path) -> Iterator[Cluster]:
    opened, close = open_cluster(tmp_path / "home", program=copy)
    yield opened
    close()


def in_project(name: str) -> pfs_pb2.Repo:
    return pfs_pb2.Repo(project=pfs_pb2.Project(name="far"), name=name, type="user")


def put(cluster: Cluster, repo: pfs_pb2.Repo, path: str) -> None:
    commit = pfs_pb2.Commit(branch=pfs_pb2.Branch(name="master", repo=repo))
    add = pfs_pb2.AddFile(path=path, raw={"value": b"1"})
    cluster.pfs.ModifyFile(
        iter([pfs_pb2.ModifyFileRequest(set_commit=commit), pfs_pb2.ModifyFileRequest(add_file=add)])
    )


def make_far(cluster: Cluster) -> None:
    cluster.pfs.CreateProject(pfs_pb2.CreateProjectRequest(project=pfs_pb2.Project(name="far")))
    cluster.pfs.CreateRepo(pfs_pb2.CreateRepoRequest(repo=in_project("in")))


def inspect(cluster: Cluster) -> pps_pb2.PipelineInfo:
    return cluster.pps.InspectPipeline(
        pps_pb2.InspectPipelineRequest(pipeline=pps_pb2.Pipeline(name="reader"), details=True)
    )


def delete_project(cluster: Cluster) -> None:
    cluster.pfs.DeleteProject(pfs_pb2.DeleteProjectRequest(project=pfs_pb2.Project(name="far"), force=True))


def delete_repo(cluster: Cluster) -> None:
    cluster.pfs.DeleteRepo(pfs_pb2.DeleteRepoRequest(repo=in_project("in"), force=True))


def delete_branch(cluster: Cluster) -> None:
    branch = pfs_pb2.Branch(name="master", repo=in_project("in"))
    cluster.pfs.DeleteBranch(pfs_pb2.DeleteBranchRequest(branch=branch, force=True))


@pytest.mark.parametrize("delete", [delete_project, delete_repo, delete_branch])
def test_a_pipeline_says_that_its_input_is_gone_until_it_is_back(
    cluster: Cluster, delete: Callable[[Cluster], None]
) -> None:
    make_far(cluster)
    put(cluster, in_project("in"), "/a")
    source = pfs("in")
    source["pfs"]["project"] = "far"
    cluster.create({"pipeline": {"name": "reader"}, "transform": shell("true"), "input": source})
    assert cluster.finished_job("reader").state == pps_pb2.JOB_SUCCESS

    delete(cluster)

    (listed,) = cluster.pps.ListPipeline(pps_pb2.ListPipelineRequest())
    for info in (listed, inspect(cluster)):
        assert info.state == pps_pb2.PIPELINE_FAILURE
        assert info.reason.startswith("input is gone: ")
        assert "far/in" in info.reason
    if delete is delete_project:
        make_far(cluster)
    elif delete is delete_repo:
        cluster.pfs.CreateRepo(pfs_pb2.CreateRepoRequest(repo=in_project("in")))
    put(cluster, in_project("in"), "/b")
    assert inspect(cluster).state == pps_pb2.PIPELINE_RUNNING
    assert cluster.finished_job("reader").state == pps_pb2.JOB_SUCCESS
    assert "/b" in cluster.files("reader")


def test_a_pipeline_with_two_inputs_goes_on_when_both_are_back(cluster: Cluster) -> None:
    cluster.create_repo("left")
    cluster.create_repo("right")
    cluster.put("left", {"/a": "1"})
    cluster.put("right", {"/b": "1"})
    both = {"union": [pfs("left"), pfs("right")]}
    cluster.create({"pipeline": {"name": "reader"}, "transform": shell("true"), "input": both})
    cluster.finished_job("reader")
    for name in ("left", "right"):
        repo = pfs_pb2.Repo(name=name, type="user")
        cluster.pfs.DeleteRepo(pfs_pb2.DeleteRepoRequest(repo=repo, force=True))

    cluster.create_repo("left")
    cluster.put("left", {"/c": "1"})
    assert inspect(cluster).reason.startswith("input is gone: repo default/right")
    cluster.create_repo("right")
    cluster.put("right", {"/d": "1"})

    assert inspect(cluster).state == pps_pb2.PIPELINE_RUNNING
    assert cluster.finished_job("reader").state == pps_pb2.JOB_SUCCESS
    assert cluster.files("reader") == {"/c": "1", "/d": "1"}


def test_a_failed_output_cannot_be_read_through_any_call(cluster: Cluster, tmp_path: Path) -> None:
    """Two datums write one path: which of the two would a reader get?"""
    opened, close = open_cluster(tmp_path / "colliding", program=lambda *_: {"/same": b"1"})
    try:
        opened.create_repo("in")
        opened.put("in", {"/a": "1", "/b": "2"})
        opened.create({"pipeline": {"name": "p"}, "transform": shell("true"), "input": pfs("in")})
        job = opened.finished_job("p")
        assert job.state == pps_pb2.JOB_FAILURE
        commit = pfs_pb2.Commit(branch=pfs_pb2.Branch(name="master", repo=pfs_pb2.Repo(name="p", type="user")))
        file = pfs_pb2.File(commit=commit, path="/same")
        at_root = pfs_pb2.File(commit=commit, path="/")
        calls: list[Callable[[], object]] = [
            lambda: list(opened.pfs.GetFile(pfs_pb2.GetFileRequest(file=file))),
            lambda: list(opened.pfs.GetFileTAR(pfs_pb2.GetFileRequest(file=at_root))),
            lambda: opened.pfs.InspectFile(pfs_pb2.InspectFileRequest(file=file)),
            lambda: list(opened.pfs.ListFile(pfs_pb2.ListFileRequest(file=at_root))),
            lambda: list(opened.pfs.WalkFile(pfs_pb2.WalkFileRequest(file=at_root))),
            lambda: list(opened.pfs.GlobFile(pfs_pb2.GlobFileRequest(commit=commit, pattern="**"))),
            lambda: list(opened.pfs.DiffFile(pfs_pb2.DiffFileRequest(new_file=at_root))),
            lambda: opened.pfs.GetFileSet(pfs_pb2.GetFileSetRequest(commit=commit)),
        ]
        for call in calls:
            with pytest.raises(grpc.RpcError) as raised:
                call()
            assert raised.value.code() is grpc.StatusCode.FAILED_PRECONDITION
            assert "finished with an error: duplicate path output by different datums" in raised.value.details()
        assert opened.pfs.InspectCommit(pfs_pb2.InspectCommitRequest(commit=commit)).error
        commit.branch.repo.type = "meta"
        assert list(opened.pfs.WalkFile(pfs_pb2.WalkFileRequest(file=pfs_pb2.File(commit=commit, path="/"))))
    finally:
        close()
