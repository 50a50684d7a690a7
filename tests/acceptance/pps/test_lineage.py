"""Why a job ran what it ran, what a file was made from, what came of it."""

import json
import subprocess
import sys
from pathlib import Path

import grpc
import pytest

from trunkline.proto import lineage_pb2, lineage_pb2_grpc, pfs_pb2, pps_pb2
from trunkline.testing.cluster import Cluster, pfs, shell

UPPER = shell("for f in /pfs/in/*; do tr a-z A-Z < $f > /pfs/out/$(basename $f); echo saw $f; done")
JOIN = shell("cat /pfs/upper/* > /pfs/out/all")


@pytest.fixture(scope="module")
def lineage(cluster: Cluster) -> lineage_pb2_grpc.LineageStub:
    """The service, over letters that ``upper`` makes large and ``all`` puts together."""
    cluster.create_repo("letters")
    cluster.put("letters", {"/a": "a", "/b": "b"})
    cluster.create({"pipeline": {"name": "upper"}, "transform": UPPER, "input": pfs("letters", name="in")})
    cluster.create({"pipeline": {"name": "all"}, "transform": JOIN, "input": pfs("upper", "/")})
    cluster.finished_job("all")
    cluster.put("letters", {"/b": "bb", "/c": "c"})
    cluster.finished_job("all")
    return lineage_pb2_grpc.LineageStub(grpc.insecure_channel(cluster.server.address.removeprefix("grpc://")))


def request(repo: str, path: str) -> lineage_pb2.LineageRequest:
    branch = pfs_pb2.Branch(name="master", repo=pfs_pb2.Repo(name=repo, type="user"))
    return lineage_pb2.LineageRequest(file=pfs_pb2.File(commit=pfs_pb2.Commit(branch=branch), path=path))


def told(steps: object) -> list[tuple[int, str, str]]:
    """Return depth, repo:path and pipeline of each step."""
    return [
        (step.depth, f"{step.file.commit.repo.name}:{step.file.path}", step.job.pipeline.name)
        for step in steps  # type: ignore[attr-defined]
    ]


def causes(found: lineage_pb2.Explanation) -> dict[str, tuple[int, list[str]]]:
    return {cause.why: (cause.datums, list(cause.examples)) for cause in found.causes}


def test_a_job_tells_why_each_datum_ran(cluster: Cluster, lineage: lineage_pb2_grpc.LineageStub) -> None:
    job = cluster.finished_job("upper").job

    found = lineage.Explain(lineage_pb2.ExplainRequest(job=job))

    assert (found.total, found.to_run, found.skipped) == (3, 2, 1)
    assert causes(found) == {"new": (1, ["in:/c"]), "changed input": (1, ["in:/b"])}


def test_a_plan_tells_what_would_run_and_changes_nothing(
    cluster: Cluster, lineage: lineage_pb2_grpc.LineageStub
) -> None:
    spec = {"pipeline": {"name": "upper"}, "transform": UPPER, "input": pfs("letters", name="in")}
    jobs = len(cluster.jobs("upper"))

    same = lineage.Plan(lineage_pb2.PlanRequest(create_pipeline_request_json=json.dumps(spec)))
    anew = lineage.Plan(lineage_pb2.PlanRequest(create_pipeline_request_json=json.dumps(spec), reprocess=True))
    fewer = lineage.Plan(
        lineage_pb2.PlanRequest(
            create_pipeline_request_json=json.dumps({**spec, "input": pfs("letters", "/[ab]", name="in")})
        )
    )
    new = lineage.Plan(
        lineage_pb2.PlanRequest(create_pipeline_request_json=json.dumps({**spec, "pipeline": {"name": "other"}}))
    )

    assert (same.total, same.to_run, same.skipped) == (3, 0, 3)
    assert {why: count for why, (count, _) in causes(anew).items()} == {"reprocess": 3}
    assert (fewer.total, fewer.to_run, fewer.deleted) == (2, 0, 1)
    assert (new.to_run, causes(new)["new"][0]) == (3, 3)
    assert len(cluster.jobs("upper")) == jobs
    assert {info.pipeline.name for info in cluster.pps.ListPipeline(pps_pb2.ListPipelineRequest())} == {"upper", "all"}


def test_a_file_is_traced_to_what_people_wrote(lineage: lineage_pb2_grpc.LineageStub) -> None:
    steps = list(lineage.Why(request("all", "/all")))

    assert told(steps) == [
        (0, "all:/all", "all"),
        (1, "upper:/a", "upper"),
        (2, "letters:/a", ""),
        (1, "upper:/b", "upper"),
        (2, "letters:/b", ""),
        (1, "upper:/c", "upper"),
        (2, "letters:/c", ""),
    ]
    # Each file names the job that wrote it: /a was written by the first one.
    assert steps[1].job.id != steps[3].job.id
    assert (steps[3].ran_because, steps[5].ran_because) == ("changed input: in:/b", "new")


def test_what_came_of_a_file_is_found_downstream(lineage: lineage_pb2_grpc.LineageStub) -> None:
    assert told(lineage.Impact(request("letters", "/b"))) == [(0, "upper:/b", "upper"), (1, "all:/all", "all")]


def test_inputs_that_are_combined_are_traced_as_well(cluster: Cluster, lineage: lineage_pb2_grpc.LineageStub) -> None:
    cluster.create_repo("digits")
    cluster.put("digits", {"/deep/1": "1", "/deep/2": "2"})
    node = {"cross": [pfs("letters", name="in"), pfs("digits", "/*")]}
    script = "cat /pfs/in/* /pfs/digits/deep/* > /pfs/out/$(basename /pfs/in/*)"
    cluster.create({"pipeline": {"name": "crossed"}, "transform": shell(script), "input": node})
    assert cluster.finished_job("crossed").data_processed == 3

    made = told(lineage.Impact(request("digits", "/deep/2")))
    source = told(lineage.Why(request("crossed", "/a")))

    assert sorted(made) == [(0, f"crossed:/{name}", "crossed") for name in "abc"]
    assert source == [(0, "crossed:/a", "crossed"), (1, "digits:/deep/", ""), (1, "letters:/a", "")]
    cluster.pps.DeletePipeline(pps_pb2.DeletePipelineRequest(pipeline=pps_pb2.Pipeline(name="crossed")))


def test_the_code_and_the_version_of_the_specification_are_told(
    cluster: Cluster, lineage: lineage_pb2_grpc.LineageStub
) -> None:
    cluster.create_repo("code")
    cluster.put("code", {"/twice.sh": "cat /pfs/letters/* /pfs/letters/* > /pfs/out/twice"})
    node = {"cross": [pfs("letters", "/a"), pfs("code", "/twice.sh")]}
    spec = {"pipeline": {"name": "twice"}, "transform": {"cmd": ["sh", "/pfs/code/twice.sh"]}, "input": node}
    cluster.create(spec)
    cluster.finished_job("twice")
    cluster.create({**spec, "description": "the same"}, update=True)
    cluster.finished_job("twice")

    before = list(lineage.Why(request("twice", "/twice")))
    cluster.create({**spec, "description": "again"}, update=True, reprocess=True)
    cluster.finished_job("twice")
    after = list(lineage.Why(request("twice", "/twice")))

    assert [(step.file.path, step.is_code) for step in before] == [
        ("/twice", False),
        ("/twice.sh", True),
        ("/a", False),
    ]
    assert (before[0].pipeline_version, after[0].pipeline_version) == (1, 3)  # the second skipped the datum
    assert before[0].spec_commit.repo.type == "spec"
    assert before[0].spec_commit.id != after[0].spec_commit.id
    cluster.pps.DeletePipeline(pps_pb2.DeletePipelineRequest(pipeline=pps_pb2.Pipeline(name="twice")))


def test_a_file_that_is_not_there_is_not_found(lineage: lineage_pb2_grpc.LineageStub) -> None:
    for call in (lineage.Why, lineage.Impact):
        with pytest.raises(grpc.RpcError) as refused:
            list(call(request("letters", "/absent")))
        assert refused.value.code() is grpc.StatusCode.NOT_FOUND


def test_the_command_line_prints_it(
    cluster: Cluster, lineage: lineage_pb2_grpc.LineageStub, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PACHD_ADDRESS", cluster.server.address)
    monkeypatch.setenv("PACH_CONFIG", str(tmp_path / "config.json"))
    spec = tmp_path / "spec.json"
    spec.write_text(json.dumps({"pipeline": {"name": "next"}, "transform": UPPER, "input": pfs("letters", name="in")}))

    def run(*arguments: str) -> str:
        program = str(Path(sys.executable).parent / "trunkline")
        return subprocess.run([program, *arguments], capture_output=True, text=True, check=True).stdout

    job = cluster.finished_job("upper").job.id
    explained = run("explain", f"upper@{job}")
    assert "default/upper: 3 datums" in explained
    assert "1 ran: changed input (in:/b)" in explained
    shown = run("inspect", "job", f"upper@{job}").splitlines()
    assert "  1 ran: changed input (in:/b)" in shown[shown.index("Ran because:") :]
    listed = run("list", "datum", f"upper@{job}").splitlines()
    reasons = sorted(line.rpartition("   ")[2].strip() for line in listed)
    assert reasons == ["-", "RAN BECAUSE", "changed input: in:/b", "new"]
    assert "3 would run: new (in:/a; in:/b; in:/c)" in run("plan", "-f", str(spec))
    lines = run("why", "upper@master:/c").splitlines()
    assert ":/c  by upper@" in lines[0]
    assert ", spec version 1 (new)" in lines[0]
    assert lines[1:5] == ["", "Its datum printed:", "  saw /pfs/in/c", ""]
    assert lines[5] == "It was made from:"
    assert lines[6].startswith("  letters@")
    assert "all@" in run("impact", "letters@master:/a").splitlines()[1]


def test_many_files_of_a_kind_are_one_line_unless_all_are_asked_for(
    cluster: Cluster, lineage: lineage_pb2_grpc.LineageStub, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A result that was made of forty, each with a script of its own: twice over, as a second pipeline reads both."""
    monkeypatch.setenv("PACHD_ADDRESS", cluster.server.address)
    monkeypatch.setenv("PACH_CONFIG", str(tmp_path / "config.json"))
    cluster.create_repo("rows")
    cluster.create_repo("tools")
    cluster.put("rows", {f"/{number:02d}": str(number) for number in range(40)})
    cluster.put("tools", {"/twice.sh": "cat $rows $rows > /pfs/out/$(basename $rows)", "/weights": "1"})
    node = {"cross": [pfs("rows"), pfs("tools", "/twice.sh"), pfs("tools", "/weights", name="weights")]}
    transform = {"cmd": ["sh", "/pfs/tools/twice.sh", "/pfs/weights/weights"]}
    cluster.create({"pipeline": {"name": "double"}, "transform": transform, "input": node})
    whole = {"cross": [pfs("double", "/"), pfs("rows", "/")]}
    cluster.create({"pipeline": {"name": "sum"}, "transform": shell("cat /pfs/*/* > /pfs/out/sum"), "input": whole})
    assert cluster.finished_job("sum").state == pps_pb2.JobState.JOB_SUCCESS

    def run(*arguments: str) -> list[str]:
        program = str(Path(sys.executable).parent / "trunkline")
        done = subprocess.run([program, *arguments], capture_output=True, text=True, check=True)
        return done.stdout.splitlines()

    short, full = run("why", "sum@master:/sum"), run("why", "sum@master:/sum", "--all")
    forward = run("impact", "rows@master:/07")

    [group] = [line for line in short if ": 40 files (/00, /01, ...)  by 40 datums of double, from " in line]
    assert group.endswith("from 40 of rows, 2 of tools")
    assert len(short) < 12
    assert short[-1] == "In all 83 files: 41 of rows, 40 of double, 2 of tools; --all shows each"
    # Each of the forty with its row, script and weights; the script is what is run, also there.
    assert sum("/twice.sh  (code)" in line for line in full) == 40
    assert not any("/weights  (code)" in line for line in full)
    assert len(full) == 5 + 40 * 4 + 1
    # It is read directly, and by way of another file, and told once.
    assert sum("sum@" in line and ":/sum " in line for line in forward) == 1
    assert len(run("impact", "tools@master:/twice.sh")) == 3
    for name in ("sum", "double"):
        cluster.pps.DeletePipeline(pps_pb2.DeletePipelineRequest(pipeline=pps_pb2.Pipeline(name=name)))
