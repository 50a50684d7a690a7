"""Commands for pipelines, jobs, datums and logs: what goes over the wire, and what is printed for what comes back."""

# ruff: noqa: N802 - the wire names the methods
import io
import json
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import grpc
import pytest
from google.protobuf.duration_pb2 import Duration
from google.protobuf.empty_pb2 import Empty
from google.protobuf.timestamp_pb2 import Timestamp

from trunkline.cli import references as refer
from trunkline.proto import metadata_pb2, metadata_pb2_grpc, pfs_pb2, pps_pb2, pps_pb2_grpc

Pachctl = Callable[..., Any]
Serve = Callable[..., None]
Context = grpc.ServicerContext

ID = "7cdc0d0a1b9a4e8ea1a9a0fbd2cc7b0a"
GOOD = """\
pipeline: {name: edges}
transform: {cmd: [python3, /edges.py]}
input: {pfs: {repo: images, glob: /*}}
"""


def ago(seconds: float) -> Timestamp:
    stamp = Timestamp()
    stamp.FromMilliseconds(int((time.time() - seconds) * 1000))
    return stamp


def pfs(repo: str, glob: str) -> pps_pb2.Input:
    return pps_pb2.Input(pfs=pps_pb2.PFSInput(repo=repo, glob=glob, commit=ID))


def job_info(pipeline: str, state: pps_pb2.JobState, **fields: Any) -> pps_pb2.JobInfo:
    return pps_pb2.JobInfo(
        job=refer.job(f"{pipeline}@{ID}", "default"),
        state=state,
        created=ago(186),
        started=ago(185),
        data_processed=2,
        data_skipped=7,
        data_total=10,
        stats=pps_pb2.ProcessStats(download_bytes=2048, upload_bytes=10),
        **fields,
    )


class Engine(pps_pb2_grpc.APIServicer):
    """Remembers requests and answers with the same things every time."""

    def __init__(self) -> None:
        self.requests: list[Any] = []

    def CreatePipelineV2(
        self, request: pps_pb2.CreatePipelineV2Request, context: Context
    ) -> pps_pb2.CreatePipelineV2Response:
        self.requests.append(request)
        spec = {**json.loads(request.create_pipeline_request_json), "datumTries": "3"}
        return pps_pb2.CreatePipelineV2Response(effective_create_pipeline_request_json=json.dumps(spec))

    def RenderTemplate(
        self, request: pps_pb2.RenderTemplateRequest, context: Context
    ) -> pps_pb2.RenderTemplateResponse:
        spec = {"pipeline": {"name": request.args["name"]}, "transform": {"cmd": ["true"]}, "input": {}}
        spec["input"] = {"pfs": {"repo": "images", "glob": "/*"}}
        return pps_pb2.RenderTemplateResponse(json=json.dumps([spec, {**spec, "pipeline": {"name": "two"}}]))

    def ListPipeline(self, request: pps_pb2.ListPipelineRequest, context: Context) -> Iterator[pps_pb2.PipelineInfo]:
        self.requests.append(request)
        cross = pps_pb2.Input(cross=[pfs("images", "/*"), pps_pb2.Input(union=[pfs("a", "/"), pfs("b", "/")])])
        yield pps_pb2.PipelineInfo(
            pipeline=refer.pipeline("edges", "default"),
            version=2,
            state=pps_pb2.PIPELINE_RUNNING,
            last_job_state=pps_pb2.JOB_SUCCESS,
            user_spec_json='{"pipeline": {"name": "edges"}}',
            details=pps_pb2.PipelineInfo.Details(created_at=ago(185), input=cross, description="finds edges"),
        )
        cron = pps_pb2.Input(cron=pps_pb2.CronInput(name="tick", spec="@every 1m"))
        yield pps_pb2.PipelineInfo(
            pipeline=refer.pipeline("clock", "default"),
            version=1,
            state=pps_pb2.PIPELINE_PAUSED,
            user_spec_json="{}",
            details=pps_pb2.PipelineInfo.Details(created_at=ago(7300), input=cron),
        )

    def CheckStatus(
        self, request: pps_pb2.CheckStatusRequest, context: Context
    ) -> Iterator[pps_pb2.CheckStatusResponse]:
        yield pps_pb2.CheckStatusResponse(
            project=pfs_pb2.Project(name="default"), pipeline=refer.pipeline("clock", "default"), alerts=["a", "b"]
        )

    def ListJob(self, request: pps_pb2.ListJobRequest, context: Context) -> Iterator[pps_pb2.JobInfo]:
        self.requests.append(request)
        reason = f"datum {'5b' * 32} failed (and 2 more): no space {'x' * 200}\nTraceback [images@{ID}:/a]"
        found = [
            job_info("edges", pps_pb2.JOB_RUNNING),
            job_info("edges", pps_pb2.JOB_FAILURE, finished=ago(120), restart=1, reason=reason),
            job_info("edges", pps_pb2.JOB_KILLED, finished=ago(130), reason="job stopped"),
        ]
        yield from found[: request.number or None]

    def ListJobSet(self, request: pps_pb2.ListJobSetRequest, context: Context) -> Iterator[pps_pb2.JobSetInfo]:
        jobs = [job_info("edges", pps_pb2.JOB_SUCCESS, finished=ago(130)), job_info("montage", pps_pb2.JOB_CREATED)]
        yield pps_pb2.JobSetInfo(job_set=pps_pb2.JobSet(id=ID), jobs=jobs)

    def InspectJobSet(self, request: pps_pb2.InspectJobSetRequest, context: Context) -> Iterator[pps_pb2.JobInfo]:
        self.requests.append(request)
        yield job_info("edges", pps_pb2.JOB_SUCCESS, finished=ago(180))

    def InspectJob(self, request: pps_pb2.InspectJobRequest, context: Context) -> pps_pb2.JobInfo:
        self.requests.append(request)
        return job_info(
            "edges",
            pps_pb2.JOB_FAILURE,
            finished=ago(180),
            reason="datum 5b failed",
            data_failed=1,
            output_commit=pfs_pb2.Commit(repo=refer.repo("edges", "default"), id=ID),
            details=pps_pb2.JobInfo.Details(input=pfs("images", "/*")),
        )

    def ListDatum(self, request: pps_pb2.ListDatumRequest, context: Context) -> Iterator[pps_pb2.DatumInfo]:
        self.requests.append(request)
        file = pfs_pb2.File(commit=pfs_pb2.Commit(repo=refer.repo("images", "default"), id=ID), path="/a")
        stats = pps_pb2.ProcessStats(process_time=Duration(seconds=1), upload_time=Duration(nanos=500_000_000))
        yield pps_pb2.DatumInfo(
            datum=pps_pb2.Datum(id="5b"),
            state=pps_pb2.DatumState.SUCCESS,
            why="" if request.HasField("input") else "changed input: images:/a",
            stats=stats,
            data=[pfs_pb2.FileInfo(file=file)],
        )
        if not request.HasField("input"):
            many = ", ".join(f"images:/{number}" for number in range(9))
            yield pps_pb2.DatumInfo(datum=pps_pb2.Datum(id="5c"), why=f"changed input: {many}", tries=2)
            skipped = pps_pb2.DatumState.SKIPPED
            yield pps_pb2.DatumInfo(datum=pps_pb2.Datum(id="5d"), state=skipped, why="new", tries=1)

    def GetLogs(self, request: pps_pb2.GetLogsRequest, context: Context) -> Iterator[pps_pb2.LogMessage]:
        self.requests.append(request)
        yield pps_pb2.LogMessage(message="beginning to process", user=False)
        yield pps_pb2.LogMessage(message="hello", user=True)

    def ListSecret(self, request: Empty, context: Context) -> pps_pb2.SecretInfos:
        info = pps_pb2.SecretInfo(secret=pps_pb2.Secret(name="key"), type="Opaque", creation_timestamp=ago(185))
        return pps_pb2.SecretInfos(secret_info=[info])

    def CreateSecret(self, request: pps_pb2.CreateSecretRequest, context: Context) -> Empty:
        self.requests.append(request)
        return Empty()

    def SetClusterDefaults(
        self, request: pps_pb2.SetClusterDefaultsRequest, context: Context
    ) -> pps_pb2.SetClusterDefaultsResponse:
        self.requests.append(request)
        return pps_pb2.SetClusterDefaultsResponse(affected_pipelines=[refer.pipeline("edges", "default")])


class Labels(metadata_pb2_grpc.APIServicer):
    def __init__(self) -> None:
        self.edits: list[metadata_pb2.Edit] = []

    def EditMetadata(
        self, request: metadata_pb2.EditMetadataRequest, context: Context
    ) -> metadata_pb2.EditMetadataResponse:
        self.edits += request.edits
        return metadata_pb2.EditMetadataResponse()


@pytest.fixture
def engine(serve: Serve) -> Engine:
    engine = Engine()
    serve(engine)
    return engine


@pytest.fixture
def spec(tmp_path: Path) -> Path:
    path = tmp_path / "edges.yaml"
    path.write_text(GOOD)
    return path


def test_a_specification_is_sent_as_json_in_the_project_of_the_context(
    pachctl: Pachctl, engine: Engine, spec: Path
) -> None:
    pachctl("config", "update", "context", "--project", "photos")

    assert pachctl("create", "pipeline", "-f", str(spec)).code == 0

    [request] = engine.requests
    sent = json.loads(request.create_pipeline_request_json)
    assert sent["pipeline"] == {"name": "edges", "project": {"name": "photos"}}
    assert (request.update, request.reprocess, request.dry_run) == (False, False, False)


def test_updating_says_so(pachctl: Pachctl, engine: Engine, spec: Path) -> None:
    pachctl("update", "pipeline", "-f", str(spec), "--reprocess")

    assert (engine.requests[0].update, engine.requests[0].reprocess) == (True, True)


def sent_directories(engine: Engine) -> list[str]:
    return [json.loads(each.create_pipeline_request_json)["transform"]["workingDir"] for each in engine.requests]


def test_a_relative_working_directory_starts_at_the_specification(
    pachctl: Pachctl, engine: Engine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "deep" / "code").mkdir(parents=True)
    spec = tmp_path / "deep" / "edges.yaml"
    spec.write_text(GOOD.replace("cmd: [", "workingDir: code, cmd: ["))
    old_names = tmp_path / "old.json"
    old_names.write_text(GOOD.replace("cmd: [", "working_dir: deep/../deep/code, cmd: ["))
    absolute = tmp_path / "absolute.yaml"
    absolute.write_text(GOOD.replace("cmd: [", "workingDir: /in/the/image, cmd: ["))
    monkeypatch.chdir(tmp_path)

    for file in ("deep/edges.yaml", str(old_names), "absolute.yaml"):
        assert pachctl("create", "pipeline", "-f", file).code == 0
    monkeypatch.chdir(tmp_path / "deep")
    monkeypatch.setattr(sys, "stdin", io.StringIO(spec.read_text()))
    assert pachctl("create", "pipeline").code == 0

    code = str(tmp_path / "deep" / "code")
    assert sent_directories(engine) == [code, code, "/in/the/image", code]


def test_a_working_directory_beside_the_specification_that_is_not_there_is_told(
    pachctl: Pachctl, engine: Engine, tmp_path: Path
) -> None:
    spec = tmp_path / "edges.yaml"
    spec.write_text(GOOD.replace("cmd: [", "workingDir: code, cmd: ["))

    outcome = pachctl("create", "pipeline", "-f", str(spec))

    assert outcome.code == 1
    assert f"{spec}:2: transform.workingDir: there is no directory {tmp_path}/code" in outcome.err
    assert engine.requests == []


def test_several_specifications_of_a_file_are_all_sent(pachctl: Pachctl, engine: Engine, tmp_path: Path) -> None:
    path = tmp_path / "all.yaml"
    path.write_text(f"{GOOD}---\n{GOOD.replace('edges', 'montage')}")

    pachctl("create", "pipeline", "-f", str(path))

    names = [json.loads(each.create_pipeline_request_json)["pipeline"]["name"] for each in engine.requests]
    assert names == ["edges", "montage"]


def test_a_dry_run_prints_the_effective_specification(pachctl: Pachctl, engine: Engine, spec: Path) -> None:
    outcome = pachctl("create", "pipeline", "-f", str(spec), "--dry-run")

    assert engine.requests[0].dry_run is True
    assert json.loads(outcome.out)["datumTries"] == "3"


def test_a_mistake_is_shown_with_file_line_and_fix_and_nothing_is_sent(
    pachctl: Pachctl, engine: Engine, tmp_path: Path
) -> None:
    path = tmp_path / "bad.yaml"
    path.write_text(GOOD.replace("glob:", "globb:"))

    outcome = pachctl("create", "pipeline", "-f", str(path))

    assert outcome.code == 1
    assert f"{path}:3: input.pfs.globb: unknown field; did you mean glob?" in outcome.err
    assert all(line.startswith("error: ") for line in outcome.err.splitlines())
    assert engine.requests == []


def test_a_warning_does_not_stop(pachctl: Pachctl, engine: Engine, tmp_path: Path) -> None:
    path = tmp_path / "odd.yaml"
    path.write_text(GOOD.replace("[python3, /edges.py]", "[cp, /pfs/images/*, /pfs/out/]"))

    outcome = pachctl("create", "pipeline", "-f", str(path))

    assert outcome.code == 0
    assert outcome.err.startswith(f"warning: {path}:2: transform.cmd")
    assert len(engine.requests) == 1


def test_a_specification_is_validated_without_a_server(pachctl: Pachctl, spec: Path, tmp_path: Path) -> None:
    outcome = pachctl("validate", "pipeline", "-f", str(spec))

    assert (outcome.code, outcome.err) == (0, "pipeline edges is valid\n")
    assert not (tmp_path / "home").exists()


def test_templates_are_rendered_by_the_server(pachctl: Pachctl, engine: Engine, tmp_path: Path) -> None:
    (tmp_path / "t.jsonnet").write_text("function(name) {}")

    assert pachctl("create", "pipeline", "--jsonnet", str(tmp_path / "t.jsonnet"), "--arg", "name=one").code == 0

    names = [json.loads(each.create_pipeline_request_json)["pipeline"]["name"] for each in engine.requests]
    assert names == ["one", "two"]


def test_template_arguments_have_a_key(pachctl: Pachctl, engine: Engine, tmp_path: Path) -> None:
    outcome = pachctl("create", "pipeline", "--jsonnet", str(tmp_path), "--arg", "name")

    assert 'must have form "key=value"' in outcome.err


@pytest.mark.parametrize(
    ("options", "reason"),
    [
        (("--jsonnet", "t.jsonnet", "-f", "spec.yaml"), "give --file or --jsonnet, not both"),
        (("-f", "spec.yaml", "--arg", "name=one"), "--arg is for the template that --jsonnet names"),
    ],
)
def test_no_source_of_a_specification_is_ignored(
    pachctl: Pachctl, engine: Engine, options: list[str], reason: str
) -> None:
    outcome = pachctl("create", "pipeline", *options)

    assert (outcome.code, reason in outcome.err) == (1, True)
    assert not engine.requests


def test_pipelines_are_listed_with_their_inputs_and_states(pachctl: Pachctl, engine: Engine) -> None:
    assert pachctl("list", "pipelines").out == (
        "PROJECT   NAME    VERSION   INPUT                       CREATED         STATE / LAST JOB    ALERTS   "
        "DESCRIPTION\n"
        "default   edges   2         (images:/* ⨯ (a:/ ∪ b:/))   3 minutes ago   running / success   -        "  # noqa: RUF001
        "finds edges\n"
        "default   clock   1         tick:@every 1m              2 hours ago     paused / -          2\n"
    )


def test_pipelines_are_filtered_by_state_and_printed_as_specifications(pachctl: Pachctl, engine: Engine) -> None:
    assert pachctl("list", "pipeline", "--state", "PIPELINE_PAUSED", "-s").out == "{}\n"


@pytest.mark.parametrize(("history", "number"), [("all", -1), ("none", 0), ("3", 3)])
def test_history_is_a_number_all_or_none(pachctl: Pachctl, engine: Engine, history: str, number: int) -> None:
    pachctl("list", "pipeline", "--history", history)

    assert engine.requests[0].history == number


def test_job_sets_are_listed(pachctl: Pachctl, engine: Engine) -> None:
    assert pachctl("list", "jobs").out == (
        "ID                                 SUBJOBS   PROGRESS   CREATED         MODIFIED\n"
        f"{ID}   2         1 / 2      3 minutes ago   2 minutes ago\n"
    )


def test_jobs_of_a_pipeline_are_listed(pachctl: Pachctl, engine: Engine) -> None:
    short = f"datum failed (and 2 more): no space {'x' * 200}"[:100]
    first, rest = f"default   edges      {ID}   3 minutes ago   ", "2 + 7 / 10   2KiB   10B   "

    assert pachctl("list", "jobs", "--pipeline", "edges").out == (
        f"PROJECT   PIPELINE   {'ID':32}   STARTED         DURATION   RESTART   PROGRESS     DL     UL    STATE\n"
        f"{first}-          0         {rest}running\n"
        f"{first}1m05s      1         {rest}failure: {short}...\n"
        f"{first}55s        0         {rest}killed: job stopped\n"
    )
    assert engine.requests[0].pipeline.name == "edges"


def test_jobs_are_filtered_by_state_and_input(pachctl: Pachctl, engine: Engine) -> None:
    outcome = pachctl("list", "job", "--state", "failure", "-i", f"images@{ID}")

    assert [line.partition("10B   ")[2].partition(":")[0] for line in outcome.out.splitlines()] == ["", "failure"]
    assert engine.requests[0].input_commit[0].id == ID


def test_a_number_of_jobs_is_of_those_in_the_state(pachctl: Pachctl, engine: Engine) -> None:
    states = ("--state", "failure", "--state", "killed")

    assert len(pachctl("list", "job", "-n", "1", *states).out.splitlines()) == 1 + 1
    assert len(pachctl("list", "job", "-n", "2", *states).out.splitlines()) == 1 + 2
    assert len(pachctl("list", "job", "-n", "1", "-p", "edges").out.splitlines()) == 1 + 1
    assert engine.requests[-1].number == 1


@pytest.mark.parametrize("noun", ["job", "pipeline"])
def test_a_state_that_there_is_not_is_refused_with_those_there_are(pachctl: Pachctl, engine: Engine, noun: str) -> None:
    outcome = pachctl("list", noun, "--state", "finishd")

    assert (outcome.code, engine.requests) == (1, [])
    assert "Invalid value for --state: 'finishd' is not one of " in outcome.err
    assert "running" in outcome.err
    assert "unknown" not in outcome.err


def test_a_job_is_shown_with_reason_counts_and_commits(pachctl: Pachctl, engine: Engine) -> None:
    lines = pachctl("inspect", "job", f"edges@{ID}").out.splitlines()

    assert "State: failure" in lines
    assert "Reason: datum 5b failed" in lines
    assert "Datums: 10 in all: 2 processed, 7 skipped, 1 failed" in lines
    assert f"Input commits: images@{ID}" in lines
    assert f"Output commit: edges@{ID}" in lines
    assert (engine.requests[0].wait, engine.requests[0].details) == (False, True)


def test_waiting_for_an_id_waits_for_the_job_set(pachctl: Pachctl, engine: Engine) -> None:
    outcome = pachctl("wait", "job", ID)

    assert outcome.out.splitlines()[1].endswith("success")
    assert (engine.requests[0].job_set.id, engine.requests[0].wait) == (ID, True)


def test_datums_are_listed_with_files_state_time_and_why_they_ran(pachctl: Pachctl, engine: Engine) -> None:
    header, first, many, skipped = pachctl("list", "datum", f"edges@{ID}").out.splitlines()

    assert header == f"ID   FILES{' ' * 40}STATUS    TIME   RAN BECAUSE"
    assert first == f"5b   images@{ID}:/a   success   1.5s   changed input: images:/a"
    assert many.endswith("   changed input: images:/0, images:/1, images:/2, ... (2 tries)")
    assert skipped.endswith("skipped   -      -"), "why it ran is an earlier job's story"
    assert pachctl("list", "datum", f"edges@{ID}", "--why").out.startswith(header), "as it had to be asked for once"


def test_datums_that_have_not_run_are_listed_without_a_reason(pachctl: Pachctl, engine: Engine, spec: Path) -> None:
    header, row = pachctl("list", "datum", "-f", str(spec)).out.splitlines()

    assert header == f"ID   FILES{' ' * 40}STATUS    TIME"
    assert row == f"5b   images@{ID}:/a   success   1.5s"


def test_datums_of_a_specification_are_asked_for_by_its_input(pachctl: Pachctl, engine: Engine, spec: Path) -> None:
    pachctl("list", "datum", "-f", str(spec), "--project", "photos")

    source = engine.requests[0].input.pfs
    assert (source.project, source.repo, source.glob) == ("photos", "images", "/*")


def test_logs_are_what_the_user_code_printed(pachctl: Pachctl, engine: Engine) -> None:
    assert pachctl("logs", "--pipeline", "edges", "--since", "1h30m").out == "hello\n"
    assert pachctl("logs", "--job", f"edges@{ID}", "--worker").out == "beginning to process\nhello\n"

    first, second = engine.requests
    assert (first.pipeline.name, first.since.seconds) == ("edges", 5400)
    assert (second.job.id, second.since.seconds) == (ID, 86400)


def test_raw_logs_are_one_object_a_line(pachctl: Pachctl, engine: Engine) -> None:
    lines = pachctl("logs", "-p", "edges", "--raw").out.splitlines()

    assert json.loads(lines[1]) == {"message": "hello", "user": True}


def test_logs_of_nothing_are_refused_with_what_can_be_named(pachctl: Pachctl, engine: Engine) -> None:
    outcome = pachctl("logs")

    assert (outcome.code, engine.requests) == (1, [])
    assert "error: whose logs? give --pipeline NAME or --job PIPELINE@ID" in outcome.err


def test_tail_is_refused_with_the_way_out(pachctl: Pachctl, engine: Engine) -> None:
    assert "tail has been deprecated" in pachctl("logs", "-p", "edges", "--tail", "5").err


def test_secrets_are_listed_and_created_from_manifests(pachctl: Pachctl, engine: Engine, tmp_path: Path) -> None:
    (tmp_path / "s.yaml").write_text("kind: Secret\nmetadata: {name: key}\nstringData: {a: b}\n")

    assert pachctl("create", "secret", "-f", str(tmp_path / "s.yaml")).code == 0
    assert json.loads(engine.requests[0].file)["metadata"] == {"name": "key"}
    assert pachctl("list", "secret").out == "NAME   TYPE     CREATED\nkey    Opaque   3 minutes ago\n"


def test_defaults_say_which_pipelines_they_affect(
    pachctl: Pachctl, engine: Engine, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "d.json").write_text('{"createPipelineRequest": {"datumTries": 5}}')

    outcome = pachctl("create", "defaults", "--cluster", "-f", str(tmp_path / "d.json"), "--regenerate")

    assert outcome.out == "affected pipelines:\ndefault/edges\n"
    assert engine.requests[0].regenerate is True
    assert json.loads(engine.requests[0].cluster_defaults_json) == {"createPipelineRequest": {"datumTries": 5}}


def test_pipelines_are_drawn_in_the_order_of_the_data(pachctl: Pachctl, engine: Engine) -> None:
    drawing = pachctl("draw", "pipeline").out

    first, second = drawing.split("\n\n")
    assert all(name in first for name in ("images", "a", "b", "tick"))
    assert all(name in second for name in ("edges", "clock", "images, a, b"))


def test_metadata_is_edited_through_pickers(pachctl: Pachctl, serve: Serve) -> None:
    labels = Labels()
    serve(labels)

    pachctl("edit", "metadata", "repo", "images", "add", "owner=ada")
    pachctl("edit", "metadata", "commit", "images@master", "delete", "owner")
    pachctl("edit", "metadata", "cluster", ".", "replace", '{"site": "north"}')

    repo, commit, cluster = labels.edits
    assert (repo.repo.name.name, repo.add_key.key, repo.add_key.value) == ("images", "owner", "ada")
    assert (commit.commit.branch_head.name.name, commit.delete_key.key) == ("master", "owner")
    assert (cluster.WhichOneof("target"), dict(cluster.replace.replacement)) == ("cluster", {"site": "north"})


class Editable(Engine):
    def InspectPipeline(self, request: pps_pb2.InspectPipelineRequest, context: Context) -> pps_pb2.PipelineInfo:
        spec = {
            "pipeline": {"name": "edges", "project": {"name": "default"}},
            "transform": {"cmd": ["true"]},
            "input": {"pfs": {"repo": "images", "glob": "/*"}},
        }
        return pps_pb2.PipelineInfo(pipeline=request.pipeline, user_spec_json=json.dumps(spec))


def editor(tmp_path: Path, change: str) -> str:
    """Return a command that edits a file in place."""
    script = tmp_path / "editor.py"
    script.write_text(
        "import os, pathlib, sys\n"
        "path = pathlib.Path(sys.argv[1])\n"
        f"text = path.read_text(); path.write_text(text{change})\n"
        "os.utime(path, (2e9, 2e9))\n"
    )
    return f"{sys.executable} {script}"


def test_an_edited_pipeline_is_updated(pachctl: Pachctl, serve: Serve, tmp_path: Path) -> None:
    engine = Editable()
    serve(engine)

    outcome = pachctl("edit", "pipeline", "edges", "--editor", editor(tmp_path, ".replace('true', 'false')"))

    assert (outcome.code, outcome.err) == (0, "")
    [request] = engine.requests
    assert request.update is True
    assert json.loads(request.create_pipeline_request_json)["transform"]["cmd"] == ["false"]


@pytest.mark.parametrize(
    ("change", "code", "message"),
    [("", 0, "nothing was changed"), (".replace('edges', 'other')", 1, "cannot be edited")],
)
def test_an_edit_without_change_or_of_the_name_sends_nothing(
    pachctl: Pachctl, serve: Serve, tmp_path: Path, change: str, code: int, message: str
) -> None:
    engine = Editable()
    serve(engine)

    outcome = pachctl("edit", "pipeline", "edges", "--editor", editor(tmp_path, change))

    assert outcome.code == code
    assert message in outcome.err
    assert engine.requests == []
