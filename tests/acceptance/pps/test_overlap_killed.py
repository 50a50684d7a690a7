"""Two jobs of one pipeline, and the server ends: real processes, by kill -9 or asked to."""

from collections.abc import Callable
from pathlib import Path
from subprocess import CompletedProcess
from typing import Any

import pytest

from trunkline.testing.raw import read_objects
from trunkline.testing.server import ServerProcess
from trunkline.testing.waiting import eventually

Pachctl = Callable[..., CompletedProcess[str]]
SPEC = """
pipeline: {name: copy}
input: {pfs: {repo: in, glob: "/*"}}
datumSetSpec: {number: 1}
transform:
  cmd: [sh]
  stdin:
    - for f in /pfs/in/*; do
    - touch %(marks)s/$(basename $f)
    - case $(basename $f) in *%(gated)s*) until [ -e %(marks)s/gate ]; do sleep 0.05; done;; esac
    - cp $f /pfs/out/
    - done
"""


@pytest.fixture
def server(tmp_path: Path) -> Any:
    home = tmp_path / "home"
    home.mkdir()
    server = ServerProcess(home, ("--workers", "2"))
    server.start()
    yield server
    server.stop()


def jobs(pachctl: Pachctl) -> list[dict[str, Any]]:
    return list(read_objects(pachctl("list", "job", "--pipeline", "copy", "--raw").stdout))


def number(job: dict[str, Any], field: str) -> int:
    return int(job.get(field, 0))


@pytest.mark.parametrize("end", ["kill", "stop"])
@pytest.mark.parametrize("gated", ["slow", "s"], ids=["the later one waits", "both run"])
def test_both_go_on_with_the_next_server(
    server: ServerProcess, pachctl: Pachctl, tmp_path: Path, end: str, gated: str
) -> None:
    """The first is at /slow; the second has run /early-1, and waits for the first or is at /early-s."""
    marks = tmp_path / "marks"
    marks.mkdir()
    spec = tmp_path / "spec.yaml"
    spec.write_text(SPEC % {"marks": marks, "gated": gated})
    pachctl("create", "repo", "in")
    pachctl("put", "file", "in@master:/kept", stdin="kept")
    pachctl("create", "pipeline", "-f", str(spec))
    pachctl("wait", "commit", "copy@master")
    pachctl("put", "file", "in@master:/slow", stdin="slow")
    eventually((marks / "slow").exists)
    pachctl("start", "commit", "in@master")
    for name in ("early-1", "early-s", "kept"):
        pachctl("put", "file", f"in@master:/{name}", stdin=f"{name} again")
    pachctl("finish", "commit", "in@master")
    eventually((marks / "early-s").exists)
    ran = 1 if gated == "s" else 2
    eventually(lambda: number(jobs(pachctl)[0], "data_processed") == ran)

    if end == "kill":
        server.kill()
    else:
        server.stop()
    (marks / "gate").touch()
    server.start()

    pachctl("wait", "commit", "copy@master")
    later, earlier, _ = jobs(pachctl)
    names = ("data_total", "data_processed", "data_skipped", "restart")
    assert [number(earlier, name) for name in names] == [2, 1, 1, 1]
    assert [number(later, name) for name in names] == [4, 3, 1, 1]
    assert [job["state"] for job in (later, earlier)] == ["JOB_SUCCESS"] * 2
    assert not later.get("reason")
    assert [
        pachctl("get", "file", f"copy@master:/{name}").stdout for name in ("early-1", "early-s", "kept", "slow")
    ] == [
        "early-1 again",
        "early-s again",
        "kept again",
        "slow",
    ]
