"""The local server of a home, found by our commands, by the published SDK, and after it moved."""

import json
import os
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
FROM_CONFIG = """
import sys
from pachyderm_sdk import Client
print([info.repo.name for info in Client.from_config(sys.argv[1]).pfs.list_repo()])
"""
Run = Callable[..., str]


@pytest.fixture
def environment(tmp_path: Path) -> Iterator[dict[str, str]]:
    """A user with a home of their own, whose server is ended."""
    outside = {name: value for name, value in os.environ.items() if name not in ("PACHD_ADDRESS", "PACH_TOKEN")}
    settings = {"HOME": tmp_path, "TRUNKLINE_HOME": tmp_path / "state", "PACH_CONFIG": tmp_path / "config.json"}
    found = outside | {name: str(value) for name, value in settings.items()}
    yield found
    subprocess.run([sys.executable, "-m", "trunkline", "shutdown"], env=found, capture_output=True, check=True)


@pytest.fixture
def run(environment: dict[str, str]) -> Run:
    def run(*arguments: str) -> str:
        command = [sys.executable, "-m", "trunkline", *arguments]
        done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
        return done.stdout

    return run


def free_ports() -> dict[str, int]:
    with socket.socket() as grpc, socket.socket() as http:
        grpc.bind(("127.0.0.1", 0))
        http.bind(("127.0.0.1", 0))
        return {"grpc": grpc.getsockname()[1], "http": http.getsockname()[1]}


@pytest.fixture
def kept(tmp_path: Path) -> int:
    """The port at which the server was before."""
    ports = free_ports()
    (tmp_path / "state").mkdir()
    (tmp_path / "state" / "ports.json").write_text(json.dumps(ports))
    return ports["grpc"]


def port_now(home: Path) -> int:
    return int(json.loads((home / "state" / "server.json").read_text())["grpc_address"].rpartition(":")[2])


def port_told(home: Path) -> int:
    config = json.loads((home / "config.json").read_text())["v2"]
    return int(config["contexts"][config["active_context"]]["port_forwarders"]["pachd"])


def test_a_server_keeps_its_port_and_the_configuration_says_it(run: Run, tmp_path: Path, kept: int) -> None:
    run("create", "repo", "mine")
    assert port_now(tmp_path) == port_told(tmp_path) == kept

    run("shutdown")
    run("list", "repo")
    assert port_now(tmp_path) == port_told(tmp_path) == kept

    run("shutdown")
    with socket.create_server(("127.0.0.1", kept)):
        run("list", "repo")
        assert port_now(tmp_path) == port_told(tmp_path) != kept


def test_a_changed_context_does_not_lose_the_port(run: Run, tmp_path: Path, kept: int) -> None:
    run("start", "transaction")

    assert port_told(tmp_path) == kept
    run("delete", "transaction")


@pytest.mark.sdk
@pytest.mark.skipif(not (ROOT / ".venv-sdk").exists(), reason="the published SDK is not there")
@pytest.mark.usefixtures("kept")
def test_the_published_client_finds_the_server_from_the_configuration(run: Run, tmp_path: Path) -> None:
    run("create", "repo", "mine")

    command = [str(ROOT / ".venv-sdk" / "bin" / "python"), "-c", FROM_CONFIG, str(tmp_path / "config.json")]
    done = subprocess.run(command, capture_output=True, text=True, check=False)

    assert done.stdout == "['mine']\n", done.stderr
