"""How pipelines are doing: what needs a person's attention, and how many do."""

from collections import Counter
from collections.abc import Sequence
from enum import Enum

from trunkline.model.jobs import JobState, PipelineState
from trunkline.pfs.transaction import Transaction
from trunkline.pps.queries import jobs, pipelines
from trunkline.pps.queries.pipelines import PipelineRow
from trunkline.pps.spec.decode import decode_spec
from trunkline.pps.spec.durations import parse_duration
from trunkline.pps.status.condition import condition_of

_BAD_ENDS = (JobState.FAILURE, JobState.KILLED, JobState.UNRUNNABLE)


class Health(Enum):
    """What a pipeline is counted as. One may be active and unhealthy."""

    ACTIVE = "active"
    PAUSED = "paused"
    FAILED = "failed"
    UNHEALTHY = "unhealthy"


def health(row: PipelineRow, last_job: JobState | None, state: PipelineState) -> list[Health]:
    """Return what a pipeline counts as, given how its newest job is and which state it reports."""
    if row.stopped:
        found = [Health.PAUSED]
    elif row.state is PipelineState.FAILURE:
        found = [Health.FAILED]
    else:
        found = [Health.ACTIVE]
    return [*found, Health.UNHEALTHY] if last_job in _BAD_ENDS or state is PipelineState.CRASHING else found


def summarise(tx: Transaction, projects: Sequence[str] = ()) -> dict[str, Counter[Health]]:
    """Return the counts of each project that has pipelines; of the given ones only, where given."""
    counts: dict[str, Counter[Health]] = {name: Counter() for name in projects}
    for row in pipelines.list_pipelines(tx.connection, projects):
        condition = condition_of(tx, row)
        counts.setdefault(row.project, Counter()).update(health(row, condition.last_job, condition.state))
    return counts


def alerts_of(tx: Transaction, row: PipelineRow) -> list[str]:
    """Return what should be looked at in a pipeline, a sentence each; nothing when all is well."""
    last = jobs.newest_job(tx.connection, row.key)
    alerts = []
    if row.state is PipelineState.FAILURE:
        alerts.append(f"the pipeline cannot run: {row.reason}")
    condition = condition_of(tx, row)
    if condition.state is PipelineState.CRASHING:
        alerts.append(f"its process ends again and again: {condition.reason}")
    if last is not None and last.state in (JobState.FAILURE, JobState.UNRUNNABLE):
        alerts.append(f"the newest job, {last.id}, ended as {last.state.name}: {last.reason}")
    if uptime := decode_spec(row.spec_json).maximum_expected_uptime:
        alerts += _uptime_alerts(tx.now, condition.busy_since, uptime)
    return alerts


def _uptime_alerts(now: int, busy_since: int | None, uptime: str) -> list[str]:
    seconds = (now - busy_since) / 1_000_000 if busy_since is not None else 0
    return (
        [f"busy for {seconds:.0f} s, longer than maximumExpectedUptime, {uptime}"]
        if seconds > parse_duration(uptime)
        else []
    )
