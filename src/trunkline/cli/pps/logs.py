"""The command that prints logs."""

from __future__ import annotations

import json

import click

from trunkline import proto
from trunkline.cli import references as refer
from trunkline.cli.options import command, pass_session, project_option, wire_duration
from trunkline.cli.session import Session
from trunkline.cli.show.raw import to_dict
from trunkline.cli.show.terminal import say


@command("logs")
@click.option("-p", "--pipeline", default="", help="The logs of this pipeline.")
@click.option("-j", "--job", default="", help="The logs of this job: pipeline@id.")
@click.option("--datum", default="", help="Only those of this datum.")
@click.option("--inputs", default="", help="Only those of datums with these paths or hashes, separated by commas.")
@click.option("--master", is_flag=True, help="What the controller says about the pipeline or job.")
@click.option("--worker", is_flag=True, help="What workers say, besides the user code.")
@click.option("-f", "--follow", is_flag=True, help="Print new lines as they come, until Ctrl-C.")
@click.option("--since", default="24h", show_default=True, help="How far back to look.")
@click.option("-t", "--tail", type=int, default=None, hidden=True)
@click.option("--raw", is_flag=True, help="Print one JSON object a line, with all there is.")
@project_option
@pass_session
def logs(
    session: Session,
    *,
    pipeline: str,
    job: str,
    datum: str,
    inputs: str,
    master: bool,
    worker: bool,
    follow: bool,
    since: str,
    tail: int | None,
    raw: bool,
    project: str | None,
) -> None:
    r"""Print what the user code of a pipeline or job printed.

    \b
      logs --pipeline montage
      logs --job montage@7cdc0d0a1b9a4e8ea1a9a0fbd2cc7b0a --datum 5b1c...
    """
    if tail is not None:
        raise click.UsageError("tail has been deprecated: pipe the output through `tail` instead")
    if not (pipeline or job or datum):
        raise click.UsageError("whose logs? give --pipeline NAME or --job PIPELINE@ID; `logs2` has those of a project")
    if datum and not (pipeline or job):
        raise click.UsageError("--datum needs --pipeline or --job")
    request = proto.pps_pb2.GetLogsRequest(
        master=master, follow=follow, data_filters=[text for text in inputs.split(",") if text]
    )
    request.since.CopyFrom(wire_duration(since))
    in_project = session.project(project)
    if job:
        request.job.CopyFrom(refer.job(job, in_project))
    if pipeline:
        request.pipeline.CopyFrom(refer.pipeline(pipeline, in_project))
    if datum:
        request.datum.id = datum
        request.datum.job.CopyFrom(request.job)
    only_user = not (master or worker or raw)
    for line in session.client.pps.GetLogs(request):
        if raw:
            say(json.dumps(to_dict(line), ensure_ascii=False))
        elif line.user or not only_user:
            say(line.message.rstrip("\n"), keep_colours=True)
