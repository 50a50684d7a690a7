"""Commands for pipelines that exist."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping

import click

from trunkline import proto
from trunkline.cli import references as refer
from trunkline.cli.options import (
    ShowTime,
    all_projects_option,
    command,
    pass_session,
    project_option,
    raw_options,
    timestamps_option,
)
from trunkline.cli.session import Session
from trunkline.cli.show import states
from trunkline.cli.show.inputs import shorthand
from trunkline.cli.show.raw import encode, print_messages
from trunkline.cli.show.tables import Cell, Coloured, print_details, print_table
from trunkline.cli.show.terminal import say


@command("pipeline")
@click.argument("pipeline", required=False)
@click.option("-s", "--spec", is_flag=True, help="Print specifications, as create pipeline reads them.")
@click.option("--history", default="none", help="How many older versions to list, too: a number, all or none.")
@click.option("-c", "--commit", default="", help="The pipelines as they were at this commit set.")
@click.option("--state", "only", multiple=True, help="Only those in this state; may be repeated.")
@all_projects_option
@project_option
@raw_options
@timestamps_option
@pass_session
def list_pipeline(
    session: Session,
    *,
    pipeline: str | None,
    spec: bool,
    history: str,
    commit: str,
    only: tuple[str, ...],
    all_projects: bool,
    project: str | None,
    raw: str | None,
    show_time: ShowTime,
) -> None:
    """List the pipelines of a project."""
    in_project = session.project(project)
    request = proto.pps_pb2.ListPipelineRequest(
        history=history_count(history),
        details=True,
        projects=[] if all_projects else [refer.project(in_project)],
    )
    if commit:
        request.commit_set.id = commit
    if pipeline:
        request.pipeline.CopyFrom(refer.pipeline(pipeline, in_project))
    wanted = states.pipeline_states(only)
    found = session.client.pps.ListPipeline(request)
    infos = (info for info in found if not wanted or states.text(states.pipeline_state(info.state)) in wanted)
    if spec:
        _print_specs(infos, raw or "json")
    elif raw:
        print_messages(infos, raw)
    else:
        header = ("PROJECT", "NAME", "VERSION", "INPUT", "CREATED", "STATE / LAST JOB", "ALERTS", "DESCRIPTION")
        alerts = _alerts(session, None if all_projects else in_project)
        print_table(header, (_row(info, show_time, alerts) for info in infos))


def _alerts(session: Session, in_project: str | None) -> dict[tuple[str, str], int]:
    """Return how many alerts each pipeline has that has any, by project and name; ``check status`` prints them."""
    request = (
        proto.pps_pb2.CheckStatusRequest(all=True)
        if in_project is None
        else proto.pps_pb2.CheckStatusRequest(project=refer.project(in_project))
    )
    statuses = session.client.pps.CheckStatus(request)
    return {(each.project.name, each.pipeline.name): len(each.alerts) for each in statuses}


def history_count(text: str) -> int:
    """Return how many older versions ``all``, ``none`` or a number means."""
    named = {"all": -1, "none": 0}
    if text in named:
        return named[text]
    if not text.isdigit():
        raise click.BadParameter(f"--history {text!r} must be a number, all or none")
    return int(text)


def _row(info: proto.pps_pb2.PipelineInfo, show_time: ShowTime, alerts: Mapping[tuple[str, str], int]) -> list[Cell]:
    count = alerts.get((info.pipeline.project.name, info.pipeline.name), 0)
    return [
        info.pipeline.project.name,
        info.pipeline.name,
        str(info.version),
        shorthand(info.details.input),
        show_time(info.details.created_at),
        _state(info),
        Coloured(str(count), "red") if count else "-",
        info.details.description,
    ]


def _state(info: proto.pps_pb2.PipelineInfo) -> Cell:
    pipeline, job = states.pipeline_state(info.state), states.job_state(info.last_job_state)
    bad = next((each.colour for each in (pipeline, job) if isinstance(each, Coloured) and each.colour == "red"), "")
    text = f"{states.text(pipeline)} / {states.text(job) or '-'}"
    return Coloured(text, bad) if bad else text


def _print_specs(infos: Iterable[proto.pps_pb2.PipelineInfo], output: str) -> None:
    for info in infos:
        say(encode(json.loads(info.user_spec_json), output))


@command("pipeline")
@click.argument("pipeline")
@project_option
@raw_options
@timestamps_option
@pass_session
def inspect_pipeline(
    session: Session, *, pipeline: str, project: str | None, raw: str | None, show_time: ShowTime
) -> None:
    """Show a pipeline."""
    message = refer.pipeline(pipeline, session.project(project))
    request = proto.pps_pb2.InspectPipelineRequest(pipeline=message, details=True)
    info = session.client.pps.InspectPipeline(request)
    if raw:
        print_messages([info], raw)
        return
    details = info.details
    print_details(
        [
            ("Name", info.pipeline.name),
            ("Project", info.pipeline.project.name),
            ("Description", details.description),
            ("Type", _type(info)),
            ("Version", str(info.version)),
            ("Created", show_time(details.created_at)),
            ("State", states.pipeline_state(info.state)),
            ("Reason", info.reason or details.reason),
            ("Recent error", details.recent_error if details.recent_error != info.reason else ""),
            ("Last job", states.job_state(info.last_job_state)),
            ("Workers available", f"{details.workers_available} of {details.workers_requested}"),
            ("Stopped", "yes" if info.stopped else ""),
            ("Service", _service(details)),
            ("Input", shorthand(details.input)),
            ("Output branch", details.output_branch),
            ("Datum tries", str(details.datum_tries or "")),
            ("Not used here", _unused(info.user_spec_json)),
            ("Specification", _pretty(info.user_spec_json)),
            ("Effective specification", _pretty(info.effective_spec_json)),
        ]
    )


def _unused(user_spec_json: str) -> str:
    from trunkline.pps.spec.advice.lint import lint
    from trunkline.pps.spec.decode import decode_spec
    from trunkline.pps.spec.form.findings import Severity

    findings = lint(decode_spec(user_spec_json or "{}"))
    return "\n".join(str(finding) for finding in findings if finding.severity is Severity.NOTE)


def _type(info: proto.pps_pb2.PipelineInfo) -> str:
    name = proto.pps_pb2.PipelineInfo.PipelineType.Name(info.type)
    return name.removeprefix("PIPELINE_TYPE_").lower()


def _service(details: proto.pps_pb2.PipelineInfo.Details) -> str:
    """Return where a service is reached."""
    service = details.spout.service if details.HasField("spout") else details.service
    if not service.internal_port:
        return ""
    inside = f"listens at port {service.internal_port}"
    return f"{inside}, reached at localhost:{service.external_port or service.internal_port}"


def _pretty(text: str) -> str:
    return encode(json.loads(text)) if text else ""


@command("pipeline")
@click.argument("pipeline")
@project_option
@pass_session
def start_pipeline(session: Session, *, pipeline: str, project: str | None) -> None:
    """Start a stopped pipeline again."""
    message = refer.pipeline(pipeline, session.project(project))
    session.client.pps.StartPipeline(proto.pps_pb2.StartPipelineRequest(pipeline=message))


@command("pipeline")
@click.argument("pipeline")
@project_option
@pass_session
def stop_pipeline(session: Session, *, pipeline: str, project: str | None) -> None:
    """Stop a pipeline and its jobs.

    Input that comes meanwhile makes no jobs; starting it again processes what came.
    """
    message = refer.pipeline(pipeline, session.project(project))
    session.client.pps.StopPipeline(proto.pps_pb2.StopPipelineRequest(pipeline=message, must_exist=True))


@command("pipeline")
@click.argument("pipeline", required=False)
@click.option("--all", "delete_all", is_flag=True, help="All pipelines of the project.")
@click.option("-f", "--force", is_flag=True, help="Even if other pipelines read its output.")
@click.option("--keep-repo", is_flag=True, help="Keep the output as a repo of its own.")
@all_projects_option
@project_option
@pass_session
def delete_pipeline(
    session: Session,
    *,
    pipeline: str | None,
    delete_all: bool,
    force: bool,
    keep_repo: bool,
    all_projects: bool,
    project: str | None,
) -> None:
    """Delete a pipeline with its output."""
    if bool(pipeline) == delete_all:
        raise click.UsageError("give either a pipeline or --all")
    if pipeline:
        message = refer.pipeline(pipeline, session.project(project))
        session.client.pps.DeletePipeline(
            proto.pps_pb2.DeletePipelineRequest(pipeline=message, force=force, keep_repo=keep_repo, must_exist=True)
        )
        return
    projects = [] if all_projects else [refer.project(session.project(project))]
    request = proto.pps_pb2.DeletePipelinesRequest(
        projects=projects, force=force, keep_repo=keep_repo, all=all_projects
    )
    for deleted in session.client.pps.DeletePipelines(request).pipelines:
        say(f"deleted {deleted.project.name}/{deleted.name}", err=True)


@command("pipeline")
@click.argument("pipeline")
@click.option("--reprocess", is_flag=True, help="Process all datums again, the unchanged ones, too.")
@project_option
@pass_session
def rerun_pipeline(session: Session, *, pipeline: str, reprocess: bool, project: str | None) -> None:
    """Run a pipeline's last job again."""
    message = refer.pipeline(pipeline, session.project(project))
    session.client.pps.RerunPipeline(proto.pps_pb2.RerunPipelineRequest(pipeline=message, reprocess=reprocess))


@command("cron")
@click.argument("pipeline")
@project_option
@pass_session
def run_cron(session: Session, *, pipeline: str, project: str | None) -> None:
    """Let a pipeline's cron inputs tick now."""
    message = refer.pipeline(pipeline, session.project(project))
    session.client.pps.RunCron(proto.pps_pb2.RunCronRequest(pipeline=message))


@command("status")
@all_projects_option
@project_option
@raw_options
@pass_session
def check_status(session: Session, *, all_projects: bool, project: str | None, raw: str | None) -> None:
    """List pipelines that have alerts."""
    request = (
        proto.pps_pb2.CheckStatusRequest(all=True)
        if all_projects
        else proto.pps_pb2.CheckStatusRequest(project=refer.project(session.project(project)))
    )
    statuses = session.client.pps.CheckStatus(request)
    if raw:
        print_messages(statuses, raw)
        return
    rows = ((each.project.name, each.pipeline.name, alert) for each in statuses for alert in each.alerts)
    print_table(("PROJECT", "PIPELINE", "ALERT"), rows)
