"""The local server is found or started. Stand-ins for servers are small programs that really listen."""

import json
import os
import re
import signal
import socket
import stat
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from trunkline.client.local_server import ensure_server, find_server, home_directory, stop_server
from trunkline.errors import UnavailableError

SERVER = """
import json, os, pathlib, signal, socket, sys
assert sys.argv[1:3] == ["serve", "--home"], sys.argv
home = pathlib.Path(sys.argv[3])
(home / "arguments").write_text(" ".join(sys.argv[4:]))
with (home / "starts").open("a") as starts:
    starts.write("x")
listener = socket.create_server(("127.0.0.1", 0))
record = {"pid": os.getpid(), "grpc_address": f"grpc://127.0.0.1:{listener.getsockname()[1]}", "version": "1"}
(home / "new").write_text(json.dumps(record))
(home / "new").rename(home / "server.json")
signal.pause()
"""


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A home in which `python -m trunkline serve` is the stand-in, by means of the module path."""
    modules = tmp_path / "modules"
    modules.mkdir()
    (modules / "trunkline.py").write_text(SERVER)
    monkeypatch.setenv("PYTHONPATH", str(modules))
    home = tmp_path / "home"
    yield home
    with suppress(FileNotFoundError, ProcessLookupError):
        os.kill(json.loads((home / "server.json").read_text())["pid"], signal.SIGKILL)


def test_a_server_is_started_once_and_found_again(home: Path) -> None:
    said: list[str] = []

    first = ensure_server(home, announce=said.append)
    second = ensure_server(home, announce=said.append)

    assert first == second == find_server(home)
    assert len(said) == 1
    assert str(home) in said[0]


def test_nobody_else_can_hold_the_lock_of_those_who_start_one(home: Path) -> None:
    ensure_server(home, announce=lambda _: None)
    assert stat.S_IMODE((home / "starting.lock").stat().st_mode) == 0o600


def test_callers_at_once_start_only_one(home: Path) -> None:
    said: list[str] = []
    callers = [threading.Thread(target=ensure_server, args=(home,), kwargs={"announce": said.append}) for _ in range(4)]

    for caller in callers:
        caller.start()
    for caller in callers:
        caller.join()

    assert (home / "starts").read_text() == "x"
    assert len(said) == 1


def test_a_server_that_dies_at_start_is_reported_with_its_last_words(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "trunkline.py").write_text("import sys; sys.exit('disk on fire')")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))

    with pytest.raises(UnavailableError, match="disk on fire"):
        ensure_server(tmp_path / "home", announce=lambda _: None)


def test_a_record_of_a_dead_process_is_no_server(tmp_path: Path) -> None:
    ended = subprocess.Popen([sys.executable, "-c", ""])
    ended.wait()
    (tmp_path / "server.json").write_text(json.dumps({"pid": ended.pid, "grpc_address": "grpc://127.0.0.1:1"}))

    assert find_server(tmp_path) is None


def test_a_record_whose_port_does_not_answer_is_no_server(tmp_path: Path) -> None:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        address = f"grpc://127.0.0.1:{probe.getsockname()[1]}"
    (tmp_path / "server.json").write_text(json.dumps({"pid": os.getpid(), "grpc_address": address}))

    assert find_server(tmp_path) is None


def test_stopping_ends_the_process_and_stopping_again_does_nothing(home: Path) -> None:
    started = ensure_server(home, announce=lambda _: None)

    assert stop_server(home) == started
    assert find_server(home) is None
    assert stop_server(home) is None


def test_a_home_keeps_its_ports(home: Path) -> None:
    with socket.socket() as grpc, socket.socket() as http:
        grpc.bind(("127.0.0.1", 0))
        http.bind(("127.0.0.1", 0))
        ports = {"grpc": grpc.getsockname()[1], "http": http.getsockname()[1]}
    home.mkdir()
    (home / "ports.json").write_text(json.dumps(ports))

    ensure_server(home, announce=lambda _: None)

    expected = f"--grpc-port {ports['grpc']} --http-port {ports['http']}"
    assert (home / "arguments").read_text() == expected


@pytest.mark.parametrize("kept", ["", "[]", '{"grpc": "x", "http": -1}', '{"grpc": 99999}', "{"])
def test_ports_that_are_no_ports_are_not_kept(home: Path, kept: str) -> None:
    home.mkdir()
    (home / "ports.json").write_text(kept)

    ensure_server(home, announce=lambda _: None)

    assert re.fullmatch(r"--grpc-port (0|30650) --http-port (0|30600)", (home / "arguments").read_text())


def test_a_port_that_was_taken_meanwhile_is_not_waited_for(home: Path) -> None:
    home.mkdir()
    with socket.create_server(("127.0.0.1", 0)) as another:
        (home / "ports.json").write_text(json.dumps({"grpc": another.getsockname()[1]}))

        ensure_server(home, announce=lambda _: None)

    assert re.match(r"--grpc-port (0|30650) ", (home / "arguments").read_text())


def test_a_port_that_is_taken_while_the_server_starts_is_left(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    ends = "if sys.argv[4:] != ['--grpc-port', '0', '--http-port', '0']: sys.exit('error: cannot listen on it')"
    (tmp_path / "trunkline.py").write_text(SERVER.replace("listener = ", f"{ends}\nlistener = "))
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    home = tmp_path / "home"
    home.mkdir()
    (home / "ports.json").write_text(json.dumps({"grpc": 1, "http": 1}))

    started = ensure_server(home, announce=lambda _: None)

    try:
        assert (home / "arguments").read_text() == "--grpc-port 0 --http-port 0"
    finally:
        os.kill(started.pid, signal.SIGKILL)


def test_home_comes_from_the_environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("TRUNKLINE_HOME", str(tmp_path))

    assert home_directory() == tmp_path
