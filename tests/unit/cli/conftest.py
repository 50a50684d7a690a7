from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import grpc
import pytest

from trunkline.cli.main import run
from trunkline.proto import (
    metadata_pb2_grpc,
    pfs_pb2_grpc,
    pps_pb2_grpc,
    transaction_pb2_grpc,
)


@dataclass
class Outcome:
    """What one command did."""

    code: int
    out: str
    err: str


Pachctl = Callable[..., Outcome]
Serve = Callable[..., None]

_REGISTER = (
    (pfs_pb2_grpc.APIServicer, pfs_pb2_grpc.add_APIServicer_to_server),
    (pps_pb2_grpc.APIServicer, pps_pb2_grpc.add_APIServicer_to_server),
    (transaction_pb2_grpc.APIServicer, transaction_pb2_grpc.add_APIServicer_to_server),
    (metadata_pb2_grpc.APIServicer, metadata_pb2_grpc.add_APIServicer_to_server),
)


@pytest.fixture(autouse=True)
def own_configuration(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No test sees the configuration or server of whoever runs it."""
    monkeypatch.setenv("PACH_CONFIG", str(tmp_path / "config.json"))
    monkeypatch.setenv("TRUNKLINE_HOME", str(tmp_path / "home"))
    for name in ("PACHD_ADDRESS", "PACH_CONTEXT"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def pachctl(capsys: pytest.CaptureFixture[str]) -> Pachctl:
    """Runs one command line."""

    def pachctl(*arguments: str) -> Outcome:
        capsys.readouterr()
        code = run(arguments, program="pachctl")
        captured = capsys.readouterr()
        return Outcome(code, captured.out, captured.err)

    return pachctl


@pytest.fixture
def serve(monkeypatch: pytest.MonkeyPatch) -> Iterator[Serve]:
    """Serves servicers on a real gRPC server, which is the one that commands then talk to."""
    servers = []

    def serve(*servicers: object) -> None:
        server = grpc.server(ThreadPoolExecutor(max_workers=4))
        for servicer in servicers:
            for kind, register in _REGISTER:
                if isinstance(servicer, kind):
                    register(servicer, server)
        port = server.add_insecure_port("127.0.0.1:0")
        server.start()
        servers.append(server)
        monkeypatch.setenv("PACHD_ADDRESS", f"grpc://127.0.0.1:{port}")

    yield serve
    for server in servers:
        server.stop(None).wait()
