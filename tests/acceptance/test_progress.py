"""How far a put or get has come is shown on a terminal, and told in lines elsewhere."""

import os
import pty
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from trunkline.testing.server import ServerProcess

Pachctl = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture
def source(pachctl: Pachctl, tmp_path: Path) -> Path:
    pachctl("update", "repo", "shown")
    directory = tmp_path / "in"
    directory.mkdir()
    for number in range(3):
        (directory / str(number)).write_text("x" * 1000)
    return directory


def on_a_terminal(server: ServerProcess, directory: Path, *arguments: str) -> str:
    """Run a command whose standard error is a terminal; return what it shows there."""
    reader, writer = pty.openpty()
    process = subprocess.Popen(
        [str(Path(sys.executable).parent / "pachctl"), *arguments],
        env={**server.environment(directory), "TERM": "xterm", "COLUMNS": "120"},
        stderr=writer,
    )
    os.close(writer)
    shown = b""
    try:
        while piece := os.read(reader, 65536):
            shown += piece
    except OSError:  # how Linux says that the other end is closed
        pass
    os.close(reader)
    assert process.wait() == 0
    return re.sub(r"\x1b\[[0-9;?]*[a-zA-Z]", "", shown.decode())


def test_a_terminal_shows_files_bytes_rate_and_time_left(
    pachctl: Pachctl, server: ServerProcess, source: Path, tmp_path: Path
) -> None:
    put = on_a_terminal(server, tmp_path, "put", "file", "-r", "shown@master:/", "-f", str(source))
    got = on_a_terminal(server, tmp_path, "get", "file", "-r", "shown@master:/", "-o", str(tmp_path / "out"))

    assert "3/3 files" in put
    assert "3 files" in got
    for shown in (put, got):
        assert "3.0/3.0 kB" in shown
        assert re.search(r"[kMG]?B/s|\?", shown)
        assert "0:00:00" in shown
    assert sorted(os.listdir(tmp_path / "out")) == ["0", "1", "2"]


def test_elsewhere_a_line_is_told_if_that_is_asked_for(pachctl: Pachctl, source: Path, tmp_path: Path) -> None:
    """Also about a directory that the server reads or writes by itself; standard output stays the file's."""
    put = ("put", "file", "-r", "shown@master:/", "-f", str(source))
    in_parts = (*put, "-p", "2")
    get = ("get", "file", "-r", "shown@master:/", "-o", str(tmp_path / "out"))
    one = ("get", "file", "shown@master:/1", "-o", str(tmp_path / "one"))
    to_output = ("get", "file", "shown@master:/1")

    for command, verb, amount in (
        (put, "put", "3 files, 2.93KiB"),
        (in_parts, "put", "3 files, 2.93KiB"),
        (get, "got", "3 files, 2.93KiB"),
        (one, "got", "1 file, 1000B"),
        (to_output, "got", "1 file, 1000B"),
    ):
        told = pachctl(*command, "--progress=true")
        assert re.fullmatch(rf"{verb} {amount} in \d+m?s.*\n", told.stderr)
        assert told.stdout == ("x" * 1000 if command is to_output else "")
        for quiet in (("--progress=false",), ("--no-progress",)):
            assert pachctl(*command, *quiet).stderr == ""
