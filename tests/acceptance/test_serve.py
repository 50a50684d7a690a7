"""What ``trunkline serve`` prints."""

import socket
import subprocess
import sys
from pathlib import Path

import pytest

from trunkline.testing.server import running_server


@pytest.mark.parametrize("option", ["--grpc-port", "--http-port"])
def test_a_port_that_is_taken_is_one_line_with_the_systems_reason_and_the_way_out(tmp_path: Path, option: str) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = str(taken.getsockname()[1])
        ports = {"--grpc-port": "0", "--http-port": "0", option: port}
        command = [sys.executable, "-m", "trunkline", "serve", "--home", str(tmp_path)]
        ended = subprocess.run(
            [*command, *(word for pair in ports.items() for word in pair)], capture_output=True, text=True, check=False
        )

    hint = f"{option} names another, 0 any that is free"
    assert (ended.returncode, ended.stdout) == (1, "")
    assert ended.stderr == f"error: cannot listen on 127.0.0.1:{port}: Address already in use; {hint}\n"


def test_a_new_server_says_where_it_listens_and_nothing_else(tmp_path: Path) -> None:
    with running_server(tmp_path / "home") as server:
        [line] = server.log().splitlines()

    assert line.startswith(f"listening on {server.address} and http://127.0.0.1:")
