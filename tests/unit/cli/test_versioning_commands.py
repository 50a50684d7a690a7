"""Commands for repos, branches, commits and files: what goes over the wire, and what is printed for what comes back."""

# ruff: noqa: N802 - the wire names the methods
import json
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import grpc
import pytest
from google.protobuf.empty_pb2 import Empty
from google.protobuf.timestamp_pb2 import Timestamp
from google.protobuf.wrappers_pb2 import BytesValue

from trunkline.cli import references as refer
from trunkline.proto import pfs_pb2, pfs_pb2_grpc, transaction_pb2, transaction_pb2_grpc

Pachctl = Callable[..., Any]
Serve = Callable[..., None]
Context = grpc.ServicerContext

ID = "7cdc0d0a1b9a4e8ea1a9a0fbd2cc7b0a"
OTHER_ID = "0a3f0d0a1b9a4e8ea1a9a0fbd2cc7b0b"


def ago(seconds: float) -> Timestamp:
    stamp = Timestamp()
    stamp.FromMilliseconds(int((time.time() - seconds) * 1000))
    return stamp


def commit_info(repo: str, identifier: str, **fields: Any) -> pfs_pb2.CommitInfo:
    message = refer.repo(repo, "default")
    return pfs_pb2.CommitInfo(
        commit=pfs_pb2.Commit(repo=message, id=identifier),
        origin=pfs_pb2.CommitOrigin(kind=pfs_pb2.USER),
        started=ago(200),
        **fields,
    )


class Store(pfs_pb2_grpc.APIServicer):
    """Remembers requests and answers with the same things every time."""

    def __init__(self) -> None:
        self.requests: list[Any] = []
        self.headers: dict[str, str] = {}

    def _record(self, request: Any, context: Context) -> None:
        self.requests.append(request)
        self.headers = {str(key): str(value) for key, value in context.invocation_metadata()}

    def CreateRepo(self, request: pfs_pb2.CreateRepoRequest, context: Context) -> Empty:
        self._record(request, context)
        return Empty()

    def CreateBranch(self, request: pfs_pb2.CreateBranchRequest, context: Context) -> Empty:
        self._record(request, context)
        return Empty()

    def ListRepo(self, request: pfs_pb2.ListRepoRequest, context: Context) -> Iterator[pfs_pb2.RepoInfo]:
        self._record(request, context)
        repo = refer.repo("images", "default")
        yield pfs_pb2.RepoInfo(repo=repo, created=ago(185), size_bytes_upper_bound=58654, description="photos")
        details = pfs_pb2.RepoInfo.Details(size_bytes=0)
        yield pfs_pb2.RepoInfo(repo=refer.repo("b", "default"), created=ago(7300), details=details)

    def InspectRepo(self, request: pfs_pb2.InspectRepoRequest, context: Context) -> pfs_pb2.RepoInfo:
        return pfs_pb2.RepoInfo(repo=request.repo, details=pfs_pb2.RepoInfo.Details(size_bytes=3))

    def DeleteRepo(self, request: pfs_pb2.DeleteRepoRequest, context: Context) -> pfs_pb2.DeleteRepoResponse:
        return pfs_pb2.DeleteRepoResponse(deleted=request.repo.name == "images")

    def ListBranch(self, request: pfs_pb2.ListBranchRequest, context: Context) -> Iterator[pfs_pb2.BranchInfo]:
        yield pfs_pb2.BranchInfo(
            branch=pfs_pb2.Branch(repo=request.repo, name="staging"),
            head=pfs_pb2.Commit(id=ID),
            trigger=pfs_pb2.Trigger(branch="master", size="1K", commits=3),
            created_at=ago(185),
        )
        yield pfs_pb2.BranchInfo(branch=pfs_pb2.Branch(repo=request.repo, name="master"))

    def ListCommit(self, request: pfs_pb2.ListCommitRequest, context: Context) -> Iterator[pfs_pb2.CommitInfo]:
        self._record(request, context)
        yield commit_info("images", ID, size_bytes_upper_bound=10)
        yield commit_info(
            "images", OTHER_ID, finished=ago(190), details=pfs_pb2.CommitInfo.Details(size_bytes=3), description="one"
        )

    def ListCommitSet(self, request: pfs_pb2.ListCommitSetRequest, context: Context) -> Iterator[pfs_pb2.CommitSetInfo]:
        self._record(request, context)
        commits = [commit_info("images", ID, finished=ago(185)), commit_info("edges", ID)]
        yield pfs_pb2.CommitSetInfo(commit_set=pfs_pb2.CommitSet(id=ID), commits=commits)
        yield pfs_pb2.CommitSetInfo(commit_set=pfs_pb2.CommitSet(id=OTHER_ID), commits=commits[:1])

    def InspectCommitSet(
        self, request: pfs_pb2.InspectCommitSetRequest, context: Context
    ) -> Iterator[pfs_pb2.CommitInfo]:
        self._record(request, context)
        yield commit_info("edges.meta", request.commit_set.id)

    def InspectCommit(self, request: pfs_pb2.InspectCommitRequest, context: Context) -> pfs_pb2.CommitInfo:
        self._record(request, context)
        return commit_info("images", ID, finished=ago(185), parent_commit=pfs_pb2.Commit(id=OTHER_ID))

    def ListFile(self, request: pfs_pb2.ListFileRequest, context: Context) -> Iterator[pfs_pb2.FileInfo]:
        self._record(request, context)
        yield pfs_pb2.FileInfo(file=pfs_pb2.File(path="/a"), file_type=pfs_pb2.FILE, size_bytes=1500)
        yield pfs_pb2.FileInfo(file=pfs_pb2.File(path="/d/"), file_type=pfs_pb2.DIR, size_bytes=2)

    def GlobFile(self, request: pfs_pb2.GlobFileRequest, context: Context) -> Iterator[pfs_pb2.FileInfo]:
        self._record(request, context)
        yield pfs_pb2.FileInfo(file=pfs_pb2.File(path="/a"), size_bytes=7)

    def ModifyFile(self, request_iterator: Iterator[pfs_pb2.ModifyFileRequest], context: Context) -> Empty:
        self.requests += list(request_iterator)
        return Empty()

    def GetFile(self, request: pfs_pb2.GetFileRequest, context: Context) -> Iterator[BytesValue]:
        if request.file.path == "/":
            context.abort(
                grpc.StatusCode.INVALID_ARGUMENT, "cannot get directory or non-regular file. Use GetFileTAR instead"
            )
        data = b"hello\nworld\n"[request.offset :]
        yield BytesValue(value=data[:3])
        yield BytesValue(value=data[3:])


class Transactions(transaction_pb2_grpc.APIServicer):
    def StartTransaction(
        self, request: transaction_pb2.StartTransactionRequest, context: Context
    ) -> transaction_pb2.Transaction:
        return transaction_pb2.Transaction(id=ID)

    def FinishTransaction(
        self, request: transaction_pb2.FinishTransactionRequest, context: Context
    ) -> transaction_pb2.TransactionInfo:
        return transaction_pb2.TransactionInfo(
            transaction=request.transaction, requests=[transaction_pb2.TransactionRequest()]
        )


@pytest.fixture
def store(serve: Serve) -> Store:
    store = Store()
    serve(store, Transactions())
    return store


def test_repos_are_listed_with_exact_sizes_or_bounds(pachctl: Pachctl, store: Store) -> None:
    outcome = pachctl("list", "repo")

    assert outcome.out == (
        "PROJECT   NAME     CREATED         SIZE (MASTER)   DESCRIPTION\n"
        "default   images   3 minutes ago   ≤ 57.28KiB      photos\n"
        "default   b        2 hours ago     0B\n"
    )
    assert [project.name for project in store.requests[0].projects] == ["default"]
    assert store.requests[0].type == "user"


def test_all_repos_of_all_projects_are_asked_for(pachctl: Pachctl, store: Store) -> None:
    pachctl("list", "repo", "--all", "-A")

    assert (store.requests[0].type, list(store.requests[0].projects)) == ("", [])


def test_raw_prints_objects_with_the_names_of_the_wire(pachctl: Pachctl, store: Store) -> None:
    outcome = pachctl("list", "repo", "--raw")

    first, _ = json.JSONDecoder().raw_decode(outcome.out)
    assert first["size_bytes_upper_bound"] == "58654"
    assert first["repo"] == {"name": "images", "type": "user", "project": {"name": "default"}}
    assert outcome.out.startswith('{\n  "repo": {\n')


def test_raw_prints_yaml_too(pachctl: Pachctl, store: Store) -> None:
    outcome = pachctl("inspect", "repo", "images", "--raw", "-o", "yaml")

    expected = "repo:\n  name: images\n  type: user\n  project:\n    name: default\ndetails:\n  size_bytes: '3'\n"
    assert outcome.out == expected


def test_full_timestamps_are_rfc_3339(pachctl: Pachctl, store: Store) -> None:
    line = pachctl("list", "repo", "--full-timestamps").out.splitlines()[1]

    assert "T" in line.split()[2]
    assert line.split()[2].endswith("Z")


def test_a_repo_is_created_in_the_project_of_the_context_or_the_named_one(pachctl: Pachctl, store: Store) -> None:
    pachctl("config", "update", "context", "--project", "photos")
    pachctl("create", "repo", "images", "-d", "raw ones")
    pachctl("update", "repo", "images", "--project", "other")

    created, updated = store.requests
    assert (created.repo.project.name, created.description, created.update) == ("photos", "raw ones", False)
    assert (updated.repo.project.name, updated.update) == ("other", True)


def test_deleting_a_missing_repo_says_so(pachctl: Pachctl, store: Store) -> None:
    assert pachctl("delete", "repo", "images").err == ""
    assert pachctl("delete", "repo", "nope").err == "repo default/nope does not exist\n"


def test_branches_show_their_triggers(pachctl: Pachctl, store: Store) -> None:
    assert pachctl("list", "branch", "images").out == (
        "BRANCH    HEAD                               TRIGGER                          CREATOR   CREATED\n"
        f"staging   {ID}   master on size 1K or commits 3   -         3 minutes ago\n"
        "master    -                                  -                                -         -\n"
    )


def test_a_branch_is_created_with_provenance_head_and_trigger(pachctl: Pachctl, store: Store) -> None:
    pachctl("create", "branch", "edges@master", "-p", "images@master,models@v1", "-p", "c@x", "--head", ID)
    pachctl("create", "branch", "images@s", "-t", "master", "--trigger-size", "1K", "--trigger-all")

    first, second = store.requests
    assert [f"{source.repo.name}@{source.name}" for source in first.provenance] == [
        "images@master",
        "models@v1",
        "c@x",
    ]
    assert (first.head.repo.name, first.head.id) == ("edges", ID)
    assert second.trigger == pfs_pb2.Trigger(branch="master", size="1K", all=True)


def test_trigger_conditions_need_a_branch_to_follow(pachctl: Pachctl, store: Store) -> None:
    outcome = pachctl("create", "branch", "images@s", "--trigger-size", "1K")

    assert outcome.code == 1
    assert "trigger conditions need --trigger" in outcome.err


def test_commit_sets_are_listed_with_their_progress(pachctl: Pachctl, store: Store) -> None:
    assert pachctl("list", "commits").out == (
        "ID                                 SUBCOMMITS   PROGRESS   CREATED         MODIFIED\n"
        f"{ID}   2            1 / 2      3 minutes ago   3 minutes ago\n"
        f"{OTHER_ID}   1            1 / 1      3 minutes ago   3 minutes ago\n"
    )


def test_fewer_commit_sets_are_listed_on_demand(pachctl: Pachctl, store: Store) -> None:
    assert len(pachctl("list", "commit", "-n", "1").out.splitlines()) == 2


def test_commits_of_a_repo_are_listed(pachctl: Pachctl, store: Store) -> None:
    outcome = pachctl("list", "commit", "images@master", "--from", OTHER_ID, "-n", "5", "--origin", "user")

    assert outcome.out == (
        "PROJECT   REPO     COMMIT                             FINISHED        SIZE   ORIGIN   CREATOR   DESCRIPTION\n"
        f"default   images   {ID}   -               -      USER     -\n"
        f"default   images   {OTHER_ID}   3 minutes ago   3B     USER     -         one\n"
    )
    [request] = store.requests
    assert (request.repo.name, request.to.branch.name, getattr(request, "from").id) == ("images", "master", OTHER_ID)
    assert (request.number, request.origin_kind) == (5, pfs_pb2.USER)


def test_an_id_lists_the_commits_of_the_set(pachctl: Pachctl, store: Store) -> None:
    outcome = pachctl("list", "commit", ID)

    assert outcome.out.splitlines()[1].split()[:3] == ["default", "edges.meta", ID]
    assert store.requests[0].wait is False


def test_waiting_for_a_commit_asks_for_the_finished_one(pachctl: Pachctl, store: Store) -> None:
    outcome = pachctl("wait", "commit", "images@master")

    assert store.requests[0].wait == pfs_pb2.FINISHED
    assert outcome.out == (
        f"Commit: images@{ID}\nParent: {OTHER_ID}\nOrigin: USER\n"
        "Started: 3 minutes ago\nFinished: 3 minutes ago\nSize: ≤ 0B\n"
    )


def test_waiting_for_an_id_waits_for_its_set(pachctl: Pachctl, store: Store) -> None:
    assert pachctl("wait", "commit", ID).code == 0

    assert (store.requests[0].commit_set.id, store.requests[0].wait) == (ID, True)


def test_files_are_listed_from_the_root_by_default(pachctl: Pachctl, store: Store) -> None:
    outcome = pachctl("list", "files", "images@master")

    assert outcome.out == "SIZE       NAME\n1.465KiB   /a\n2B         /d/\n"
    assert store.requests[0].file.path == "/"


def test_patterns_are_left_as_they_are(pachctl: Pachctl, store: Store) -> None:
    assert pachctl("glob", "file", "images@master:/**.{png,jpg}").out == "SIZE   NAME\n7B     /a\n"

    assert store.requests[0].pattern == "/**.{png,jpg}"


def test_a_file_is_put_with_one_edit(pachctl: Pachctl, store: Store, tmp_path: Path) -> None:
    (tmp_path / "f").write_bytes(b"abc")

    outcome = pachctl("put", "file", "images@master:/a", "-f", str(tmp_path / "f"))

    assert (outcome.code, outcome.out, outcome.err) == (0, "", "")
    commit, delete, add = store.requests
    assert (commit.set_commit.branch.name, commit.set_commit.repo.name) == ("master", "images")
    assert delete.delete_file.path == "/a"
    assert (add.add_file.path, add.add_file.raw.value) == ("/a", b"abc")


def test_an_edit_that_cannot_read_its_source_does_not_happen(pachctl: Pachctl, store: Store, tmp_path: Path) -> None:
    (tmp_path / "there").write_bytes(b"abc")
    sources = ["-f", str(tmp_path / "there"), "-f", str(tmp_path / "missing")]

    outcome = pachctl("put", "file", "images@master", *sources)

    assert (outcome.code, outcome.err) == (1, f"error: {tmp_path}/missing: No such file or directory\n")
    assert store.requests == []


def test_sources_come_from_a_list(pachctl: Pachctl, store: Store, tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"1")
    (tmp_path / "list").write_text(f"{tmp_path}/a\n\n")

    pachctl("put", "file", "images@master", "-i", str(tmp_path / "list"))

    assert store.requests[-1].add_file.path == "/a"


def test_deleting_a_directory_sends_its_slash(pachctl: Pachctl, store: Store) -> None:
    pachctl("delete", "file", "images@master:/d", "-r")

    assert store.requests[1].delete_file.path == "/d/"


def test_a_copy_names_source_and_target(pachctl: Pachctl, store: Store) -> None:
    pachctl("copy", "file", "images@master:/a", "edges@v1:/b", "--src-project", "other")

    commit, copy = store.requests
    assert (commit.set_commit.repo.name, commit.set_commit.branch.name) == ("edges", "v1")
    assert (copy.copy_file.dst, copy.copy_file.src.path) == ("/b", "/a")
    assert copy.copy_file.src.commit.repo.project.name == "other"


def test_a_file_goes_to_standard_output(pachctl: Pachctl, store: Store) -> None:
    assert pachctl("get", "file", "images@master:/a", "--offset", "6").out == "world\n"


@pytest.mark.parametrize(("output", "written"), [("x", "x"), (".", "a")])
def test_a_file_is_written_where_it_was_wanted(
    pachctl: Pachctl, store: Store, tmp_path: Path, output: str, written: str
) -> None:
    outcome = pachctl("get", "file", "images@master:/a", "-o", str(tmp_path / output))

    assert (outcome.code, outcome.out) == (0, "")
    assert (tmp_path / written).read_bytes() == b"hello\nworld\n"


def test_getting_a_directory_as_a_file_says_how(pachctl: Pachctl, store: Store) -> None:
    outcome = pachctl("get", "file", "images@master:/")

    assert outcome.code == 1
    assert outcome.err == "error: images@master:/ is not one file: use -r with --output DIRECTORY\n"


def test_commands_join_the_active_transaction_until_it_is_finished(pachctl: Pachctl, store: Store) -> None:
    assert pachctl("start", "transaction").out == f"{ID}\n"
    assert pachctl("create", "repo", "images").err == f"Added to transaction: {ID}\n"
    assert store.headers["pach-transaction"] == ID
    assert pachctl("start", "transaction").code == 1
    assert pachctl("finish", "transaction").err == f"Completed transaction with 1 requests: {ID}\n"
    assert pachctl("create", "repo", "images").err == ""
    assert "pach-transaction" not in store.headers


def test_a_transaction_can_be_left(pachctl: Pachctl, store: Store) -> None:
    pachctl("start", "transaction")

    assert pachctl("stop", "transaction").code == 0
    assert pachctl("stop", "transaction").err == "error: no transaction is active; `start transaction` starts one\n"
