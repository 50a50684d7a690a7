"""The everyday commands exist under both names, in singular and plural, and answer as the field's own do."""

import subprocess
import sys
from pathlib import Path

import pytest

from trunkline.testing.server import ServerProcess

BIN = Path(sys.executable).parent
SPEC = """
pipeline: {name: copies}
input: {pfs: {repo: things, glob: "/*"}}
transform: {cmd: [sh], stdin: ["cp /pfs/things/* /pfs/out/", "echo copied"]}
"""


@pytest.mark.parametrize("name", ["pachctl", "trunkline"])
def test_the_tour(server: ServerProcess, tmp_path: Path, name: str) -> None:
    """Every command as users write it, with what its output must hold."""
    files = tmp_path / "files"
    files.mkdir()
    for letter in "ab":
        (files / letter).write_text(letter)
    spec = tmp_path / "copies.yaml"
    spec.write_text(SPEC)
    environment = server.environment(tmp_path)

    def run(line: str) -> str:
        result = subprocess.run(
            [str(BIN / name), *line.split()], env=environment, cwd=tmp_path, capture_output=True, text=True, check=False
        )
        assert result.returncode == 0, f"{line}: {result.stderr}"
        return result.stdout

    run(f"create project tour-{name}")
    run(f"config update context --project tour-{name}")
    assert f"tour-{name}" in run("list projects")
    run("create repo things")
    assert "things" in run("list repos")
    run("put file -r things@master:/dir -f files")
    run("put file things@master:a -f files/a")
    assert "/dir/" in run("list files things@master")
    assert run("list file things@master:/dir").count("/dir/") == 2
    assert run("glob file things@master:/**a").splitlines()[0].split() == ["SIZE", "NAME"]
    assert run("get file things@master:/dir/b") == "b"
    assert "Size: 1B" in run("inspect file things@master:/a")
    assert "Name: things" in run("inspect repo things")
    assert "Commit: " in run("inspect commit things@master")
    assert len(run("list commits things").splitlines()) == 3

    run("create pipeline -f copies.yaml")
    assert "copies" in run("list pipelines")
    assert "copies@" in run("wait commit copies@master")
    assert "success" in run("list jobs --pipeline copies")
    [job] = {word for word in run("list jobs --pipeline copies").split() if len(word) == 32}
    # The published columns, and behind them one of ours, which the other columns do not move for.
    header, *rows = run(f"list datum copies@{job}").splitlines()
    assert header.split() == ["ID", "FILES", "STATUS", "TIME", "RAN", "BECAUSE"]
    assert [row.rpartition("   ")[2] for row in rows] == ["new", "new"]
    assert run("list datum -f copies.yaml").splitlines()[0].split() == ["ID", "FILES", "STATUS", "TIME"]
    assert "State: success" in run(f"inspect job copies@{job}")
    assert "State: running" in run("inspect pipeline copies")
    assert "copied" in run("logs --pipeline copies")
    assert run("logs2 --pipeline copies --user --regex ^copied --limit 1").splitlines() == ["copied"]
    assert run("logs2 --regex ended.as --from 2020-01-01T00:00:00Z --to 2020-01-02") == ""
    assert run("list task pps").split() == ["ID", "NAMESPACE", "STATE", "INPUT"]
    run("update pipeline -f copies.yaml")
    assert '"state": "JOB_SUCCESS"' in run(f"inspect job copies@{job} --raw -o json")
    assert "state: JOB_SUCCESS" in run(f"inspect job copies@{job} --raw -o yaml")

    run("wait commit copies@master")
    run(f"delete job copies@{job}")
    run("delete pipeline copies")
    run("delete file things@master:/a")
    [newest] = {word for word in run("list commit things@master -n 1").split() if len(word) == 32}
    run(f"delete commit {newest}")
    assert "/a" in run("list file things@master")
    run("delete repo things")
    run(f"delete project tour-{name}")
    assert f"tour-{name}" not in run("list project")
