"""``run pfs-load-test`` and ``run pps-load-test`` on tiny loads."""

import subprocess
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
import yaml

from trunkline.client.connection import connect
from trunkline.errors import UnavailableError
from trunkline.proto import debug_pb2, pfs_pb2
from trunkline.testing.raw import read_objects
from trunkline.testing.server import ServerProcess

Pachctl = Callable[..., subprocess.CompletedProcess[str]]
SPEC = """
count: 2
modifications:
- {count: 2, putFile: {count: 3, source: it}}
fileSources:
- name: it
  random:
    directory: {depth: {min: 0, max: 2}, run: 2}
    sizes: [{min: 0, max: 200, prob: 100}]
validator: {frequency: {count: 1}}
"""
DAG = """
in:
other:
left: in
right: in, other
end: left, right
"""


@pytest.fixture
def spec(tmp_path: Path) -> str:
    (tmp_path / "load.yaml").write_text(SPEC)
    return str(tmp_path / "load.yaml")


def run(pachctl: Pachctl, *arguments: str) -> dict[str, Any]:
    printed: dict[str, Any] = yaml.safe_load(pachctl("run", *arguments).stdout)
    return printed


def test_a_load_test_makes_a_repo_and_says_how_to_repeat_it(pachctl: Pachctl, spec: str) -> None:
    first = run(pachctl, "pfs-load-test", spec)
    again = run(pachctl, "pfs-load-test", spec, "-s", first["seed"])

    assert "error" not in first
    assert float(first["duration"].rstrip("s")) > 0
    assert (again["spec"], again["seed"]) == (SPEC, first["seed"])
    names = [answer["branch"]["repo"]["name"] for answer in (first, again)]
    assert names == [f"load-test-{answer['state_id'][:8]}" for answer in (first, again)]
    listed = [pachctl("glob", "file", f"{name}@master:/**").stdout for name in names]
    assert listed[0] == listed[1]
    assert len(pachctl("list", "commit", names[0]).stdout.splitlines()) == 3


def test_a_load_test_on_a_branch_checks_what_pipelines_make_of_it(pachctl: Pachctl, spec: str, tmp_path: Path) -> None:
    """This one leaves out a file: the validator says so, and the command fails."""
    pachctl("create", "repo", "loaded")
    (tmp_path / "lossy.yaml").write_text(
        yaml.safe_dump(
            {
                "pipeline": {"name": "lossy"},
                "input": {"pfs": {"repo": "loaded", "glob": "/"}},
                "transform": {"cmd": ["bash"], "stdin": ["cp $(find /pfs/loaded -type f | head -1) /pfs/out/"]},
            }
        )
    )
    pachctl("create", "pipeline", "-f", str(tmp_path / "lossy.yaml"))

    failed = pachctl("run", "pfs-load-test", spec, "-b", "loaded@master", check=False)

    assert failed.returncode == 1
    assert "default/lossy@" in yaml.safe_load(failed.stdout)["error"]
    assert "holds 1 files" in failed.stderr


def test_a_dag_of_pipelines_copies_what_is_written(pachctl: Pachctl, spec: str, tmp_path: Path) -> None:
    (tmp_path / "dag").write_text(DAG)

    answer = run(pachctl, "pps-load-test", spec, "-d", str(tmp_path / "dag"), "-s", "7", "-p", "2")

    assert list(answer) == ["state_id"]
    suffix = answer["state_id"][:8]
    files = {name: pachctl("glob", "file", f"{name}-{suffix}@master:/**").stdout for name in ("in", "end", "right")}
    assert files["end"] == files["right"] == files["in"]
    assert len(files["in"].splitlines()) > 12
    (job, *_) = read_objects(pachctl("list", "job", "-p", f"end-{suffix}", "--raw").stdout)
    assert job["state"] == "JOB_SUCCESS"
    assert list(run(pachctl, "pps-load-test", "--state-id", answer["state_id"])) == ["state_id"]


def test_a_test_that_lost_its_server_goes_on(pachctl: Pachctl, server: ServerProcess) -> None:
    """The id is in the descriptions of its commits."""
    spec = SPEC.replace("count: 2\nmod", "count: 30\nmod")
    pachctl("create", "repo", "cut")
    repo = pfs_pb2.Repo(name="cut")
    with connect(server.address) as client:
        branch = pfs_pb2.Branch(repo=repo, name="master")
        request = debug_pb2.RunPFSLoadTestRequest(spec=spec, branch=branch, seed=3)
        with ThreadPoolExecutor(1) as pool:
            test = pool.submit(client.debug.RunPFSLoadTest, request)
            seen = iter(client.pfs.SubscribeCommit(pfs_pb2.SubscribeCommitRequest(repo=repo, branch="master")))
            test_id = [next(seen) for _ in range(5)][-1].description.split()[2].rstrip(",")
            server.kill()
            with pytest.raises(UnavailableError):
                test.result()
    server.start()

    answer = run(pachctl, "pfs-load-test", "--state-id", test_id)

    assert (answer["state_id"], answer["seed"], answer.get("error")) == (test_id, "3", None)
    assert len(pachctl("list", "commit", "cut").stdout.splitlines()) == 31
    assert pachctl("fsck").stdout == "No errors found.\n"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["pfs-load-test", "SPEC", "-b", "absent@master"], "repo default/absent not found"),
        (["pfs-load-test", "BAD"], "load spec: count: Expected `int` >= 1"),
        (["pps-load-test", "BAD"], "load spec: count: Expected `int` >= 1"),
        (["pps-load-test", "SPEC", "-d", "BAD"], "DAG spec, line"),
        (["pfs-load-test", "--state-id", "x"], "load test x not found"),
        (["pfs-load-test", "nowhere.yaml"], "nowhere.yaml"),
    ],
)
def test_what_cannot_run_says_why(
    pachctl: Pachctl, spec: str, tmp_path: Path, arguments: list[str], message: str
) -> None:
    (tmp_path / "bad.yaml").write_text(SPEC.replace("count: 2\nmod", "count: 0\nmod"))
    files = {"SPEC": spec, "BAD": str(tmp_path / "bad.yaml")}
    before = pachctl("list", "repo", "--full-timestamps").stdout

    failed = pachctl("run", *(files.get(each, each) for each in arguments), check=False)

    assert failed.returncode == 1
    assert message in failed.stderr
    assert pachctl("list", "repo", "--full-timestamps").stdout == before
