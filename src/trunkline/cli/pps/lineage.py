"""Commands that say why: what a job ran, what a spec would run, what a file was made from, and what came of it."""

from __future__ import annotations

import sys
from collections.abc import Iterable
from pathlib import Path

import click

from trunkline import proto
from trunkline.cli import references as refer
from trunkline.cli.options import command, pass_session, project_option, raw_options
from trunkline.cli.session import Session
from trunkline.cli.show.lineage_tree import forest, step_line, tree_lines
from trunkline.cli.show.raw import print_messages
from trunkline.cli.show.terminal import say
from trunkline.errors import NotSupportedError

_LOG_LINES = 10
_EXPLAINED_AT_ONCE = 10_000
"""How many datums' records are read to show a job."""
_EVER_SECONDS = 100 * 365 * 24 * 3600


@command("explain")
@click.argument("job", metavar="PIPELINE@ID")
@project_option
@raw_options
@pass_session
def explain(session: Session, *, job: str, project: str | None, raw: str | None) -> None:
    """Say why the datums of a job ran."""
    request = proto.lineage_pb2.ExplainRequest(job=refer.job(job, session.project(project)))
    _print_explanation(session.client.lineage.Explain(request), raw, ran="ran")


@command("plan")
@click.option("-f", "--file", default="-", help="A specification; - is standard input.")
@click.option("--reprocess", is_flag=True, help="As if all datums were to be processed again.")
@project_option
@raw_options
@pass_session
def plan(session: Session, *, file: str, reprocess: bool, project: str | None, raw: str | None) -> None:
    """Say what a specification would run now, and why.

    Nothing is run or changed.
    """
    from trunkline.pps.spec.form.reader import read_specs

    text = sys.stdin.read() if file == "-" else Path(file).read_text(encoding="utf-8")
    for document in read_specs(text, file=file):
        request = proto.lineage_pb2.PlanRequest(
            create_pipeline_request_json=document.with_project(session.project(project)).json, reprocess=reprocess
        )
        _print_explanation(session.client.lineage.Plan(request), raw, ran="would run")


_all_option = click.option("--all", "whole", is_flag=True, help="Show each file, also where they are many.")


@command("why")
@click.argument("file", metavar="REPO@COMMIT:PATH")
@_all_option
@project_option
@raw_options
@pass_session
def why(session: Session, *, file: str, whole: bool, project: str | None, raw: str | None) -> None:
    """Show what a file was made from.

    The datum that wrote it, and what that printed; then the datums with the version of their specification, their input
    files and code, down to what people wrote.
    """
    request = proto.lineage_pb2.LineageRequest(file=refer.file(file, session.project(project)))
    steps = session.client.lineage.Why(request)
    if raw:
        print_messages(steps, raw)
        return
    roots = forest(steps)
    if len(roots) == 1:
        [root] = roots
        say(step_line(root.step))
        if root.step.datum_id:
            _print_log(session, root.step)
        if root.below:
            say("\nIt was made from:")
        _print_lines(tree_lines(root.below, whole=whole, came="from", indent=1))
    else:
        _print_lines(tree_lines(roots, whole=whole, came="from"))


@command("impact")
@click.argument("file", metavar="REPO@COMMIT:PATH")
@_all_option
@project_option
@raw_options
@pass_session
def impact(session: Session, *, file: str, whole: bool, project: str | None, raw: str | None) -> None:
    """Show what has been made from a file."""
    request = proto.lineage_pb2.LineageRequest(file=refer.file(file, session.project(project)))
    steps = session.client.lineage.Impact(request)
    if raw:
        print_messages(steps, raw)
    else:
        _print_lines(tree_lines(forest(steps), whole=whole, came="and from them"))


def _print_explanation(found: proto.lineage_pb2.Explanation, raw: str | None, *, ran: str) -> None:
    if raw:
        print_messages([found], raw)
        return
    say(f"{found.pipeline.project.name}/{found.pipeline.name}: {found.total} datums")
    say(f"  {found.skipped} skipped: unchanged")
    for cause in found.causes:
        say(f"  {_cause_line(cause, ran)}")
    if found.deleted:
        say(f"  {found.deleted} gone, with what they wrote")


def _cause_line(cause: proto.lineage_pb2.Cause, ran: str = "ran") -> str:
    """Return ``2 ran: new (in:/a; in:/b)``."""
    more = ", ..." if len(cause.examples) < cause.datums else ""
    return f"{cause.datums} {ran}: {cause.why} ({'; '.join(cause.examples)}{more})"


def causes_of(session: Session, info: proto.pps_pb2.JobInfo) -> str:
    """Return why datums ran, with the first examples; for many datums the command that counts them."""
    ran = info.data_processed + info.data_failed + info.data_recovered
    if not ran:
        return ""
    if ran > _EXPLAINED_AT_ONCE:
        return f"`trunkline explain {info.job.pipeline.name}@{info.job.id}` tells"
    try:
        found = session.client.lineage.Explain(proto.lineage_pb2.ExplainRequest(job=info.job))
    except NotSupportedError:  # a server of the field
        return ""
    lines = [_cause_line(cause) for cause in found.causes]
    return lines[0] if len(lines) == 1 else "\n".join(f"  {line}" for line in lines)


def _print_lines(lines: Iterable[str]) -> None:
    for line in lines:
        say(line)


def _print_log(session: Session, step: proto.lineage_pb2.LineageStep) -> None:
    request = proto.pps_pb2.GetLogsRequest()
    request.since.FromSeconds(_EVER_SECONDS)
    request.job.CopyFrom(step.job)
    request.datum.id = step.datum_id
    request.datum.job.CopyFrom(step.job)
    name = f"{step.job.pipeline.name}@{step.job.id}"
    lines = [line.message.rstrip("\n") for line in session.client.pps.GetLogs(request) if line.user]
    say("\nIts datum printed nothing." if not lines else "\nIts datum printed:")
    for line in lines[:_LOG_LINES]:
        say(f"  {line}")
    if len(lines) > _LOG_LINES:
        say(f"  ... {len(lines) - _LOG_LINES} more: pachctl logs --job {name} --datum {step.datum_id}")
