"""The output of a pipeline can be forgotten, and the pipeline goes on."""

import grpc
import pytest

from trunkline.proto import pfs_pb2
from trunkline.proto.pfs_pb2 import BranchPicker, CommitPicker, ForgetCommitRequest, ProjectPicker, RepoPicker
from trunkline.testing.cluster import Cluster, pfs, shell


def picked(repo: str, *, up: int) -> CommitPicker:
    name = RepoPicker.RepoName(project=ProjectPicker(name="default"), name=repo, type="user")
    branch = BranchPicker.BranchName(repo=RepoPicker(name=name), name="master")
    head = CommitPicker(branch_head=BranchPicker(name=branch))
    return CommitPicker(ancestor=CommitPicker.AncestorOf(offset=up, start=head))


def older(repo: str) -> pfs_pb2.Commit:
    return pfs_pb2.Commit(repo=pfs_pb2.Repo(name=repo), id="master^")


def test_a_forgotten_output_is_gone_and_the_next_job_skips_what_it_has(cluster: Cluster) -> None:
    cluster.create_repo("in")
    cluster.put("in", {"/a": "1"})
    for name, source in (("copy", "in"), ("again", "copy")):
        transform = shell(f"cp /pfs/{source}/* /pfs/out/")
        cluster.create({"pipeline": {"name": name}, "input": pfs(source), "transform": transform})
    cluster.put("in", {"/b": "2"})
    assert cluster.finished_job("again").state

    cluster.pfs.ForgetCommit(ForgetCommitRequest(commit=picked("copy", up=1)))
    cluster.pfs.ForgetCommit(ForgetCommitRequest(commit=picked("copy", up=1)))

    with pytest.raises(grpc.RpcError, match="the commit is forgotten") as caught:
        cluster.read(older("copy"), "/a")
    assert caught.value.code() == grpc.StatusCode.FAILED_PRECONDITION
    everything = pfs_pb2.File(commit=pfs_pb2.Commit(repo=pfs_pb2.Repo(name="copy"), id="master"), path="/")
    with pytest.raises(grpc.RpcError, match="the commit is forgotten"):
        list(cluster.pfs.DiffFile(pfs_pb2.DiffFileRequest(new_file=everything)))
    assert cluster.pfs.InspectCommit(pfs_pb2.InspectCommitRequest(commit=older("copy"))).details.size_bytes == 1
    cluster.put("in", {"/c": "3"})
    for name in ("copy", "again"):
        job = cluster.finished_job(name)
        assert (job.data_processed, job.data_skipped) == (1, 2)
        assert cluster.files(name) == {"/a": "1", "/b": "2", "/c": "3"}
    assert not list(cluster.pfs.Fsck(pfs_pb2.FsckRequest(zombie_all=True)))
    with cluster.server.versioning.reading() as tx:
        layers = tx.connection.exec_driver_sql(
            "SELECT layer FROM datum_sets JOIN jobs ON jobs.key = datum_sets.job JOIN commits ON "
            "commits.key = jobs.output_commit WHERE commits.forgotten_at IS NOT NULL"
        )
        assert set(layers.scalars()) == {""}
