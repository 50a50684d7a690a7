"""A put to a server of this machine names the files, and the server reads them; elsewhere the bytes are sent."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from trunkline.client.connection import connect
from trunkline.client.local_server import shares_files
from trunkline.testing.server import ServerProcess


def test_a_local_server_reads_the_files_itself(server: ServerProcess) -> None:
    with connect(server.address) as client:
        assert client.reads_our_files()


def test_a_server_must_prove_that_it_sees_our_files(server: ServerProcess, tmp_path: Path) -> None:
    """Its own record must be where it says its state is, and name it: another machine's would not."""
    record = json.loads((server.home / "server.json").read_text())
    assert shares_files(str(server.home), record["deployment_id"])
    assert not shares_files(str(server.home), "another")
    assert not shares_files(str(tmp_path), record["deployment_id"])
    assert not shares_files("", record["deployment_id"])


def test_files_put_by_name_overwrite_append_and_keep_odd_names(pachctl: Callable[..., Any], tmp_path: Path) -> None:
    pachctl("create", "repo", "local")
    source = tmp_path / "with space & ünïcode" / "in"
    source.mkdir(parents=True)
    (source / "a.txt").write_text("one")
    (source / "deep").mkdir()
    (source / "deep" / "100%.txt").write_text("percent")
    (source / "empty").touch()

    pachctl("put", "file", "-r", "local@master:/", "-f", str(source))
    assert pachctl("get", "file", "local@master:/deep/100%.txt").stdout == "percent"
    assert pachctl("get", "file", "local@master:/empty").stdout == ""

    (source / "a.txt").write_text("two")
    pachctl("put", "file", "local@master:/a.txt", "-f", str(source / "a.txt"))
    assert pachctl("get", "file", "local@master:/a.txt").stdout == "two"
    pachctl("put", "file", "-a", "local@master:/a.txt", "-f", str(source / "a.txt"))
    assert pachctl("get", "file", "local@master:/a.txt").stdout == "twotwo"


def test_a_file_that_vanishes_leaves_nothing_of_the_put(pachctl: Callable[..., Any], tmp_path: Path) -> None:
    """A link to nothing among the files: the whole put is refused, and the branch stays without a commit."""
    pachctl("create", "repo", "vanishing")
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "a").write_text("a")
    listed = tmp_path / "list"
    listed.write_text(f"{tmp_path}/in/a\n{tmp_path}/in/gone\n")

    result = pachctl("put", "file", "vanishing@master:/", "-i", str(listed), check=False)

    assert result.returncode == 1
    assert "gone" in result.stderr
    assert pachctl("list", "commit", "vanishing").stdout.splitlines()[1:] == []
