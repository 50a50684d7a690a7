"""Spouts and services across the end of a server, as an ordinary user, and with the published SDK inside."""

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from trunkline.testing.raw import read_objects
from trunkline.testing.server import ServerProcess, running_server
from trunkline.testing.waiting import eventually, is_alive, pid_in

ROOT = Path(__file__).parents[2]
SDK_PYTHON = ROOT / ".venv-sdk" / "bin" / "python3"
PACHCTL = str(Path(sys.executable).parent / "pachctl")
Create = Callable[..., None]


@pytest.fixture
def create(tmp_path: Path) -> Create:
    """Creates a pipeline on a server."""

    def run(server: ServerProcess, **spec: object) -> None:
        file = tmp_path / "spec.json"
        file.write_text(json.dumps(spec))
        pachctl(server, tmp_path, "create", "pipeline", "-f", str(file))

    return run


def pachctl(server: ServerProcess, directory: Path, *arguments: str, stdin: str = "") -> str:
    done = subprocess.run(
        [PACHCTL, *arguments],
        env=server.environment(directory),
        input=stdin,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def transform(*lines: str) -> dict[str, object]:
    return {"cmd": ["sh"], "stdin": list(lines)}


def test_a_killed_server_leaves_no_process_and_the_next_one_starts_them_again(tmp_path: Path, create: Create) -> None:
    with running_server(tmp_path / "home") as server:
        pachctl(server, tmp_path, "create", "repo", "data")
        pachctl(server, tmp_path, "put", "file", "data@master:/a", stdin="a")
        report = "echo $$ >{0}; sleep 600 & echo $! >{0}.child; echo life; wait"
        spout, service = tmp_path / "spout", tmp_path / "service"
        create(server, pipeline={"name": "source"}, transform=transform(report.format(spout)), spout={})
        create(
            server,
            pipeline={"name": "site"},
            transform=transform("cat /pfs/data/a >/dev/null || exit 1", report.format(service)),
            input={"pfs": {"repo": "data", "glob": "/"}},
            service={"internalPort": 9},
        )
        first = [pid_in(path) for path in (spout, service, Path(f"{spout}.child"), Path(f"{service}.child"))]
        eventually(lambda: pachctl(server, tmp_path, "logs", "--pipeline", "source") == "life\n")

        server.kill()

        for pid in first:
            eventually(lambda pid=pid: not is_alive(pid))
        for path in (spout, service):
            path.unlink()
        server.start()
        second = [pid_in(path) for path in (spout, service)]
        assert all(map(is_alive, second))
        eventually(lambda: pachctl(server, tmp_path, "logs", "--pipeline", "source") == "life\nlife\n")
        jobs = list(read_objects(pachctl(server, tmp_path, "list", "job", "--pipeline", "site", "--raw")))
        assert [(job["state"], int(job["restart"])) for job in jobs] == [("JOB_RUNNING", 1)]

        server.stop()

        assert not any(map(is_alive, second))
        assert list((tmp_path / "home" / "scratch").iterdir()) == []


def test_a_crashing_spout_is_still_known_to_crash_by_the_next_server(tmp_path: Path, create: Create) -> None:
    with running_server(tmp_path / "home") as server:
        lives = tmp_path / "lives"
        create(server, pipeline={"name": "dying"}, transform=transform(f"echo . >>{lives}; exit 7"), spout={})

        def inspect() -> dict[str, str]:
            return next(read_objects(pachctl(server, tmp_path, "inspect", "pipeline", "dying", "--raw")))

        eventually(lambda: inspect()["state"] == "PIPELINE_CRASHING")

        server.kill()
        server.start()

        assert (inspect()["state"], inspect()["reason"]) == ("PIPELINE_CRASHING", "command exited with status 7")
        count = len(lives.read_text().splitlines())
        eventually(lambda: len(lives.read_text().splitlines()) > count)


def test_the_published_sdk_writes_from_inside_a_spout(tmp_path: Path, create: Create) -> None:
    script = tmp_path / "spout.py"
    script.write_text(
        "import time\n"
        "from pachyderm_sdk import Client\n"
        "from pachyderm_sdk.api import pfs\n"
        "branch = pfs.Branch.from_uri('source@master')\n"
        "with Client.from_config().pfs.commit(branch=branch) as commit:\n"
        "    commit.put_file_from_bytes('/config', b'1')\n"
        "with Client.new_in_cluster().pfs.commit(branch=branch) as commit:\n"
        "    commit.put_file_from_bytes('/cluster', b'2')\n"
        "print('done', flush=True)\n"
        "time.sleep(600)\n"
    )
    with running_server(tmp_path / "home") as server:
        create(
            server,
            pipeline={"name": "source"},
            transform={"cmd": [str(SDK_PYTHON), str(script)]},
            spout={"service": {}},
        )

        eventually(lambda: pachctl(server, tmp_path, "logs", "--pipeline", "source") == "done\n")

        listed = pachctl(server, tmp_path, "list", "file", "source@master")
        assert [line.split()[1] for line in listed.splitlines()[1:]] == ["/cluster", "/config"]


def test_a_client_in_a_datum_finds_the_server_too(tmp_path: Path, create: Create) -> None:
    with running_server(tmp_path / "home") as server:
        pachctl(server, tmp_path, "create", "repo", "data")
        pachctl(server, tmp_path, "put", "file", "data@master:/a", stdin="a")
        create(
            server,
            pipeline={"name": "asks"},
            transform=transform('pachctl list repo --raw | grep -c \'"name": "data"\' >/pfs/out/count'),
            input={"pfs": {"repo": "data", "glob": "/"}},
        )

        pachctl(server, tmp_path, "wait", "commit", "asks@master")

        assert int(pachctl(server, tmp_path, "get", "file", "asks@master:/count")) >= 1
