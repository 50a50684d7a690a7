# ruff: noqa: N802 - the wire names the methods
"""Listings in batches: the same messages, for clients that ask and only for them."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import grpc
import pytest

from trunkline import errors
from trunkline.api.errors import ErrorInterceptor
from trunkline.api.wire.batches import BatchInterceptor
from trunkline.client.connection import Client, connect
from trunkline.proto import pfs_pb2, pfs_pb2_grpc
from trunkline.proto.batches_pb2 import Batch

SENT = 5000


class Listing(pfs_pb2_grpc.APIServicer):
    def ListRepo(self, request: pfs_pb2.ListRepoRequest, context: grpc.ServicerContext) -> Iterator[pfs_pb2.RepoInfo]:
        for number in range(SENT):
            yield pfs_pb2.RepoInfo(description=f"repo {number} of a listing")
        if request.type == "broken":
            raise errors.CorruptDataError("the rest is damaged")

    def SubscribeCommit(
        self, request: pfs_pb2.SubscribeCommitRequest, context: grpc.ServicerContext
    ) -> Iterator[pfs_pb2.CommitInfo]:
        yield pfs_pb2.CommitInfo(description="one")


@pytest.fixture
def address() -> Iterator[str]:
    server = grpc.server(ThreadPoolExecutor(4), interceptors=[ErrorInterceptor(), BatchInterceptor()])
    pfs_pb2_grpc.add_APIServicer_to_server(Listing(), server)
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    yield f"127.0.0.1:{port}"
    server.stop(None).wait()


@pytest.fixture
def client(address: str) -> Iterator[Client]:
    with connect(f"grpc://{address}") as connected:
        yield connected


def described(number: int) -> str:
    return f"repo {number} of a listing"


def test_our_client_gets_all_messages_in_order(client: Client) -> None:
    found = list(client.pfs.ListRepo(pfs_pb2.ListRepoRequest()))

    assert [info.description for info in found] == [described(number) for number in range(SENT)]


def test_what_came_before_a_failure_arrives_before_it(client: Client) -> None:
    stream = client.pfs.ListRepo(pfs_pb2.ListRepoRequest(type="broken"))

    found = [next(stream).description for _ in range(SENT)]

    assert found == [described(number) for number in range(SENT)]
    with pytest.raises(errors.CorruptDataError, match="the rest is damaged"):
        next(stream)


def test_a_method_that_is_not_offered_is_refused_as_ever(client: Client) -> None:
    with pytest.raises(errors.NotSupportedError, match=r"does not offer /pfs_v2\.API/ListBranch"):
        list(client.pfs.ListBranch(pfs_pb2.ListBranchRequest()))


def raw(address: str, method: str, *, header: bool) -> tuple[list[bytes], bool]:
    """Return the messages as bytes, and whether the server says that they are batches."""
    with grpc.insecure_channel(address) as channel:
        metadata = (("trunkline-batches", "1"),) if header else ()
        call = channel.unary_stream(f"/pfs_v2.API/{method}")(b"", metadata=metadata)
        return list(call), ("trunkline-batches", "1") in [(key, value) for key, value in call.initial_metadata()]


def test_who_asks_for_batches_gets_few_messages(address: str) -> None:
    messages, is_batched = raw(address, "ListRepo", header=True)

    assert is_batched
    assert len(messages) < SENT / 20
    assert sum(len(Batch.FromString(message).messages) for message in messages) == SENT


def test_other_clients_get_each_message_by_itself(address: str) -> None:
    messages, is_batched = raw(address, "ListRepo", header=False)

    assert not is_batched
    assert [pfs_pb2.RepoInfo.FromString(message).description for message in messages] == [
        described(number) for number in range(SENT)
    ]


def test_what_is_waited_for_comes_by_itself(client: Client) -> None:
    (info,) = client.pfs.SubscribeCommit(pfs_pb2.SubscribeCommitRequest())

    assert info.description == "one"
