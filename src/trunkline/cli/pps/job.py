"""Commands for jobs and job sets."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import islice

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
from trunkline.cli.pps.lineage import causes_of
from trunkline.cli.pps.pipeline import history_count
from trunkline.cli.session import Session
from trunkline.cli.show import human, states
from trunkline.cli.show.inputs import leaves
from trunkline.cli.show.raw import encode, print_messages, to_dict
from trunkline.cli.show.tables import Cell, print_details, print_table
from trunkline.model.ids import is_id
from trunkline.model.jobs import JobState

_HEADER = ("PROJECT", "PIPELINE", "ID", "STARTED", "DURATION", "RESTART", "PROGRESS", "DL", "UL", "STATE")


@command("job")
@click.argument("job_set", metavar="[ID]", required=False)
@click.option("-p", "--pipeline", default="", help="The jobs of this pipeline.")
@click.option("-i", "--input", "inputs", multiple=True, help="Jobs that read this commit: repo@ref; may be repeated.")
@click.option("--history", default="none", help="Of how many older versions of the pipeline: a number, all or none.")
@click.option("-x", "--expand", is_flag=True, help="Show the jobs of each set.")
@click.option("-n", "--number", default=0, help="At most so many.")
@click.option("--state", "only", multiple=True, help="Only those in this state; may be repeated.")
@all_projects_option
@project_option
@raw_options
@timestamps_option
@pass_session
def list_job(
    session: Session,
    *,
    job_set: str | None,
    pipeline: str,
    inputs: tuple[str, ...],
    history: str,
    expand: bool,
    number: int,
    only: tuple[str, ...],
    all_projects: bool,
    project: str | None,
    raw: str | None,
    show_time: ShowTime,
) -> None:
    """List job sets, or the jobs of a set or pipeline.

    Without options: job sets, newest first. A job set is all the jobs that one change set off.
    """
    in_project = session.project(project)
    wanted = states.job_states(only)
    projects = [] if all_projects else [refer.project(in_project)]
    pps = session.client.pps
    if job_set:
        message = proto.pps_pb2.JobSet(id=_job_set_id(job_set))
        jobs = pps.InspectJobSet(proto.pps_pb2.InspectJobSetRequest(job_set=message))
        _print_jobs(islice(_in_state(jobs, wanted), max(number, 0) or None), raw, show_time)
        return
    if not (pipeline or inputs or only or expand):
        _list_sets(session, projects, number, raw, show_time)
        return
    request = proto.pps_pb2.ListJobRequest(
        projects=projects,
        history=history_count(history),
        number=0 if wanted else number,  # the server knows no states: the number is of those that are shown
        input_commit=[refer.commit(text, in_project) for text in inputs],
    )
    if pipeline:
        request.pipeline.CopyFrom(refer.pipeline(pipeline, in_project))
    _print_jobs(islice(_in_state(pps.ListJob(request), wanted), max(number, 0) or None), raw, show_time)


def _list_sets(
    session: Session, projects: list[proto.pfs_pb2.Project], number: int, raw: str | None, show_time: ShowTime
) -> None:
    request = proto.pps_pb2.ListJobSetRequest(projects=projects, number=number)
    sets = session.client.pps.ListJobSet(request)
    if raw:
        print_messages(sets, raw)
    else:
        rows = (_set_row(info, show_time) for info in sets)
        print_table(("ID", "SUBJOBS", "PROGRESS", "CREATED", "MODIFIED"), rows)


def _set_row(info: proto.pps_pb2.JobSetInfo, show_time: ShowTime) -> list[str]:
    done = sum(JobState(job.state).is_terminal for job in info.jobs if job.state)
    created = min((job.created for job in info.jobs), key=human.seconds_of)
    modified = max(
        (job.finished if job.HasField("finished") else job.created for job in info.jobs), key=human.seconds_of
    )
    progress = f"{done} / {len(info.jobs)}"
    return [info.job_set.id, str(len(info.jobs)), progress, show_time(created), show_time(modified)]


def _in_state(jobs: Iterable[proto.pps_pb2.JobInfo], wanted: set[str]) -> Iterable[proto.pps_pb2.JobInfo]:
    return (job for job in jobs if not wanted or states.text(states.job_state(job.state)) in wanted)


def _print_jobs(jobs: Iterable[proto.pps_pb2.JobInfo], raw: str | None, show_time: ShowTime) -> None:
    if raw:
        print_messages(jobs, raw)
    else:
        print_table(_HEADER, (_row(job, show_time) for job in jobs))


def _row(job: proto.pps_pb2.JobInfo, show_time: ShowTime) -> list[Cell]:
    return [
        job.job.pipeline.project.name,
        job.job.pipeline.name,
        job.job.id,
        show_time(job.started),
        _duration(job),
        str(job.restart),
        _progress(job),
        human.size(job.stats.download_bytes),
        human.size(job.stats.upload_bytes),
        states.job_outcome(job),
    ]


def _progress(job: proto.pps_pb2.JobInfo) -> str:
    """Return ``processed + skipped / total``."""
    return f"{job.data_processed} + {job.data_skipped} / {job.data_total}"


def _duration(job: proto.pps_pb2.JobInfo) -> str:
    if not (job.HasField("started") and job.HasField("finished")):
        return "-"
    return human.duration(human.seconds_of(job.finished) - human.seconds_of(job.started))


@command("job")
@click.argument("job", metavar="PIPELINE@ID")
@project_option
@raw_options
@timestamps_option
@pass_session
def inspect_job(session: Session, *, job: str, project: str | None, raw: str | None, show_time: ShowTime) -> None:
    """Show a job."""
    _inspect(session, job, project, raw, show_time, wait=False)


@command("job")
@click.argument("job", metavar="PIPELINE@ID | ID")
@project_option
@raw_options
@timestamps_option
@pass_session
def wait_job(session: Session, *, job: str, project: str | None, raw: str | None, show_time: ShowTime) -> None:
    """Wait until a job, or all jobs of a set, are done, then show them."""
    _inspect(session, job, project, raw, show_time, wait=True)


def _inspect(
    session: Session, job: str, project: str | None, raw: str | None, show_time: ShowTime, *, wait: bool
) -> None:
    pps = session.client.pps
    if "@" not in job:
        job_set = proto.pps_pb2.JobSet(id=_job_set_id(job))
        jobs = pps.InspectJobSet(proto.pps_pb2.InspectJobSetRequest(job_set=job_set, wait=wait))
        _print_jobs(jobs, raw, show_time)
        return
    message = refer.job(job, session.project(project))
    info = pps.InspectJob(proto.pps_pb2.InspectJobRequest(job=message, wait=wait, details=True))
    if raw:
        print_messages([info], raw)
    else:
        print_details(_details(info, show_time, causes_of(session, info)))


def _details(info: proto.pps_pb2.JobInfo, show_time: ShowTime, causes: str) -> list[tuple[str, Cell]]:
    stats, details = info.stats, info.details
    read = [
        f"{leaf.pfs.repo or leaf.cron.repo}@{commit}"
        for leaf in leaves(details.input)
        if (commit := leaf.pfs.commit or leaf.cron.commit)
    ]
    return [
        ("ID", info.job.id),
        ("Project", info.job.pipeline.project.name),
        ("Pipeline", info.job.pipeline.name),
        ("Pipeline version", str(info.pipeline_version or "")),
        ("State", states.job_state(info.state)),
        ("Reason", info.reason),
        ("Created", show_time(info.created)),
        ("Started", show_time(info.started)),
        ("Duration", _duration(info)),
        ("Restarts", str(info.restart or "")),
        ("Datums", f"{info.data_total} in all: {_counts(info)}"),
        ("Ran because", causes),
        ("Runner", ", ".join(f"{name} ({count} datums)" for name, count in sorted(info.runners.items()))),
        ("Warnings", "\n".join(info.warnings)),
        ("Downloaded", human.size(stats.download_bytes)),
        ("Uploaded", human.size(stats.upload_bytes)),
        ("Download time", human.duration(human.seconds_of(stats.download_time))),
        ("Process time", human.duration(human.seconds_of(stats.process_time))),
        ("Upload time", human.duration(human.seconds_of(stats.upload_time))),
        ("Input commits", ", ".join(read)),
        ("Output commit", refer.show_commit(info.output_commit)),
        ("Transform", encode(to_dict(details.transform)) if details.HasField("transform") else ""),
        ("Input", encode(to_dict(details.input)) if details.HasField("input") else ""),
        ("Workers", "\n".join(_worker(each) for each in details.worker_status)),
    ]


def _counts(info: proto.pps_pb2.JobInfo) -> str:
    counts = {
        "processed": info.data_processed,
        "skipped": info.data_skipped,
        "failed": info.data_failed,
        "recovered": info.data_recovered,
    }
    return ", ".join(f"{count} {name}" for name, count in counts.items() if count or name == "processed")


def _worker(status: proto.pps_pb2.WorkerStatus) -> str:
    paths = ", ".join(file.path for file in status.datum_status.data)
    return f"  {status.worker_id}: {paths or 'idle'}"


@command("job")
@click.argument("job", metavar="PIPELINE@ID | ID")
@project_option
@pass_session
def stop_job(session: Session, *, job: str, project: str | None) -> None:
    """Stop a job, or all jobs of a set."""
    pps = session.client.pps
    if "@" in job:
        message = refer.job(job, session.project(project))
        pps.StopJob(proto.pps_pb2.StopJobRequest(job=message, reason="job stopped"))
        session.report_transaction()
        return
    job_set = proto.pps_pb2.JobSet(id=_job_set_id(job))
    jobs = list(pps.InspectJobSet(proto.pps_pb2.InspectJobSetRequest(job_set=job_set)))
    requests = [
        proto.transaction_pb2.TransactionRequest(
            stop_job=proto.pps_pb2.StopJobRequest(job=info.job, reason="job stopped")
        )
        for info in jobs
        if not JobState(info.state).is_terminal
    ]
    if requests:
        batch = proto.transaction_pb2.BatchTransactionRequest(requests=requests)
        session.client_outside_transaction.transaction.BatchTransaction(batch)


@command("job")
@click.argument("job", metavar="PIPELINE@ID|ID")
@project_option
@pass_session
def delete_job(session: Session, *, job: str, project: str | None) -> None:
    """Delete the record of a job.

    Of all jobs of a set, where a set's id is given. Their commits stay.
    """
    pps = session.client.pps
    if "@" in job:
        messages = [refer.job(job, session.project(project))]
    else:
        job_set = proto.pps_pb2.JobSet(id=_job_set_id(job))
        found = pps.InspectJobSet(proto.pps_pb2.InspectJobSetRequest(job_set=job_set))
        # The last in line first, so that none runs on an input whose job is gone.
        messages = [info.job for info in reversed(list(found))]
    for message in messages:
        pps.DeleteJob(proto.pps_pb2.DeleteJobRequest(job=message))


def _job_set_id(text: str) -> str:
    if not is_id(text):
        raise click.BadArgumentUsage(f"{text!r} is not the id of a job set; `list job` shows ids")
    return text
