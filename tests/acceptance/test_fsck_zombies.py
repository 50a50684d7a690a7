"""A pipeline's output has files of its datums only."""

import json
from collections.abc import Callable
from pathlib import Path
from subprocess import CompletedProcess

import pytest

Pachctl = Callable[..., CompletedProcess[str]]


@pytest.fixture
def copied(pachctl: Pachctl, tmp_path: Path) -> None:
    """A pipeline that copied two files, of which one was deleted later."""
    spec = tmp_path / "copy.json"
    spec.write_text(
        json.dumps(
            {
                "pipeline": {"name": "copy"},
                "input": {"pfs": {"repo": "in", "glob": "/*"}},
                "transform": {"cmd": ["sh"], "stdin": ["cp /pfs/in/* /pfs/out/"]},
            }
        )
    )
    pachctl("create", "repo", "in")
    for name in ("a", "b"):
        pachctl("put", "file", f"in@master:/{name}", stdin=name)
    pachctl("create", "pipeline", "-f", str(spec))
    pachctl("delete", "file", "in@master:/a")
    pachctl("wait", "commit", "copy@master")


def test_deleted_inputs_leave_no_zombies(pachctl: Pachctl, copied: None) -> None:
    assert pachctl("get", "file", "copy@master:/b").stdout == "b"
    for option in (["--zombie-all"], ["--zombie", "copy@master"]):
        assert "No errors found." in pachctl("fsck", *option).stdout
