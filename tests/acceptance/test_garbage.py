"""Space comes back, and everything that is left works as before."""

import json
import os
from collections.abc import Callable
from pathlib import Path
from subprocess import CompletedProcess

Pachctl = Callable[..., CompletedProcess[str]]


def _collect(pachctl: Pachctl) -> str:
    return "".join(pachctl("collect", "garbage", "--grace", "0s").stdout for _ in range(4))


def test_a_deleted_repo_gives_its_space_back(pachctl: Pachctl, server, tmp_path: Path) -> None:
    data = tmp_path / "data"
    data.write_bytes(os.urandom(20 << 20))
    pachctl("create", "repo", "large")
    pachctl("put", "file", "large@master:/data", "-f", str(data))
    assert _stored_bytes(server.home) > 20 << 20
    pachctl("delete", "repo", "large")

    kept = pachctl("collect", "garbage").stdout
    assert kept.startswith("deleted 0 objects")
    assert "once they have been for 1h" in kept
    told = _collect(pachctl)

    assert "20" in told
    assert "MiB" in told
    assert _stored_bytes(server.home) < 1 << 20


def test_pipelines_go_on_where_they_were(pachctl: Pachctl, server, tmp_path: Path) -> None:
    spec = tmp_path / "copy.json"
    spec.write_text(
        json.dumps(
            {
                "pipeline": {"name": "copy"},
                "input": {"pfs": {"repo": "in", "glob": "/*"}},
                "transform": {"cmd": ["sh"], "stdin": ["cp /pfs/in/* /pfs/out/", "echo saw $in"]},
            }
        )
    )
    pachctl("create", "repo", "in")
    pachctl("create", "pipeline", "-f", str(spec))
    for turn in range(6):
        pachctl("put", "file", "in@master:/same", stdin=f"{turn}")
        pachctl("put", "file", f"in@master:/{turn}", stdin=f"{turn}" * 3000)
    pachctl("delete", "file", "in@master:/3")
    pachctl("wait", "commit", "copy@master")
    before = {name: pachctl("get", "file", f"copy@master:/{name}").stdout for name in ("same", "0", "5")}
    datums = pachctl("list", "datum", f"copy@{_job(pachctl)}", "--raw").stdout

    logs = pachctl("logs", "--pipeline", "copy").stdout
    _collect(pachctl)

    assert {name: pachctl("get", "file", f"copy@master:/{name}").stdout for name in before} == before
    assert pachctl("list", "datum", f"copy@{_job(pachctl)}", "--raw").stdout == datums
    assert "saw /pfs/in/5" in pachctl("logs", "--pipeline", "copy").stdout == logs
    assert "in@" in pachctl("why", "copy@master:/5").stdout
    pachctl("put", "file", "in@master:/new", stdin="new")
    pachctl("wait", "commit", "copy@master")
    assert pachctl("get", "file", "copy@master:/new").stdout == "new"
    assert "1 + 6 / 7" in pachctl("list", "job", "--pipeline", "copy").stdout
    assert "No errors found." in pachctl("fsck", "--read-data").stdout


def _job(pachctl: Pachctl) -> str:
    return json.loads(pachctl("inspect", "commit", "copy@master", "--raw").stdout)["commit"]["id"]


def _stored_bytes(home: Path) -> int:
    return sum(file.stat().st_size for file in (home / "objects").rglob("*") if file.is_file())
