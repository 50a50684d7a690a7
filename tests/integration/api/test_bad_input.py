"""What is wrong is refused with the right code and phrase, and leaves the commit as it was."""

import threading
from collections.abc import Iterator

import grpc
import pytest

from trunkline.proto import pfs_pb2
from trunkline.proto.pfs_pb2 import Branch, Commit, ModifyFileRequest, Repo
from trunkline.testing.doors import Story, add, at, copy, delete

INVALID = grpc.StatusCode.INVALID_ARGUMENT


@pytest.fixture
def commit(story: Story) -> Iterator[Commit]:
    """An open commit with one file; it still has exactly that at the end, and can be finished."""
    commit = story.start()
    story.put(commit, add("/before", "1"))
    yield commit
    assert story.read(commit) == {"/before": "1"}
    story.finish(commit)
    assert story.read(at("in")) == {"/before": "1"}


@pytest.mark.parametrize(
    ("path", "phrase"),
    [
        ("/../etc/passwd", "relative file paths are not allowed"),
        ("/a/./b", "relative file paths are not allowed"),
        ("/a*", r"globbing character \(\*\) not allowed in path"),
        ("/\u00e9", "only printable ASCII characters allowed"),
        ("/line\nbreak", "only printable ASCII characters allowed"),
        ("/d/", "names a directory"),
        ("/", "names a directory"),
        ("", "names a directory"),
    ],
)
def test_no_file_gets_an_impossible_path(story: Story, commit: Commit, path: str, phrase: str) -> None:
    with pytest.raises(grpc.RpcError, match=phrase) as caught:
        story.put(commit, add("/good", "1"), add(path, "1"))

    assert caught.value.code() == INVALID
    details = caught.value.details() or ""
    assert "path (" in details
    assert ") invalid" in details


def test_a_copy_of_a_directory_cannot_climb_out_either(story: Story, commit: Commit) -> None:
    with pytest.raises(grpc.RpcError, match="relative file paths are not allowed"):
        story.put(commit, copy(commit, "/before", "/../before"))


@pytest.mark.parametrize(
    ("requests", "phrase"),
    [
        ([], "first message must be a commit"),
        ([add("/a", "1")], "first message must be a commit"),
        ([ModifyFileRequest(set_commit=at("in")), ModifyFileRequest(set_commit=at("in"))], "cannot set commit"),
        ([ModifyFileRequest(set_commit=at("in")), ModifyFileRequest()], "neither what to add, to delete nor to copy"),
        ([ModifyFileRequest(set_commit=Commit(id="master"))], "cannot pick commit with no repo"),
        ([ModifyFileRequest(set_commit=Commit(repo=Repo(name="in")))], "cannot pick commit with no ID or branch"),
        ([ModifyFileRequest(set_commit=at("in")), copy(Commit(), "/a", "/b")], "cannot pick commit with no repo"),
    ],
)
def test_streams_out_of_order_are_refused(
    story: Story, commit: Commit, requests: list[ModifyFileRequest], phrase: str
) -> None:
    with pytest.raises(grpc.RpcError, match=phrase) as caught:
        story.pfs.ModifyFile(iter(requests))
    assert caught.value.code() == INVALID


def test_a_stream_that_is_cut_leaves_nothing(story: Story, commit: Commit) -> None:
    """The client goes away between two messages."""
    sent, gone = threading.Event(), threading.Event()

    def requests() -> Iterator[ModifyFileRequest]:
        yield ModifyFileRequest(set_commit=commit)
        yield add("/half", "1" * 1_000_000)
        sent.set()
        gone.wait()

    call = story.pfs.ModifyFile.future(requests())
    sent.wait()
    call.cancel()
    gone.set()

    with pytest.raises(grpc.FutureCancelledError):
        call.result()


def test_a_message_beyond_the_limit_is_refused_and_one_below_it_is_not(story: Story) -> None:
    with pytest.raises(grpc.RpcError) as caught:
        story.put(at("in"), add("/large", bytes(20 * 1024 * 1024 + 1)))
    assert caught.value.code() == grpc.StatusCode.RESOURCE_EXHAUSTED

    story.put(at("in"), add("/large", bytes(19 * 1024 * 1024)))
    info = story.pfs.InspectFile(pfs_pb2.InspectFileRequest(file=pfs_pb2.File(commit=at("in"), path="/large")))
    assert info.size_bytes == 19 * 1024 * 1024


COLLISIONS = [
    ([add("/a/b", "2")], "file / directory path collision (/a)"),
    (
        [add("/d", "1", datum="one"), add("/d", "2", datum="two")],
        "duplicate path output by different datums (/d from one and /d from two)",
    ),
]


@pytest.mark.parametrize(("requests", "error"), COLLISIONS)
def test_a_put_of_what_does_not_go_together_is_refused_and_leaves_nothing(
    story: Story, requests: list[pfs_pb2.ModifyFileRequest], error: str
) -> None:
    story.put(at("in"), add("/a", "1"))
    before = story.head()

    with pytest.raises(grpc.RpcError) as refused:
        story.put(at("in"), *requests)

    assert (refused.value.code(), refused.value.details()) == (INVALID, f"{error}: nothing was put")
    assert story.head() == before
    assert len(list(story.pfs.ListCommit(pfs_pb2.ListCommitRequest(repo=Repo(name="in"))))) == 1
    assert story.read(at("in")) == {"/a": "1"}


@pytest.mark.parametrize(("requests", "error"), COLLISIONS)
def test_a_commit_of_what_does_not_go_together_finishes_with_an_error_and_is_no_base(
    story: Story, requests: list[pfs_pb2.ModifyFileRequest], error: str
) -> None:
    story.put(at("in"), add("/a", "1"))
    commit = story.start()
    story.put(commit, *requests)
    story.finish(commit)

    failed = story.info(commit)
    assert failed.error == error
    assert failed.HasField("finished")
    story.put(at("in"), add("/c", "3"))
    assert story.read(at("in")) == {"/a": "1", "/c": "3"}


@pytest.mark.parametrize(
    ("reference", "code", "phrase"),
    [
        (Commit(repo=Repo(name="in"), id="1" * 12 + "4" + "1" * 19), grpc.StatusCode.NOT_FOUND, "commit .* not found"),
        (
            Commit(repo=Repo(name="absent"), id="master"),
            grpc.StatusCode.NOT_FOUND,
            r"repo \(id=0, project=default, name=absent, type=user\) not found: repo default/absent not found",
        ),
        (at("in@absent"), grpc.StatusCode.NOT_FOUND, 'branch "absent" not found in repo default/in'),
        (Commit(repo=Repo(name="in"), id="master^9"), grpc.StatusCode.NOT_FOUND, "not found"),
        (Commit(repo=Repo(name="in"), id="master^~"), INVALID, "not mixed"),
        (Commit(repo=Repo(name="in")), INVALID, "cannot pick commit with no ID or branch"),
        (Commit(id="master"), INVALID, "cannot pick commit with no repo"),
    ],
)
def test_commits_that_are_not_there_say_so(story: Story, reference: Commit, code: grpc.StatusCode, phrase: str) -> None:
    story.put(at("in"), add("/a", "1"))

    with pytest.raises(grpc.RpcError, match=phrase) as caught:
        story.info(reference)
    assert caught.value.code() == code


def test_finished_commits_take_nothing(story: Story) -> None:
    story.put(at("in"), add("/a", "1"))
    finished = story.head()

    with pytest.raises(grpc.RpcError, match="has already finished") as put:
        story.put(finished, delete("/a"))
    with pytest.raises(grpc.RpcError, match="has already finished") as finish:
        story.finish(finished)
    assert (put.value.code(), finish.value.code()) == (grpc.StatusCode.UNKNOWN, grpc.StatusCode.UNKNOWN)
    with pytest.raises(grpc.RpcError, match="cannot clear finished commit"):
        story.pfs.ClearCommit(pfs_pb2.ClearCommitRequest(commit=finished))
    assert story.read(at("in")) == {"/a": "1"}


def test_graphs_that_cannot_be_are_refused_whole(story: Story) -> None:
    """A cycle, and a graph with two branches of one repo."""
    for name in ("middle", "out"):
        story.make_repo(name)

    def compute(branch: str, *sources: str) -> None:
        provenance = [at(source).branch for source in sources]
        story.pfs.CreateBranch(pfs_pb2.CreateBranchRequest(branch=at(branch).branch, provenance=provenance))

    compute("middle", "in")
    with pytest.raises(grpc.RpcError, match="cycle detected") as cycle:
        compute("in", "middle")
    with pytest.raises(grpc.RpcError, match=r"multiple branches from the same repo, .+, cannot participate in a DAG"):
        compute("out", "middle", "in@other")

    assert cycle.value.code() == grpc.StatusCode.INTERNAL
    names = {info.branch.repo.name: info.branch.name for info in story.pfs.ListBranch(pfs_pb2.ListBranchRequest())}
    assert names == {"in": "master", "middle": "master"}


@pytest.mark.parametrize("name", ["a b", "a/b", "", "1" * 12 + "4" + "1" * 19])
def test_branches_get_no_impossible_names(story: Story, name: str) -> None:
    with pytest.raises(grpc.RpcError) as caught:
        story.pfs.CreateBranch(pfs_pb2.CreateBranchRequest(branch=Branch(repo=Repo(name="in"), name=name)))
    assert caught.value.code() == INVALID


def test_pages_are_bounded(story: Story) -> None:
    story.put(at("in"), add("/a", "1"))
    root = pfs_pb2.File(commit=at("in"), path="/")

    backwards, too_many = "number must be > 0 when reverse is true", "cannot return more than 100000 files at a time"
    with pytest.raises(grpc.RpcError, match=backwards):
        list(story.pfs.ListFile(pfs_pb2.ListFileRequest(file=root, reverse=True)))
    with pytest.raises(grpc.RpcError, match=backwards):
        list(story.pfs.WalkFile(pfs_pb2.WalkFileRequest(file=root, reverse=True)))
    with pytest.raises(grpc.RpcError, match=too_many):
        list(story.pfs.ListFile(pfs_pb2.ListFileRequest(file=root, number=100_001)))
    with pytest.raises(grpc.RpcError, match=too_many):
        list(story.pfs.WalkFile(pfs_pb2.WalkFileRequest(file=root, number=100_001)))
    assert not list(story.pfs.ListFile(pfs_pb2.ListFileRequest(file=pfs_pb2.File(commit=at("in"), path="/absent"))))
    with pytest.raises(grpc.RpcError, match="does not contain item"):
        list(story.pfs.WalkFile(pfs_pb2.WalkFileRequest(file=pfs_pb2.File(commit=at("in"), path="/absent"))))


def test_the_root_of_an_empty_commit_is_walked_and_not_found(story: Story) -> None:
    root = pfs_pb2.File(commit=story.start(), path="/")

    assert not list(story.pfs.WalkFile(pfs_pb2.WalkFileRequest(file=root)))
    with pytest.raises(grpc.RpcError, match="file / not found in repo default/in"):
        story.pfs.InspectFile(pfs_pb2.InspectFileRequest(file=root))
