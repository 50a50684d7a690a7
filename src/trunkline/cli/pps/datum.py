"""Commands for the datums of a job."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import click

from trunkline import proto
from trunkline.cli import references as refer
from trunkline.cli.options import command, pass_session, project_option, raw_options
from trunkline.cli.session import Session
from trunkline.cli.show import human, states
from trunkline.cli.show.inputs import leaves
from trunkline.cli.show.raw import print_messages
from trunkline.cli.show.tables import Cell, print_details, print_table
from trunkline.errors import UnavailableError

_CHANGES_SHOWN = 3
"""How many of the changed files of a datum its row names; `inspect datum` names them all."""


@command("datum")
@click.argument("job", metavar="[PIPELINE@ID]", required=False)
@click.option("-f", "--file", default="", help="A specification: list the datums that its input would make now.")
@click.option("--why", is_flag=True, hidden=True, expose_value=False)  # what had to be asked for once
@project_option
@raw_options
@pass_session
def list_datum(session: Session, *, job: str | None, file: str, project: str | None, raw: str | None) -> None:
    """List the datums of a job, or those that a specification would make.

    Those of a job with why they ran: new, which of their files changed, and so on.
    """
    if bool(job) == bool(file):
        raise click.UsageError("give either a job, pipeline@id, or --file with a specification")
    in_project = session.project(project)
    if job:
        request = proto.pps_pb2.ListDatumRequest(job=refer.job(job, in_project))
    else:
        request = proto.pps_pb2.ListDatumRequest(input=_input_of(file, in_project))
    datums = session.client.pps.ListDatum(request)
    if raw:
        print_messages(datums, raw)
    else:
        header = ("ID", "FILES", "STATUS", "TIME", *(("RAN BECAUSE",) if job else ()))
        print_table(header, (_row(info)[: len(header)] for info in datums))


def _input_of(file: str, in_project: str) -> proto.pps_pb2.Input:
    from google.protobuf.json_format import ParseDict, ParseError

    from trunkline.pps.spec.form.reader import read_specs

    text = sys.stdin.read() if file == "-" else Path(file).read_text(encoding="utf-8")
    [document, *_] = read_specs(text, file=file)
    try:
        node = ParseDict(document.data.get("input") or {}, proto.pps_pb2.Input())
    except ParseError as error:
        raise click.ClickException(f"{file}:{document.position('input').line}: input: {error}") from None
    for leaf in leaves(node):
        if leaf.HasField("pfs"):
            leaf.pfs.project = leaf.pfs.project or in_project
    return node


def _row(info: proto.pps_pb2.DatumInfo) -> list[Cell]:
    files = ", ".join(_file(each) for each in info.data)
    unknown = info.state == proto.pps_pb2.DatumState.UNKNOWN
    state = "-" if unknown else states.datum_state(info.state)
    return [info.datum.id or "-", files, state, _time(info), _why(info)]


def _why(info: proto.pps_pb2.DatumInfo) -> str:
    """Return why a datum ran, and that it was retried."""
    if not info.why or info.state == proto.pps_pb2.DatumState.SKIPPED:  # then it is why an earlier job ran it
        return "-"
    changed = info.why.split(", ", _CHANGES_SHOWN)
    more = ", ..." if len(changed) > _CHANGES_SHOWN else ""
    tries = f" ({info.tries} tries)" if info.tries > 1 else ""
    return f"{', '.join(changed[:_CHANGES_SHOWN])}{more}{tries}"


def _file(info: proto.pfs_pb2.FileInfo) -> str:
    return f"{refer.show_commit(info.file.commit)}:{info.file.path}"


def _time(info: proto.pps_pb2.DatumInfo) -> str:
    stats = info.stats
    spent = sum(human.seconds_of(each) for each in (stats.download_time, stats.process_time, stats.upload_time))
    return human.duration(spent) if spent else "-"


@command("datum")
@click.argument("job", metavar="PIPELINE@ID")
@click.argument("datum")
@project_option
@raw_options
@pass_session
def inspect_datum(session: Session, *, job: str, datum: str, project: str | None, raw: str | None) -> None:
    """Show a datum of a job."""
    message = proto.pps_pb2.Datum(job=refer.job(job, session.project(project)), id=datum)
    info = session.client.pps.InspectDatum(proto.pps_pb2.InspectDatumRequest(datum=message))
    if raw:
        print_messages([info], raw)
        return
    stats = info.stats
    inputs = "\n".join(f"  {human.size(each.size_bytes):>9}  {_file(each)}" for each in info.data)
    print_details(
        [
            ("ID", info.datum.id),
            ("Job", info.datum.job.id),
            ("State", states.datum_state(info.state)),
            ("Reason", info.reason),
            ("Ran because", info.why),
            ("Runner", info.runner),
            ("Tries", str(info.tries) if info.tries > 1 else ""),
            ("Downloaded", human.size(stats.download_bytes)),
            ("Uploaded", human.size(stats.upload_bytes)),
            ("Download time", human.duration(human.seconds_of(stats.download_time))),
            ("Process time", human.duration(human.seconds_of(stats.process_time))),
            ("Upload time", human.duration(human.seconds_of(stats.upload_time))),
            ("Record", info.pfs_state.path),
            ("Inputs", f"\n{inputs}".removeprefix("\n") if len(info.data) > 1 else inputs.strip()),
        ]
    )


@command("datum")
@click.argument("job", metavar="PIPELINE@ID")
@click.argument("paths", metavar="PATH[,PATH...]")
@project_option
@pass_session
def restart_datum(session: Session, *, job: str, paths: str, project: str | None) -> None:
    """Start running datums again.

    Those that have all the given paths, or hashes, among their inputs.
    """
    message = refer.job(job, session.project(project))
    filters = [path for path in paths.split(",") if path]
    session.client.pps.RestartDatum(proto.pps_pb2.RestartDatumRequest(job=message, data_filters=filters))


@command("datum")
@click.option("--error", default="", help="Say that the present datum has failed, and why.")
def next_datum(*, error: str) -> None:
    """In user code that batches datums: go on to the next one.

    What is in /pfs/out is then the result of the datum before. The variables of the next one are in /pfs/.env. Does not
    return when there are no more: the worker ends the code that asks.
    """
    from trunkline.client.connection import connect

    port = os.environ.get("PPS_WORKER_GRPC_PORT", "")
    if not port:
        raise click.UsageError("datums are handed out to the code of a pipeline with transform.datumBatching only")
    with connect(f"grpc://127.0.0.1:{port}") as worker:
        try:
            worker.worker.NextDatum(proto.worker_pb2.NextDatumRequest(error=error))
        except UnavailableError as problem:
            raise click.ClickException(
                f"nobody hands out datums at port {port} (does the pipeline have transform.datumBatching?): {problem}"
            ) from None
