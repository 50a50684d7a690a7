"""Ctrl-C ends a command at once, whatever it waits for: a real signal to real processes."""

import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from subprocess import CompletedProcess

import pytest

from trunkline.testing.server import ServerProcess
from trunkline.testing.waiting import eventually

Pachctl = Callable[..., CompletedProcess[str]]
_END_SECONDS_MAX = 20


@pytest.fixture(scope="module")
def story(server: ServerProcess, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A pipeline whose job prints a line and then waits, and a pipe that nobody writes to."""
    directory = tmp_path_factory.mktemp("story")
    (directory / "spec.yaml").write_text(
        "pipeline: {name: waits}\ninput: {pfs: {repo: in, glob: /}}\n"
        f"transform: {{cmd: [sh], stdin: ['echo here', 'touch {directory}/on', 'sleep 600']}}\n"
    )
    os.mkfifo(directory / "pipe")
    (directory / "large").write_bytes(os.urandom(64 << 20))
    for arguments in (
        ("create", "repo", "in"),
        ("put", "file", "in@master:/large", "-f", str(directory / "large")),
        ("create", "pipeline", "-f", str(directory / "spec.yaml")),
    ):
        program = str(Path(sys.executable).parent / "pachctl")
        subprocess.run([program, *arguments], env=server.environment(directory), check=True, timeout=60)
    eventually((directory / "on").exists)
    return directory


def holds(pid: int) -> bool:
    """Return whether a process waits, and has a connection open."""
    try:
        sockets = [os.readlink(each) for each in Path(f"/proc/{pid}/fd").iterdir()]
    except FileNotFoundError:  # closed meanwhile
        return False
    state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    return state == "S" and any(each.startswith("socket:") for each in sockets)


@pytest.mark.skipif(sys.platform != "linux", reason="looks at /proc")
@pytest.mark.parametrize(
    "arguments",
    [
        ("wait", "commit", "waits@master"),
        ("wait", "job", "waits@{job}"),
        ("subscribe", "commit", "waits@master"),
        ("logs", "--pipeline", "waits", "--follow"),
        ("put", "file", "in@master:/x"),  # from standard input, which says nothing
        ("put", "file", "-p", "4", "in@other:/x"),
        ("get", "file", "in@master:/large"),  # to standard output, which nobody reads
    ],
    ids=lambda arguments: " ".join(arguments[:2]),
)
def test_an_interrupted_command_ends(
    server: ServerProcess, pachctl: Pachctl, story: Path, arguments: tuple[str, ...]
) -> None:
    job = pachctl("list", "job", "--pipeline", "waits", "--raw").stdout.partition('"id": "')[2].partition('"')[0]
    command = [str(Path(sys.executable).parent / "pachctl"), *(each.replace("{job}", job) for each in arguments)]
    process = subprocess.Popen(
        command,
        env=server.environment(story),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    try:
        eventually(lambda: process.poll() is not None or holds(process.pid))
        process.send_signal(signal.SIGINT)
        code = process.wait(_END_SECONDS_MAX)
    finally:
        process.kill()
        process.communicate()
    assert code == 130
