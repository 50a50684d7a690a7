from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor

import grpc
import pytest

from trunkline.client.connection import Client, connect
from trunkline.proto import pfs_pb2_grpc

ConnectTo = Callable[[pfs_pb2_grpc.APIServicer], Client]


@pytest.fixture
def connect_to() -> Iterator[ConnectTo]:
    """Serves a servicer on a real gRPC server and returns a client of it."""
    closing = []

    def connect_to(servicer: pfs_pb2_grpc.APIServicer) -> Client:
        server = grpc.server(ThreadPoolExecutor(max_workers=4))
        pfs_pb2_grpc.add_APIServicer_to_server(servicer, server)
        port = server.add_insecure_port("127.0.0.1:0")
        server.start()
        client = connect(f"grpc://127.0.0.1:{port}")
        closing.append((client, server))
        return client

    yield connect_to
    for client, server in closing:
        client.close()
        server.stop(None).wait()
