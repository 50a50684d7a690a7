"""Requests that say too little, too much, or what does not fit together are refused and change nothing."""

from collections.abc import Callable, Iterator
from typing import Any

import grpc
import pytest

from trunkline.proto import pfs_pb2
from trunkline.proto.pfs_pb2 import AddFile, Branch, Commit, CopyFile, ModifyFileRequest, Repo
from trunkline.testing.doors import Story, add, at

Call = Callable[[Story], object]


def drain(answer: Any) -> object:
    return list(answer) if isinstance(answer, Iterator) else answer


def from_url(concurrency: int) -> ModifyFileRequest:
    source = AddFile.URLSource(URL="file:///etc/hostname", concurrency=concurrency)
    return ModifyFileRequest(add_file=AddFile(path="/u", url=source))


REFUSALS: dict[str, tuple[Call, str]] = {
    "project of inspect": (
        lambda story: story.pfs.InspectProject(pfs_pb2.InspectProjectRequest()),
        "validate request: InspectProjectRequest.project is required",
    ),
    "project of inspect v2": (
        lambda story: story.pfs.InspectProjectV2(pfs_pb2.InspectProjectV2Request()),
        "validate request: InspectProjectV2Request.project is required",
    ),
    "set to drop": (
        lambda story: story.pfs.DropCommitSet(pfs_pb2.DropCommitSetRequest()),
        "validate request: DropCommitSetRequest.commit_set is required",
    ),
    "source of a copy": (
        lambda story: story.put(at("in"), ModifyFileRequest(copy_file=CopyFile(dst="/a"))),
        "validate request: src",
    ),
    "file to inspect": (lambda story: story.pfs.InspectFile(pfs_pb2.InspectFileRequest()), "file cannot be nil"),
    "file to list": (lambda story: story.pfs.ListFile(pfs_pb2.ListFileRequest()), "file cannot be nil"),
    "file to walk": (lambda story: story.pfs.WalkFile(pfs_pb2.WalkFileRequest()), "file cannot be nil"),
    "file to get": (lambda story: story.pfs.GetFile(pfs_pb2.GetFileRequest()), "file cannot be nil"),
    "file to get as tar": (lambda story: story.pfs.GetFileTAR(pfs_pb2.GetFileRequest()), "file cannot be nil"),
    "file to compare": (lambda story: story.pfs.DiffFile(pfs_pb2.DiffFileRequest()), "file cannot be nil"),
    "negative offset": (
        lambda story: story.pfs.GetFile(
            pfs_pb2.GetFileRequest(file=pfs_pb2.File(commit=at("in"), path="/a"), offset=-1)
        ),
        r"offset \(-1\) must not be negative",
    ),
    "type of repo": (
        lambda story: story.pfs.CreateRepo(pfs_pb2.CreateRepoRequest(repo=Repo(name="in", type="odd"))),
        "repo type .*user, spec, meta",
    ),
    "connections of a URL": (lambda story: story.put(at("in"), from_url(1001)), "concurrency .* exceeds 1000"),
    "parent in another repo": (
        lambda story: story.pfs.StartCommit(
            pfs_pb2.StartCommitRequest(branch=Branch(repo=Repo(name="in"), name="new"), parent=at("other"))
        ),
        "parent commit default/other@.* is in another repo than branch default/in@new",
    ),
}


@pytest.mark.parametrize("name", REFUSALS)
def test_a_request_that_makes_no_sense_is_refused_and_changes_nothing(story: Story, name: str) -> None:
    call, message = REFUSALS[name]
    story.make_repo("other")
    story.put(at("other"), add("/b", "1"))
    story.put(at("in"), add("/a", "1"))
    before = list(story.pfs.ListCommit(pfs_pb2.ListCommitRequest()))

    with pytest.raises(grpc.RpcError, match=message) as caught:
        drain(call(story))

    assert caught.value.code() == grpc.StatusCode.INVALID_ARGUMENT
    assert list(story.pfs.ListCommit(pfs_pb2.ListCommitRequest())) == before
    assert {info.branch.name for info in story.pfs.ListBranch(pfs_pb2.ListBranchRequest())} == {"master"}


def test_a_cleared_commit_has_no_size(story: Story) -> None:
    commit = story.start()
    story.put(commit, add("/a", "12345"))
    assert story.info(commit).size_bytes_upper_bound == 5

    story.pfs.ClearCommit(pfs_pb2.ClearCommitRequest(commit=Commit(repo=Repo(name="in"), id=commit.id)))

    assert story.info(commit).size_bytes_upper_bound == 0
    assert story.read(commit) == {}
