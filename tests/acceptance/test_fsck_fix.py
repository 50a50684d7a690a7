"""A damaged database is told, mended by ``fsck --fix``, and works again."""

import json
import sqlite3
import subprocess
from collections.abc import Callable
from pathlib import Path

from trunkline.testing.server import ServerProcess

Pachctl = Callable[..., subprocess.CompletedProcess[str]]
SPEC = {
    "pipeline": {"name": "copy"},
    "input": {"pfs": {"repo": "in", "glob": "/*"}},
    "transform": {"cmd": ["sh"], "stdin": ["cp /pfs/in/* /pfs/out/"]},
}


def damage(server: ServerProcess, *statements: str) -> None:
    server.stop()
    with sqlite3.connect(server.home / "metadata.db") as connection:
        for statement in statements:
            connection.execute(statement)
    connection.close()
    server.start()


def test_a_lost_output_is_told_and_computed_again(pachctl: Pachctl, server: ServerProcess, tmp_path: Path) -> None:
    (tmp_path / "copy.json").write_text(json.dumps(SPEC))
    pachctl("create", "repo", "in")
    pachctl("put", "file", "in@master:/a", stdin="1")
    pachctl("create", "pipeline", "-f", str(tmp_path / "copy.json"))
    pachctl("put", "file", "in@master:/b", stdin="2")
    pachctl("wait", "commit", "copy@master")
    assert pachctl("fsck", "--fix").stdout == "No errors found.\n"

    damage(
        server,
        "DELETE FROM commits WHERE key = (SELECT head FROM branches JOIN repos ON repos.key = branches.repo "
        "WHERE repos.name = 'copy' AND repos.type = 'user' AND branches.name = 'master')",
    )

    told = pachctl("fsck", check=False)
    assert told.returncode == 1
    assert "Error: branch default/copy@master has a head that is missing" in told.stdout
    mended = pachctl("fsck", "-f").stdout
    assert "Fix applied: branch default/copy@master has a head that is missing: opened a new commit" in mended
    assert "has an output commit that is missing: removed the record of the job" in mended
    assert "Error" not in mended
    pachctl("wait", "commit", "copy@master")
    assert pachctl("fsck").stdout == "No errors found.\n"
    assert pachctl("get", "file", "copy@master:/b").stdout == "2"
    assert "success" in pachctl("list", "job", "-p", "copy").stdout
