"""What the wire allows: sizes, compression, pings of idle clients, health, reflection."""

import gzip
import socket
import struct

import grpc
import pytest
from grpc_health.v1 import health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha import reflection_pb2, reflection_pb2_grpc

from trunkline.proto import pfs_pb2, storage_pb2
from trunkline.proto.storage_pb2_grpc import FilesetStub
from trunkline.testing.doors import Story, add, at

MIB = 1 << 20
PING, GOAWAY, SETTINGS = 6, 7, 4


def test_a_message_may_have_20_mib_and_a_larger_one_changes_nothing(story: Story) -> None:
    story.put(at("in"), add("/fits", bytes(20 * MIB - 100)))
    assert story.pfs.InspectFile(
        pfs_pb2.InspectFileRequest(file=pfs_pb2.File(commit=at("in"), path="/fits"))
    ).size_bytes

    with pytest.raises(grpc.RpcError, match="larger than max") as refused:
        story.put(at("in"), add("/small", "1"), add("/too-large", bytes(20 * MIB)))

    assert refused.value.code() == grpc.StatusCode.RESOURCE_EXHAUSTED
    walk = story.pfs.WalkFile(pfs_pb2.WalkFileRequest(file=pfs_pb2.File(commit=at("in"), path="/")))
    assert [info.file.path for info in walk] == ["/", "/fits"]


def test_no_message_of_the_server_is_larger_than_clients_take(story: Story) -> None:
    file_set = story.file_set(add("/large", bytes(15 * MIB)), add("/large", bytes(15 * MIB)))
    commit = pfs_pb2.Commit(repo=pfs_pb2.Repo(name="__filesets__"), id=file_set)
    request = pfs_pb2.GetFileRequest(file=pfs_pb2.File(commit=commit, path="/large"))

    pieces = [piece.value for piece in story.pfs.GetFile(request)]
    tar = [piece.value for piece in story.pfs.GetFileTAR(request)]
    read = FilesetStub(story.channel).ReadFileset(storage_pb2.ReadFilesetRequest(fileset_id=file_set))

    assert sum(map(len, pieces)) == 30 * MIB
    assert max(map(len, [*pieces, *tar])) <= 19 * MIB
    assert max(len(message.data.value) for message in read) <= 19 * MIB


def test_compressed_messages_are_taken(story: Story) -> None:
    requests = [pfs_pb2.ModifyFileRequest(set_commit=at("in")), add("/zeros", bytes(5 * MIB))]

    story.pfs.ModifyFile(iter(requests), compression=grpc.Compression.Gzip)

    info = story.pfs.InspectFile(pfs_pb2.InspectFileRequest(file=pfs_pb2.File(commit=at("in"), path="/zeros")))
    assert info.size_bytes == 5 * MIB


def test_a_small_message_that_unpacks_to_a_large_one_is_refused(story: Story) -> None:
    assert len(gzip.compress(bytes(100 * MIB))) < MIB
    requests = [pfs_pb2.ModifyFileRequest(set_commit=at("in")), add("/bomb", bytes(100 * MIB))]

    with pytest.raises(grpc.RpcError) as refused:
        story.pfs.ModifyFile(iter(requests), compression=grpc.Compression.Gzip)

    assert refused.value.code() == grpc.StatusCode.RESOURCE_EXHAUSTED


def answers_to_pings(address: tuple[str, int], count: int) -> list[int]:
    """Ping on a connection without calls, each time after the answer to the one before; return the kinds of frames."""
    found: list[int] = []
    with socket.create_connection(address, timeout=30) as connection, connection.makefile("rb") as stream:
        connection.sendall(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + struct.pack(">HBBBI", 0, 0, SETTINGS, 0, 0))
        for number in range(count):
            connection.sendall(struct.pack(">HBBBIQ", 0, 8, PING, 0, 0, number))
            while found.count(PING) <= number:
                header = stream.read(9)
                if len(header) < 9 or header[3] == GOAWAY:
                    return [*found, GOAWAY]
                stream.read(int.from_bytes(header[:3], "big"))
                found.append(header[3])
    return found


def test_an_idle_client_may_ping(story: Story, address: tuple[str, int]) -> None:
    """Without any call open, and more often than the Go client does; by default such a client is told to go away."""
    found = answers_to_pings(address, 20)

    assert found.count(PING) == 20
    assert GOAWAY not in found


def test_every_service_is_healthy(story: Story) -> None:
    stub = health_pb2_grpc.HealthStub(story.channel)
    serving = health_pb2.HealthCheckResponse.SERVING

    for service in ("", "pfs_v2.API", "pps_v2.API", "logs.API"):
        assert stub.Check(health_pb2.HealthCheckRequest(service=service)).status == serving
    watch = stub.Watch(health_pb2.HealthCheckRequest())
    assert next(watch).status == serving
    watch.cancel()
    with pytest.raises(grpc.RpcError) as refused:
        stub.Check(health_pb2.HealthCheckRequest(service="absent"))
    assert refused.value.code() == grpc.StatusCode.NOT_FOUND


def test_reflection_tells_services_and_their_messages(story: Story) -> None:
    stub = reflection_pb2_grpc.ServerReflectionStub(story.channel)
    requests = [
        reflection_pb2.ServerReflectionRequest(list_services=""),
        reflection_pb2.ServerReflectionRequest(file_containing_symbol="pps_v2.PipelineInfo"),
    ]

    listed, file = stub.ServerReflectionInfo(iter(requests))

    names = {service.name for service in listed.list_services_response.service}
    assert {"pfs_v2.API", "pps_v2.API", "admin_v2.API", "logs.API", "grpc.health.v1.Health"} <= names
    assert file.file_descriptor_response.file_descriptor_proto
