# ruff: noqa: N802 - the wire names the methods
"""A mount whose local server comes back at another port goes on. The servers are real and small."""

import json
import os
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import grpc
import pytest
from google.protobuf.wrappers_pb2 import BytesValue

from trunkline.client.addresses import parse_address
from trunkline.client.connection import Client
from trunkline.client.mount.files import CommitFiles
from trunkline.errors import UnavailableError
from trunkline.proto import pfs_pb2, pfs_pb2_grpc

CONTENT = b"0123456789"


class Files(pfs_pb2_grpc.APIServicer):
    """One file, whose reader is cut off after three bytes when reading from the start. Or nobody is answered."""

    def __init__(self, refuses: bool = False) -> None:
        self.refuses = refuses

    def InspectFile(self, request: pfs_pb2.InspectFileRequest, context: grpc.ServicerContext) -> pfs_pb2.FileInfo:
        if self.refuses:
            context.abort(grpc.StatusCode.PERMISSION_DENIED, "user 7 may not use this server")
        return pfs_pb2.FileInfo(file=request.file, size_bytes=len(CONTENT))

    def ListFile(self, request: pfs_pb2.ListFileRequest, context: grpc.ServicerContext) -> Iterator[pfs_pb2.FileInfo]:
        yield pfs_pb2.FileInfo(file=pfs_pb2.File(path="/a"), size_bytes=len(CONTENT))

    def GetFile(self, request: pfs_pb2.GetFileRequest, context: grpc.ServicerContext) -> Iterator[BytesValue]:
        yield BytesValue(value=CONTENT[request.offset : request.offset + 3])
        if request.offset == 0:
            context.abort(grpc.StatusCode.UNAVAILABLE, "Socket closed")
        yield BytesValue(value=CONTENT[request.offset + 3 :])


Serve = Callable[..., tuple[grpc.Server, str]]


@pytest.fixture
def serve() -> Iterator[Serve]:
    servers: list[grpc.Server] = []

    def start(servicer: Files) -> tuple[grpc.Server, str]:
        server = grpc.server(ThreadPoolExecutor(4), options=[("grpc.so_reuseport", 0)])
        pfs_pb2_grpc.add_APIServicer_to_server(servicer, server)
        port = server.add_insecure_port("127.0.0.1:0")
        server.start()
        servers.append(server)
        return server, f"grpc://127.0.0.1:{port}"

    yield start
    for server in servers:
        server.stop(None).wait()


def publish(home: Path, address: str) -> None:
    (home / "server.json").write_text(json.dumps({"pid": os.getpid(), "grpc_address": address}))


def mounted(client: Client) -> CommitFiles:
    commit = pfs_pb2.Commit(repo=pfs_pb2.Repo(name="in"), id="0" * 32)
    return CommitFiles(client, pfs_pb2.CommitInfo(commit=commit))


def test_files_are_found_listed_and_read_where_the_server_is_now(tmp_path: Path, serve: Serve) -> None:
    first, address = serve(Files())
    with Client(parse_address(address), home=tmp_path) as client:
        files = mounted(client)
        assert files.find("/a") is not None
        first.stop(None).wait()
        with pytest.raises(UnavailableError):
            files.find("/a")

        publish(tmp_path, serve(Files())[1])

        assert files.find("/a") is not None
        assert [entry.path for entry in files.entries("/")] == ["/a"]
        assert b"".join(files.stream("/a", 1)) == CONTENT[1:]


def test_a_server_of_another_user_at_the_old_port_is_left(tmp_path: Path, serve: Serve) -> None:
    with Client(parse_address(serve(Files(refuses=True))[1]), home=tmp_path) as client:
        publish(tmp_path, serve(Files())[1])

        assert mounted(client).find("/a") is not None


def test_a_file_that_is_being_read_goes_on_where_it_was(tmp_path: Path, serve: Serve) -> None:
    with Client(parse_address(serve(Files())[1]), home=tmp_path) as client:
        publish(tmp_path, serve(Files())[1])

        assert b"".join(mounted(client).stream("/a", 0)) == CONTENT


def test_a_server_with_an_address_of_its_own_is_not_followed(tmp_path: Path, serve: Serve) -> None:
    with Client(parse_address(serve(Files(refuses=True))[1])) as client:
        publish(tmp_path, serve(Files())[1])

        assert client.follow() is False
