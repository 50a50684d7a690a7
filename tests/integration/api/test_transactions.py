"""Transactions over the wire."""

from concurrent.futures import ThreadPoolExecutor

import grpc
import pytest
from google.protobuf.empty_pb2 import Empty

from trunkline.proto import pfs_pb2, transaction_pb2
from trunkline.proto.pfs_pb2 import Branch, Repo
from trunkline.proto.transaction_pb2 import Transaction, TransactionInfo, TransactionRequest
from trunkline.testing.doors import Story, add, at

Header = tuple[tuple[str, str]]


def begin(story: Story) -> tuple[Transaction, Header]:
    transaction = story.transactions.StartTransaction(transaction_pb2.StartTransactionRequest())
    return transaction, (("pach-transaction", transaction.id),)


def end(story: Story, transaction: Transaction) -> TransactionInfo:
    return story.transactions.FinishTransaction(transaction_pb2.FinishTransactionRequest(transaction=transaction))


def create_repo(name: str) -> pfs_pb2.CreateRepoRequest:
    return pfs_pb2.CreateRepoRequest(repo=Repo(name=name))


def repo_names(story: Story) -> list[str]:
    return sorted(info.repo.name for info in story.pfs.ListRepo(pfs_pb2.ListRepoRequest(type="user")))


def test_what_is_appended_happens_at_the_end_and_as_one(story: Story) -> None:
    """The commit's id is known at once: it is the transaction's."""
    story.make_repo("other")
    transaction, header = begin(story)

    story.pfs.CreateRepo(create_repo("new"), metadata=header)
    commits = [
        story.pfs.StartCommit(pfs_pb2.StartCommitRequest(branch=at(name).branch), metadata=header)
        for name in ("in", "other", "new")
    ]
    assert repo_names(story) == ["in", "other"]
    finished = end(story, transaction)

    assert {commit.id for commit in commits} == {transaction.id}
    assert [response.commit.repo.name for response in finished.responses] == ["", "in", "other", "new"]
    assert repo_names(story) == ["in", "new", "other"]
    assert {story.head(name).id for name in ("in", "other", "new")} == {transaction.id}
    assert finished.HasField("started")


def test_actions_that_cannot_work_together_are_refused_when_they_are_appended(story: Story) -> None:
    story.make_repo("out")
    transaction, header = begin(story)
    downstream = pfs_pb2.CreateBranchRequest(branch=at("out").branch, provenance=[at("in").branch])
    story.pfs.CreateBranch(downstream, metadata=header)

    circle = pfs_pb2.CreateBranchRequest(branch=at("in").branch, provenance=[at("out").branch])
    with pytest.raises(grpc.RpcError, match="cycle detected"):
        story.pfs.CreateBranch(circle, metadata=header)

    assert len(end(story, transaction).requests) == 1


def test_what_changed_in_between_fails_the_whole_and_says_which_action(story: Story) -> None:
    transaction, header = begin(story)
    story.pfs.CreateRepo(create_repo("one"), metadata=header)
    story.pfs.CreateRepo(create_repo("two"), metadata=header)
    story.make_repo("two")

    with pytest.raises(grpc.RpcError, match="error running request 2 of 2: repo default/two already exists"):
        end(story, transaction)

    assert repo_names(story) == ["in", "two"]
    assert story.transactions.InspectTransaction(
        transaction_pb2.InspectTransactionRequest(transaction=transaction)
    ).requests


def test_a_finished_or_deleted_transaction_is_gone(story: Story) -> None:
    finished, _ = begin(story)
    end(story, finished)
    deleted, header = begin(story)
    request = transaction_pb2.DeleteTransactionRequest(transaction=deleted)
    story.transactions.DeleteTransaction(request)

    calls = (
        lambda: end(story, finished),
        lambda: story.transactions.DeleteTransaction(request),
        lambda: story.transactions.InspectTransaction(transaction_pb2.InspectTransactionRequest(transaction=deleted)),
        lambda: story.pfs.CreateRepo(create_repo("new"), metadata=header),
    )
    for call in calls:
        with pytest.raises(grpc.RpcError, match="not found") as caught:
            call()
        assert caught.value.code() == grpc.StatusCode.NOT_FOUND


def test_an_empty_header_is_no_transaction(story: Story) -> None:
    story.pfs.CreateRepo(create_repo("new"), metadata=(("pach-transaction", ""),))

    assert repo_names(story) == ["in", "new"]


def test_a_batch_is_all_or_nothing_under_one_id(story: Story) -> None:
    start = TransactionRequest(start_commit=pfs_pb2.StartCommitRequest(branch=Branch(repo=Repo(name="in"), name="new")))
    batch = transaction_pb2.BatchTransactionRequest(requests=[start, TransactionRequest(create_repo=create_repo("x"))])

    info = story.transactions.BatchTransaction(batch)

    assert info.responses[0].commit.id == info.transaction.id
    with pytest.raises(grpc.RpcError, match="error running request"):
        story.transactions.BatchTransaction(batch)
    assert repo_names(story) == ["in", "x"]


def test_appends_at_the_same_time_are_all_kept(story: Story) -> None:
    transaction, header = begin(story)
    names = [f"r{number}" for number in range(8)]

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda name: story.pfs.CreateRepo(create_repo(name), metadata=header), names))
    end(story, transaction)

    assert repo_names(story) == ["in", *names]


def test_files_are_written_at_once_even_within_a_transaction(story: Story) -> None:
    transaction, header = begin(story)

    story.pfs.ModifyFile(iter([pfs_pb2.ModifyFileRequest(set_commit=at("in")), add("/a", "1")]), metadata=header)

    assert story.read(at("in")) == {"/a": "1"}
    end(story, transaction)


def test_delete_all_forgets_open_transactions(story: Story) -> None:
    begin(story)

    story.pfs.DeleteAll(Empty())
    story.transactions.DeleteAll(transaction_pb2.DeleteAllRequest())

    assert not story.transactions.ListTransaction(transaction_pb2.ListTransactionRequest()).transaction_info
    assert repo_names(story) == []


def test_a_branch_made_in_a_transaction_can_have_a_commit_set_of_its_own(story: Story) -> None:
    """What the branch sets off downstream belongs to that set; the rest of the transaction keeps its own."""
    for name in ("other", "out", "below"):
        story.make_repo(name)
    for name, source in (("out", "in"), ("below", "other")):
        downstream = pfs_pb2.CreateBranchRequest(branch=at(name).branch, provenance=[at(source).branch])
        story.pfs.CreateBranch(downstream)
    story.put(at("in@staging"), add("/a", "1"))
    move = pfs_pb2.CreateBranchRequest(branch=at("in").branch, head=story.head("in@staging"), new_commit_set=True)
    new = pfs_pb2.CreateBranchRequest(branch=at("other@fresh").branch, new_commit_set=True)
    transaction, header = begin(story)

    story.pfs.StartCommit(pfs_pb2.StartCommitRequest(branch=at("other").branch), metadata=header)
    story.pfs.CreateBranch(move, metadata=header)
    story.pfs.CreateBranch(new, metadata=header)
    end(story, transaction)

    assert story.head("other").id == story.head("below").id == transaction.id
    ids = {transaction.id, story.head("in").id, story.head("out").id, story.head("other@fresh").id}
    assert len(ids) == 4
    assert [commit.id for commit in story.info(at("out")).direct_provenance] == [story.head("in").id]
    assert story.info(at("out")).origin.kind == pfs_pb2.OriginKind.AUTO


def test_what_cannot_be_a_commit_set_of_its_own_undoes_the_whole_transaction(story: Story) -> None:
    story.make_repo("out")
    requests = [
        TransactionRequest(create_repo=create_repo("new")),
        TransactionRequest(
            create_branch=pfs_pb2.CreateBranchRequest(
                branch=at("out").branch, provenance=[at("out@b").branch], new_commit_set=True
            )
        ),
    ]

    with pytest.raises(grpc.RpcError, match="request 2 of 2"):
        story.transactions.BatchTransaction(transaction_pb2.BatchTransactionRequest(requests=requests))

    assert repo_names(story) == ["in", "out"]
    assert not list(story.pfs.ListBranch(pfs_pb2.ListBranchRequest(repo=at("out").repo)))
