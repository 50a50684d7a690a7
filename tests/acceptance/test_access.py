"""Who may call a server: its user, whoever shows its token, and nobody else of this machine."""

import json
import os
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import grpc
import pytest

from trunkline.proto import pfs_pb2, pfs_pb2_grpc
from trunkline.testing.ordinary_user import NOBODY, run_as_other_user
from trunkline.testing.server import ServerProcess, running_server

needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root can play another user")

# Every call that it makes, as {"name": "CODE: text"}; arguments are gRPC target, HTTP address and token.
CALLS = """
import json, sys, urllib.request, urllib.error, encodings.idna, http.client, socket
import grpc
from grpc_health.v1 import health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha import reflection_pb2, reflection_pb2_grpc
from trunkline.proto import pfs_pb2, pfs_pb2_grpc, pps_pb2, pps_pb2_grpc

def main():
    target, http_address, token = sys.argv[1:]
    metadata = [("authn-token", token)] if token else []
    headers = {"Authorization": f"Bearer {token}"} if token else {}
    channel = grpc.insecure_channel(target)
    pfs = pfs_pb2_grpc.APIStub(channel)
    pipeline = pps_pb2.CreatePipelineRequest(pipeline=pps_pb2.Pipeline(name="id"))
    edit = pfs_pb2.ModifyFileRequest(set_commit=pfs_pb2.Commit(branch=pfs_pb2.Branch(name="master")))
    ask = reflection_pb2.ServerReflectionRequest(list_services="")
    attempts = {
        "unary": lambda: pfs.ListProject(pfs_pb2.ListProjectRequest(), metadata=metadata),
        "pipeline": lambda: pps_pb2_grpc.APIStub(channel).CreatePipeline(pipeline, metadata=metadata),
        "upload": lambda: pfs.ModifyFile(iter([edit]), metadata=metadata),
        "health": lambda: health_pb2_grpc.HealthStub(channel).Check(health_pb2.HealthCheckRequest(), metadata=metadata),
        "reflection": lambda: reflection_pb2_grpc.ServerReflectionStub(channel).ServerReflectionInfo(
            iter([ask]), metadata=metadata
        ),
    }
    seen = {}
    for name, attempt in attempts.items():
        try:
            answer = attempt()
            if hasattr(answer, "__next__"):
                next(answer)
            seen[name] = "OK"
        except grpc.RpcError as error:
            seen[name] = f"{error.code().name}: {error.details()}"
    for name, path in (("file", "/pfs/default/secret/master/a"), ("healthz", "/healthz")):
        try:
            with urllib.request.urlopen(urllib.request.Request(http_address + path, headers=headers)) as answer:
                seen[name] = f"{answer.status}: {answer.read().decode()}"
        except urllib.error.HTTPError as error:
            seen[name] = f"{error.code}: {error.read().decode()}"
    return seen
"""


def calls(server: ServerProcess, token: str = "") -> dict[str, str]:
    """Return what another user sees of a server."""
    http_address = json.loads((server.home / "server.json").read_text())["http_address"]
    seen: Any = run_as_other_user(CALLS, server.address.removeprefix("grpc://"), http_address, token)
    return seen


def token_of(server: ServerProcess) -> str:
    return (server.home / "token").read_text().strip()


@pytest.fixture(params=["127.0.0.1", "::1"])
def secretive(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[ServerProcess]:
    """A server with a file, at either address of this machine."""
    with running_server(tmp_path / "home", "--host", request.param) as server:
        with grpc.insecure_channel(server.address.removeprefix("grpc://")) as channel:
            pfs = pfs_pb2_grpc.APIStub(channel)
            pfs.CreateRepo(pfs_pb2.CreateRepoRequest(repo=pfs_pb2.Repo(name="secret", type="user")))
            branch = pfs_pb2.Branch(name="master", repo=pfs_pb2.Repo(name="secret", type="user"))
            edit = [
                pfs_pb2.ModifyFileRequest(set_commit=pfs_pb2.Commit(branch=branch)),
                pfs_pb2.ModifyFileRequest(add_file=pfs_pb2.AddFile(path="/a", raw={"value": b"sesame"})),
            ]
            pfs.ModifyFile(iter(edit))
        yield server


@needs_root
def test_another_user_gets_nothing_from_any_door_and_is_told_what_helps(secretive: ServerProcess) -> None:
    seen = calls(secretive)

    for name in ("unary", "pipeline", "upload", "health", "reflection"):
        assert seen[name].startswith(f"PERMISSION_DENIED: user {NOBODY} may not use this server"), seen
    for name in ("file", "healthz"):
        assert seen[name].startswith(f"403: user {NOBODY} may not use this server"), seen
    assert all(str(secretive.home / "token") in text and "--allow-local-users" in text for text in seen.values())


@needs_root
def test_another_user_with_the_token_is_let_in_and_with_a_wrong_one_is_not(secretive: ServerProcess) -> None:
    with_token, with_another = calls(secretive, token_of(secretive)), calls(secretive, "0" * 64)

    assert (with_token["unary"], with_token["health"], with_token["reflection"]) == ("OK", "OK", "OK")
    assert with_token["file"] == "200: sesame"
    assert with_another["unary"].startswith("PERMISSION_DENIED")
    assert with_another["file"].startswith("403")


@needs_root
def test_local_users_are_let_in_where_the_owner_says_so(tmp_path: Path) -> None:
    with running_server(tmp_path / "home", "--allow-local-users") as server:
        seen = calls(server)

    assert (seen["unary"], seen["health"]) == ("OK", "OK")
    assert seen["healthz"] == "200: healthy\n"


def test_the_token_is_its_owners_alone_and_the_same_after_a_restart(tmp_path: Path) -> None:
    with running_server(tmp_path / "home") as server:
        first = token_of(server)
    with running_server(tmp_path / "home") as server:
        assert token_of(server) == first
        assert (server.home / "token").stat().st_mode & 0o777 == 0o600
    assert re.fullmatch("[0-9a-f]{64}", first)


@needs_root
def test_our_client_takes_a_token_from_the_environment(
    secretive: ServerProcess, monkeypatch: pytest.MonkeyPatch
) -> None:
    program = """
import sys
from trunkline.client import connection, config
from trunkline import proto
import trunkline.proto.pfs_pb2_grpc

def main():
    with connection.connect(sys.argv[1], context=config.Context()) as client:
        return [info.repo.name for info in client.pfs.ListRepo(proto.pfs_pb2.ListRepoRequest(type="user"))]
"""
    monkeypatch.setenv("PACH_TOKEN", token_of(secretive))

    assert run_as_other_user(program, secretive.address) == ["secret"]
