# ruff: noqa: N802 - the wire names the methods
import gc
import socket
import threading
from collections.abc import Callable, Iterator

import grpc
import pytest
from google.protobuf.empty_pb2 import Empty

from trunkline import errors
from trunkline.client.addresses import Address
from trunkline.client.config import Context
from trunkline.client.connection import Client, connect
from trunkline.client.edits import EditSender
from trunkline.client.failures import UnreachableError
from trunkline.proto import pfs_pb2, pfs_pb2_grpc

ConnectTo = Callable[[pfs_pb2_grpc.APIServicer], Client]


class Failing(pfs_pb2_grpc.APIServicer):
    def __init__(self, code: grpc.StatusCode, text: str) -> None:
        self.code = code
        self.text = text

    def InspectRepo(self, request: pfs_pb2.InspectRepoRequest, context: grpc.ServicerContext) -> pfs_pb2.RepoInfo:
        context.abort(self.code, self.text)

    def ListRepo(self, request: pfs_pb2.ListRepoRequest, context: grpc.ServicerContext) -> Iterator[pfs_pb2.RepoInfo]:
        yield pfs_pb2.RepoInfo(description="first")
        context.abort(self.code, self.text)


@pytest.mark.parametrize(
    ("code", "kind"),
    [
        (grpc.StatusCode.NOT_FOUND, errors.NotFoundError),
        (grpc.StatusCode.ALREADY_EXISTS, errors.AlreadyExistsError),
        (grpc.StatusCode.FAILED_PRECONDITION, errors.ConflictError),
        (grpc.StatusCode.INVALID_ARGUMENT, errors.InvalidInputError),
        (grpc.StatusCode.UNIMPLEMENTED, errors.NotSupportedError),
        (grpc.StatusCode.DATA_LOSS, errors.CorruptDataError),
        (grpc.StatusCode.UNKNOWN, errors.Error),
    ],
)
def test_statuses_become_our_errors_with_the_servers_words(
    connect_to: ConnectTo, code: grpc.StatusCode, kind: type[errors.Error]
) -> None:
    client = connect_to(Failing(code, "repo default/x says no"))

    with pytest.raises(kind, match=r"^repo default/x says no$") as caught:
        client.pfs.InspectRepo(pfs_pb2.InspectRepoRequest())

    assert type(caught.value) is kind


def test_what_is_missing_is_named_once(connect_to: ConnectTo) -> None:
    text = "inspect: repo (id=0, project=default, name=x, type=user) not found: repo default/x not found"
    client = connect_to(Failing(grpc.StatusCode.NOT_FOUND, text))

    with pytest.raises(errors.NotFoundError, match=r"^inspect: repo default/x not found$"):
        client.pfs.InspectRepo(pfs_pb2.InspectRepoRequest())


class Listing(pfs_pb2_grpc.APIServicer):
    def ListRepo(self, request: pfs_pb2.ListRepoRequest, context: grpc.ServicerContext) -> Iterator[pfs_pb2.RepoInfo]:
        for number in range(100):
            yield pfs_pb2.RepoInfo(description=str(number))


def test_a_stream_goes_on_when_its_client_is_no_longer_referred_to(connect_to: ConnectTo) -> None:
    address = str(connect_to(Listing()).address)

    stream = connect(address).pfs.ListRepo(pfs_pb2.ListRepoRequest())
    gc.collect()

    assert [info.description for info in stream] == [str(number) for number in range(100)]


def test_a_server_that_says_unavailable_is_not_taken_for_unreachable(connect_to: ConnectTo) -> None:
    client = connect_to(Failing(grpc.StatusCode.UNAVAILABLE, "commit default/x@1 not finished"))

    with pytest.raises(errors.UnavailableError, match="not finished") as caught:
        client.pfs.InspectRepo(pfs_pb2.InspectRepoRequest())

    assert not isinstance(caught.value, UnreachableError)


def test_a_failure_in_the_middle_of_a_stream_is_translated(connect_to: ConnectTo) -> None:
    client = connect_to(Failing(grpc.StatusCode.NOT_FOUND, "gone"))

    stream = client.pfs.ListRepo(pfs_pb2.ListRepoRequest())

    assert next(stream).description == "first"
    with pytest.raises(errors.NotFoundError, match="gone"):
        next(stream)


def test_closed_port_is_named_with_the_way_out() -> None:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]

    with (
        connect(f"127.0.0.1:{port}") as client,
        pytest.raises(
            UnreachableError,
            match=rf"cannot reach the server at grpc://127.0.0.1:{port}: connection refused; .*trunkline serve",
        ),
    ):
        client.pfs.InspectRepo(pfs_pb2.InspectRepoRequest())


def test_address_comes_from_environment_before_context(monkeypatch: pytest.MonkeyPatch) -> None:
    context = Context(pachd_address="grpc://from-context:1")

    with connect(context=context) as client:
        assert client.address == Address("from-context", 1)
    monkeypatch.setenv("PACHD_ADDRESS", "from-environment:2")
    with connect(context=context) as client:
        assert client.address == Address("from-environment", 2)
    with connect("from-argument:3", context=context) as client:
        assert client.address == Address("from-argument", 3)


def test_certificates_for_a_plain_address_are_refused() -> None:
    with pytest.raises(errors.InvalidInputError, match="not a TLS address"):
        connect(context=Context(pachd_address="grpc://h:1", server_cas="eA=="))


class Headers(pfs_pb2_grpc.APIServicer):
    seen: tuple[tuple[str, str], ...] = ()

    def InspectRepo(self, request: pfs_pb2.InspectRepoRequest, context: grpc.ServicerContext) -> pfs_pb2.RepoInfo:
        self.seen = tuple((str(key), str(value)) for key, value in context.invocation_metadata())
        return pfs_pb2.RepoInfo()


def test_token_and_transaction_travel_as_headers(connect_to: ConnectTo) -> None:
    servicer = Headers()
    address = str(connect_to(servicer).address)
    context = Context(pachd_address=address, session_token="secret", active_transaction="t1")

    with connect(context=context) as client:
        client.pfs.InspectRepo(pfs_pb2.InspectRepoRequest())

    assert {("authn-token", "secret"), ("pach-transaction", "t1")} <= set(servicer.seen)


class Recording(pfs_pb2_grpc.APIServicer):
    """Remembers the edits that ended well and those that were called off."""

    def __init__(self) -> None:
        self.applied: list[int] = []
        self.begun = threading.Event()
        self.aborted = threading.Event()

    def ModifyFile(self, request_iterator: Iterator[pfs_pb2.ModifyFileRequest], context: grpc.ServicerContext) -> Empty:
        context.add_callback(self.aborted.set)
        self.begun.set()
        count = sum(1 for _ in request_iterator)
        # As a server must: the end of a stream that was called off can be seen a moment before the calling off.
        if not self.aborted.wait(0.5):
            self.applied.append(count)
        return Empty()


def test_an_edit_arrives_whole(connect_to: ConnectTo) -> None:
    servicer = Recording()

    connect_to(servicer).modify_file([pfs_pb2.ModifyFileRequest()] * 3)

    assert servicer.applied == [3]


def test_an_edit_whose_source_fails_is_called_off_and_the_failure_comes_out(connect_to: ConnectTo) -> None:
    servicer = Recording()

    def requests() -> Iterator[pfs_pb2.ModifyFileRequest]:
        yield pfs_pb2.ModifyFileRequest()
        assert servicer.begun.wait(10)
        raise PermissionError("no")

    with pytest.raises(PermissionError, match="no"):
        connect_to(servicer).modify_file(requests())

    assert servicer.aborted.wait(10)
    assert servicer.applied == []


class Refusing(pfs_pb2_grpc.APIServicer):
    def ModifyFile(self, request_iterator: Iterator[pfs_pb2.ModifyFileRequest], context: grpc.ServicerContext) -> Empty:
        context.abort(grpc.StatusCode.NOT_FOUND, "repo default/x not found")


def test_a_refused_edit_says_why(connect_to: ConnectTo) -> None:
    with pytest.raises(errors.NotFoundError, match="repo default/x not found"):
        connect_to(Refusing()).modify_file([pfs_pb2.ModifyFileRequest()] * 100)


class Forgetful(pfs_pb2_grpc.APIServicer):
    """Keeps the second file set waiting until the first one was renewed."""

    def __init__(self) -> None:
        self.renewed = threading.Event()
        self.added: list[str] = []

    def CreateFileSet(
        self, request_iterator: Iterator[pfs_pb2.ModifyFileRequest], context: grpc.ServicerContext
    ) -> pfs_pb2.CreateFileSetResponse:
        (request,) = request_iterator
        name = request.add_file.path
        if name == "slow":
            assert self.renewed.wait(60)
        return pfs_pb2.CreateFileSetResponse(file_set_id=name)

    def RenewFileSet(self, request: pfs_pb2.RenewFileSetRequest, context: grpc.ServicerContext) -> Empty:
        assert (request.file_set_id, request.ttl_seconds) == ("quick", 1800)
        self.renewed.set()
        return Empty()

    def ComposeFileSet(
        self, request: pfs_pb2.ComposeFileSetRequest, context: grpc.ServicerContext
    ) -> pfs_pb2.CreateFileSetResponse:
        return pfs_pb2.CreateFileSetResponse(file_set_id="+".join(request.file_set_ids))

    def AddFileSet(self, request: pfs_pb2.AddFileSetRequest, context: grpc.ServicerContext) -> Empty:
        self.added.append(f"{request.file_set_id} on {request.commit.id}")
        return Empty()


def test_parts_are_kept_alive_until_the_last_is_there_and_added_in_order(connect_to: ConnectTo) -> None:
    servicer = Forgetful()
    address = connect_to(servicer).address
    with grpc.insecure_channel(f"{address.host}:{address.port}") as channel:
        sender = EditSender(pfs_pb2_grpc.APIStub(channel), address, ())
        parts = [[pfs_pb2.ModifyFileRequest(add_file=pfs_pb2.AddFile(path=name))] for name in ("slow", "quick")]

        sender.send_parts(pfs_pb2.Commit(id="c"), parts, parallelism=2, renew_seconds=0.01)

    assert servicer.added == ["slow+quick on c"]
