"""The command that asks the logs of all pipelines."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

import click

from trunkline import proto
from trunkline.cli.options import command, pass_session, project_option
from trunkline.cli.session import Session
from trunkline.cli.show.terminal import say

if TYPE_CHECKING:
    from trunkline.proto.logs_pb2 import PagingHint, UserLogQuery

_LEVELS = {"debug": "LOG_LEVEL_DEBUG", "info": "LOG_LEVEL_INFO", "error": "LOG_LEVEL_ERROR"}


def _read_time(_context: click.Context, _option: click.Parameter, text: str | None) -> int | None:
    """Return a time of RFC 3339 as microseconds since 1970; without a zone it is UTC."""
    if text is None:
        return None
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise click.BadParameter(f"{text!r} is no time such as 2026-01-31T12:00:00Z") from None
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    return round(moment.timestamp() * 1_000_000)


@command("logs2")
@click.option("-p", "--pipeline", default="", help="Those of this pipeline.")
@click.option("-j", "--job", default="", metavar="ID", help="Those of the jobs with this id.")
@click.option("--datum", default="", metavar="ID", help="Those of this datum.")
@click.option(
    "--from",
    "start",
    metavar="TIME",
    callback=_read_time,
    help="Not before; by default one day ago, or the start of the job.",
)
@click.option(
    "--to",
    "stop",
    metavar="TIME",
    callback=_read_time,
    help="Before this time; earlier than --from turns the order around.",
)
@click.option("--offset", type=click.IntRange(min=0), default=0, help="How many lines at exactly --from to skip.")
@click.option("--limit", type=click.IntRange(min=0), default=0, help="At most so many lines.")
@click.option("--regex", default="", help="Only lines that match (a pattern of RE2).")
@click.option("--negate", is_flag=True, help="Only lines that do not match --regex.")
@click.option("--level", type=click.Choice(list(_LEVELS)), default="info", help="error: stderr and failed jobs.")
@click.option("--user", "only_user", is_flag=True, help="Only what user code printed.")
@click.option("-f", "--follow", is_flag=True, help="Print new lines as they come, until Ctrl-C.")
@click.option("--raw", is_flag=True, help="Print one JSON object a line, with all there is.")
@project_option
@pass_session
def logs2(
    session: Session,
    *,
    pipeline: str,
    job: str,
    datum: str,
    start: int | None,
    stop: int | None,
    offset: int,
    limit: int,
    regex: str,
    negate: bool,
    level: str,
    only_user: bool,
    follow: bool,
    raw: bool,
    project: str | None,
) -> None:
    r"""Ask the logs of a project, pipeline, job or datum, ordered by time.

    \b
      logs2 --pipeline montage --regex 'took [0-9]{3,} s'
      logs2 --level error --limit 20
    """
    if pipeline and job and datum:
        raise click.UsageError("name two of --pipeline, --job and --datum at most")
    query = _query(session.project(project), pipeline, job, datum)
    logs = proto.logs_pb2
    request = logs.GetLogsRequest(
        query=logs.LogQuery(user=query), tail=follow, want_paging_hint=bool(limit) and not follow
    )
    wanted = request.filter
    wanted.limit, wanted.user_logs_only, wanted.level = limit, only_user, getattr(logs.LogLevel, _LEVELS[level])
    if regex:
        wanted.regex.CopyFrom(logs.RegexLogFilter(pattern=regex, negate=negate))
    if start is not None:
        getattr(wanted.time_range, "from").FromMicroseconds(start)
    if stop is not None:
        wanted.time_range.until.FromMicroseconds(stop)
    wanted.time_range.offset = offset
    for answer in session.client.logs.GetLogs(request):
        if answer.WhichOneof("response_type") == "log":
            line = answer.log.verbatim.line.decode() if raw else answer.log.pps_log_message.message
            say(line.rstrip("\n"), keep_colours=True)
        else:
            _print_hint(answer.paging_hint)


def _query(project: str, pipeline: str, job: str, datum: str) -> UserLogQuery:
    logs = proto.logs_pb2
    of_pipeline = logs.PipelineLogQuery(project=project, pipeline=pipeline)
    if pipeline and job:
        return logs.UserLogQuery(pipeline_job=logs.PipelineJobLogQuery(pipeline=of_pipeline, job=job))
    if pipeline and datum:
        return logs.UserLogQuery(pipeline_datum=logs.PipelineDatumLogQuery(pipeline=of_pipeline, datum=datum))
    if job and datum:
        return logs.UserLogQuery(job_datum=logs.JobDatumLogQuery(job=job, datum=datum))
    if pipeline:
        return logs.UserLogQuery(pipeline=of_pipeline)
    if job:
        return logs.UserLogQuery(job=job)
    return logs.UserLogQuery(datum=datum) if datum else logs.UserLogQuery(project=project)


def _print_hint(hint: PagingHint) -> None:
    for name, request in (("older", hint.older), ("newer", hint.newer)):
        times = request.filter.time_range
        begin, end = getattr(times, "from").ToJsonString(), times.until.ToJsonString()
        say(f"{name} lines: --from {begin} --to {end} --offset {times.offset}", err=True)
