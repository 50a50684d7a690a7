"""How a pipeline is right now: its state, why, and what of it runs."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from trunkline.model.jobs import JobState, PipelineState, PipelineType
from trunkline.pfs.queries import commits
from trunkline.pfs.transaction import Transaction
from trunkline.pps.inputs.wiring import lost_inputs
from trunkline.pps.queries import jobs, residents
from trunkline.pps.queries.jobs import JobRow
from trunkline.pps.queries.pipelines import PipelineRow
from trunkline.pps.residents.ports import places_of
from trunkline.pps.residents.restarts import reported
from trunkline.pps.spec.decode import decode_spec
from trunkline.pps.status.states import pipeline_state


@dataclass(frozen=True, slots=True)
class Condition:
    """How a pipeline is right now."""

    state: PipelineState
    reason: str
    last_job: JobState | None
    """The state of its newest job."""
    processes: int | None = None
    """How many processes of a spout or service run."""
    busy_since: int | None = None
    """Since when a pipeline that is scaled has had work without a pause."""


def condition_of(tx: Transaction, row: PipelineRow) -> Condition:
    """Return how a pipeline is."""
    newest = jobs.newest_job(tx.connection, row.key)
    spec = decode_spec(row.spec_json)
    busy_at = busy_since(_jobs_at_work(tx, row)) if spec.autoscaling else None
    has_work = busy_at is not None or row.type is PipelineType.SPOUT
    lost = lost_inputs(tx, spec)
    state, reason = pipeline_state(spec, stopped=row.stopped, has_work=has_work, lost_inputs=lost)
    living = None
    if row.type is not PipelineType.TRANSFORM:
        found = residents.residents_of(tx.connection, row.key)
        living = sum(each.began_at is not None for each in found)
        if state is PipelineState.RUNNING:
            state, reason = reported(found, places=places_of(spec), now=tx.now)
            reason = reason or (_nothing_to_serve(newest) if spec.served is not None and not found else "")
    return Condition(state, reason, None if newest is None else newest.state, living, busy_at)


def _jobs_at_work(tx: Transaction, row: PipelineRow) -> Iterator[JobRow]:
    """Yield the jobs of a pipeline, newest first, without those that still wait for their inputs."""
    for job in jobs.list_jobs(tx.connection, pipeline_key=row.key):
        inputs = commits.provenance_of(tx.connection, job.output_commit) if job.state is JobState.CREATED else ()
        if all(commit.finished_at is not None for commit in inputs):
            yield job


def busy_since(newest_first: Iterable[JobRow]) -> int | None:
    """Return since when there has been work without a pause; None if there is none now."""
    since: int | None = None
    for job in newest_first:
        if since is None and job.finished_at is not None:
            continue
        if job.finished_at is not None and job.finished_at < (since or 0):
            return since
        since = min(since or job.created_at, job.created_at)
    return since


def _nothing_to_serve(newest: JobRow | None) -> str:
    """Return why a service has no process, as far as its newest job tells."""
    if newest is None or not newest.state.is_terminal:
        return ""
    if newest.state is JobState.SUCCESS:
        return "there is no datum to serve yet"
    return f"there is nothing to serve: job {newest.id} ended as {newest.state.name}: {newest.reason}"
