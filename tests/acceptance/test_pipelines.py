"""Pipelines from the outside: the command line against a real server, outcomes by files and datum counts."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from trunkline.testing.raw import read_objects
from trunkline.testing.server import ServerProcess

COPY = """
pipeline: {name: %(name)s}
input: {pfs: {repo: %(repo)s, glob: "%(glob)s"}}
transform:
  cmd: [sh]
  stdin: ["%(script)s"]
"""


def newest_job(pachctl: Callable[..., Any], pipeline: str) -> dict[str, Any]:
    jobs = list(read_objects(pachctl("list", "job", "--pipeline", pipeline, "--raw").stdout))
    return jobs[0]


def finished_job(pachctl: Callable[..., Any], pipeline: str) -> dict[str, Any]:
    job = newest_job(pachctl, pipeline)["job"]["id"]
    pachctl("wait", "job", f"{pipeline}@{job}", check=False)
    return next(read_objects(pachctl("inspect", "job", f"{pipeline}@{job}", "--raw").stdout))


def counts(job: dict[str, Any]) -> tuple[str, int, int, int]:
    """Return (state, processed, skipped, failed)."""
    numbers = [int(job.get(f"data_{name}", 0)) for name in ("processed", "skipped", "failed")]
    return job["state"], numbers[0], numbers[1], numbers[2]


@pytest.fixture
def create(pachctl: Callable[..., Any], tmp_path: Path) -> Callable[..., None]:
    def run(text: str, verb: str = "create") -> None:
        spec = tmp_path / "spec.yaml"
        spec.write_text(text)
        pachctl(verb, "pipeline", "-f", str(spec))

    return run


def test_only_what_a_change_touches_runs(pachctl: Callable[..., Any], create: Callable[..., None]) -> None:
    """Add, change, delete; each job says how many datums it ran, and the output is what a full run would give."""
    pachctl("create", "repo", "letters")
    for name in "abc":
        pachctl("put", "file", f"letters@master:/{name}", stdin=name)
    create(
        COPY
        % {
            "name": "upper",
            "repo": "letters",
            "glob": "/*",
            "script": "for f in /pfs/letters/*; do tr a-z A-Z < $f > /pfs/out/$(basename $f); done",
        }
    )
    assert counts(finished_job(pachctl, "upper")) == ("JOB_SUCCESS", 3, 0, 0)

    pachctl("put", "file", "letters@master:/d", stdin="d")
    assert counts(finished_job(pachctl, "upper")) == ("JOB_SUCCESS", 1, 3, 0)
    pachctl("put", "file", "letters@master:/a", stdin="changed")
    assert counts(finished_job(pachctl, "upper")) == ("JOB_SUCCESS", 1, 3, 0)
    pachctl("delete", "file", "letters@master:/b")
    assert counts(finished_job(pachctl, "upper")) == ("JOB_SUCCESS", 0, 3, 0)

    listed = [item["file"]["path"] for item in read_objects(pachctl("list", "file", "upper@master", "--raw").stdout)]
    assert listed == ["/a", "/c", "/d"]
    assert pachctl("get", "file", "upper@master:/a").stdout == "CHANGED"
    assert pachctl("get", "file", "upper@master^^^:/a").stdout == "A"


def test_a_failing_datum_fails_the_job_shows_nothing_of_it_and_heals(
    pachctl: Callable[..., Any], create: Callable[..., None]
) -> None:
    pachctl("create", "repo", "numbers")
    pachctl("put", "file", "numbers@master:/1", stdin="1")
    script = (
        "for f in /pfs/numbers/*; do if grep -q bad $f; then echo cannot read $f >&2; exit 3; fi; cp $f /pfs/out/; done"
    )
    create(COPY % {"name": "checked", "repo": "numbers", "glob": "/*", "script": script})
    finished_job(pachctl, "checked")
    pachctl("start", "commit", "numbers@master")
    pachctl("put", "file", "numbers@master:/2", stdin="2")
    pachctl("put", "file", "numbers@master:/3", stdin="bad")
    pachctl("finish", "commit", "numbers@master")

    job = finished_job(pachctl, "checked")

    assert job["state"] == "JOB_FAILURE"
    failed = [
        d
        for d in read_objects(pachctl("list", "datum", f"checked@{job['job']['id']}", "--raw").stdout)
        if d["state"] == "FAILED"
    ]
    assert [item["file"]["path"] for item in failed[0]["data"]] == ["/3"]
    assert f"datum {failed[0]['datum']['id']} failed" in job["reason"]
    assert "/3" in job["reason"]
    logs = pachctl("logs", "--job", f"checked@{job['job']['id']}").stdout
    assert "cannot read /pfs/numbers/3" in logs
    refused = pachctl("list", "file", "checked@master", check=False)
    assert (refused.returncode, refused.stdout) == (1, "")
    assert f"finished with an error: {job['reason']}" in refused.stderr
    assert "/2" not in pachctl("list", "file", "checked@master^").stdout

    pachctl("put", "file", "numbers@master:/3", stdin="3")
    assert counts(finished_job(pachctl, "checked"))[0] == "JOB_SUCCESS"
    assert pachctl("get", "file", "checked@master:/3").stdout == "3"
    assert pachctl("get", "file", "checked@master:/2").stdout == "2"


def test_a_failure_upstream_makes_jobs_below_unrunnable(
    pachctl: Callable[..., Any], create: Callable[..., None]
) -> None:
    pachctl("create", "repo", "source")
    pachctl("put", "file", "source@master:/x", stdin="x")
    create(COPY % {"name": "breaks", "repo": "source", "glob": "/", "script": "exit 1"})
    create(COPY % {"name": "below", "repo": "breaks", "glob": "/", "script": "true"})

    job = finished_job(pachctl, "below")

    assert job["state"] == "JOB_UNRUNNABLE"
    assert "unrunnable because the following upstream pipelines failed: breaks" in job["reason"]


def test_an_update_keeps_results_and_reprocess_makes_them_anew(
    pachctl: Callable[..., Any], create: Callable[..., None], tmp_path: Path
) -> None:
    pachctl("create", "repo", "things")
    pachctl("put", "file", "things@master:/x", stdin="x")
    create(COPY % {"name": "marked", "repo": "things", "glob": "/*", "script": "echo one > /pfs/out/mark"})
    finished_job(pachctl, "marked")
    changed = COPY % {"name": "marked", "repo": "things", "glob": "/*", "script": "echo two > /pfs/out/mark"}

    create(changed, "update")
    assert counts(finished_job(pachctl, "marked")) == ("JOB_SUCCESS", 0, 1, 0)
    assert pachctl("get", "file", "marked@master:/mark").stdout == "one\n"

    (tmp_path / "spec.yaml").write_text(changed)
    pachctl("update", "pipeline", "-f", str(tmp_path / "spec.yaml"), "--reprocess")
    assert counts(finished_job(pachctl, "marked")) == ("JOB_SUCCESS", 1, 0, 0)
    assert pachctl("get", "file", "marked@master:/mark").stdout == "two\n"


def test_two_datums_that_write_one_path_fail_the_job(pachctl: Callable[..., Any], create: Callable[..., None]) -> None:
    pachctl("create", "repo", "pair")
    pachctl("put", "file", "pair@master:/1", stdin="1")
    pachctl("put", "file", "pair@master:/2", stdin="2")
    create(COPY % {"name": "clash", "repo": "pair", "glob": "/*", "script": "echo x > /pfs/out/same"})

    job = finished_job(pachctl, "clash")

    assert job["state"] == "JOB_FAILURE"
    assert "duplicate path output by different datums (/same from" in job["reason"]


def test_stopping_cuts_a_pipeline_off_and_starting_runs_it_once(
    pachctl: Callable[..., Any], create: Callable[..., None]
) -> None:
    pachctl("create", "repo", "paused")
    create(COPY % {"name": "still", "repo": "paused", "glob": "/*", "script": "cp /pfs/paused/* /pfs/out/"})
    finished_job(pachctl, "still")
    pachctl("stop", "pipeline", "still")
    pachctl("put", "file", "paused@master:/1", stdin="1")
    pachctl("put", "file", "paused@master:/2", stdin="2")
    before = len(list(read_objects(pachctl("list", "job", "--pipeline", "still", "--raw").stdout)))

    pachctl("start", "pipeline", "still")

    assert counts(finished_job(pachctl, "still")) == ("JOB_SUCCESS", 2, 0, 0)
    after = len(list(read_objects(pachctl("list", "job", "--pipeline", "still", "--raw").stdout)))
    assert after == before + 1


def test_deleting_a_pipeline_takes_its_repos_and_spares_what_others_read(
    pachctl: Callable[..., Any], create: Callable[..., None]
) -> None:
    pachctl("create", "repo", "origin")
    create(COPY % {"name": "first", "repo": "origin", "glob": "/*", "script": "true"})
    create(COPY % {"name": "second", "repo": "first", "glob": "/*", "script": "true"})

    refused = pachctl("delete", "pipeline", "first", check=False)
    assert refused.returncode == 1
    assert "default/second" in refused.stderr
    pachctl("delete", "pipeline", "second")
    pachctl("delete", "pipeline", "first")

    repos = pachctl("list", "repo", "--all").stdout
    assert "origin" in repos
    assert "first" not in repos


def test_the_job_goes_on_where_a_killed_server_left_it(tmp_path: Path) -> None:
    """Kill -9 with some datums done and one under way: the next server finishes the job with the same output."""
    import subprocess
    import sys
    import time

    home = tmp_path / "home"
    home.mkdir()
    server = ServerProcess(home, ("--workers", "1"))
    server.start()

    def run(*arguments: str, stdin: str | None = None) -> str:
        command = [str(Path(sys.executable).parent / "pachctl"), *arguments]
        environment = server.environment(tmp_path)
        result = subprocess.run(command, env=environment, input=stdin, capture_output=True, text=True, check=False)
        assert result.returncode == 0, f"{arguments}: {result.stderr}{server.log()}"
        return result.stdout

    gate = tmp_path / "gate"
    run("create", "repo", "steps")
    for number in range(6):
        (tmp_path / f"{number}").write_text(str(number))
        run("put", "file", f"steps@master:/{number}", "-f", str(tmp_path / f"{number}"))
    wait = f"if [ $f = /pfs/steps/5 ]; then while [ ! -e {gate} ]; do sleep 0.05; done; fi"
    script = f"for f in /pfs/steps/*; do {wait}; cp $f /pfs/out/; done"
    spec = tmp_path / "spec.yaml"
    spec.write_text(
        (COPY % {"name": "slow", "repo": "steps", "glob": "/*", "script": script}) + "datumSetSpec: {number: 1}\n"
    )
    run("create", "pipeline", "-f", str(spec))

    def job() -> dict[str, Any]:
        return next(read_objects(run("list", "job", "--pipeline", "slow", "--raw")))

    while int(job().get("data_processed", 0)) < 5:
        time.sleep(0.05)
    before = job()["job"]["id"]
    server.kill()
    gate.touch()
    server.start()
    try:
        run("wait", "commit", "slow@master")
        ended = next(read_objects(run("inspect", "job", f"slow@{before}", "--raw")))
        assert counts(ended) == ("JOB_SUCCESS", 6, 0, 0)
        assert int(ended["restart"]) == 1
        assert [run("get", "file", f"slow@master:/{number}") for number in range(6)] == list("012345")
    finally:
        server.stop()


def test_the_spec_picks_the_runner_and_the_job_says_which_ran(
    pachctl: Callable[..., Any], create: Callable[..., None], tmp_path: Path
) -> None:
    """A Python script is run warm if nothing is said; the annotation has it run as a process."""
    pachctl("create", "repo", "code")
    pachctl("put", "file", "code@master:/s.py", stdin="open('/pfs/out/x', 'w').write('x')")
    spec = "pipeline: {name: py}\ninput: {pfs: {repo: code, glob: /}}\ntransform: {cmd: [python3, /pfs/code/s.py]}\n"
    create(spec)
    assert finished_job(pachctl, "py")["runners"] == {"warm": "1"}

    (tmp_path / "spec.yaml").write_text(spec + "metadata: {annotations: {runner: process}}\n")
    pachctl("update", "pipeline", "-f", str(tmp_path / "spec.yaml"), "--reprocess")
    assert finished_job(pachctl, "py")["runners"] == {"process": "1"}

    (tmp_path / "spec.yaml").write_text(spec + "metadata: {annotations: {runner: fast}}\n")
    refused = pachctl("update", "pipeline", "-f", str(tmp_path / "spec.yaml"), check=False)
    assert refused.returncode == 1
    assert "metadata.annotations.runner: 'fast' is no runner" in refused.stderr
