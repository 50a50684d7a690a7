"""What follows when a resident ends: how long it waits, and from when on it counts as crashing. Pure."""

from collections.abc import Sequence
from dataclasses import replace

from trunkline.model.jobs import PipelineState
from trunkline.model.residents import ResidentEnd
from trunkline.pps.queries.residents import ResidentRow

FAILURES_TO_CRASH = 3
"""A process that failed so often in a row is said to be crashing."""
FIRST_WAIT_SECONDS, WAIT_SECONDS_MAX = 0.25, 60.0
ENDED_WAIT_SECONDS = 1.0
"""Before a process that ended well runs again."""
RECOVERED_SECONDS = 10.0
"""What has run so long is no longer said to be crashing."""
STEADY_SECONDS = 60.0
"""What has run so long has its failures forgiven: the next one is the first."""
_MICROSECONDS = 1_000_000


def after_begin(row: ResidentRow, now: int) -> ResidentRow:
    """Return the row of a process that has just been started. One that was crashing still is: see `reported`."""
    state = PipelineState.CRASHING if row.failures >= FAILURES_TO_CRASH else PipelineState.RUNNING
    return replace(row, state=state, began_at=now, next_start_at=0)


def after_end(row: ResidentRow, end: ResidentEnd, now: int) -> ResidentRow:
    """Return the row of a process that has just ended by itself."""
    was_steady = row.began_at is not None and now - row.began_at >= STEADY_SECONDS * _MICROSECONDS
    failures = (0 if was_steady else row.failures) + 1 if end.failed else 0
    wait = min(FIRST_WAIT_SECONDS * 2 ** min(failures - 1, 30), WAIT_SECONDS_MAX) if failures else ENDED_WAIT_SECONDS
    return replace(
        row,
        state=PipelineState.CRASHING if failures >= FAILURES_TO_CRASH else PipelineState.RESTARTING,
        reason=end.reason,
        failures=failures,
        began_at=None,
        next_start_at=now + int(wait * _MICROSECONDS),
    )


def reported(rows: Sequence[ResidentRow], *, places: int, now: int) -> tuple[PipelineState, str]:
    """Return the state of a spout or service, and the reason, from the rows of its places: the worst one counts."""
    states = [(_state(row, now), row.reason) for row in rows]
    for state in (PipelineState.CRASHING, PipelineState.RESTARTING):
        if reasons := [reason for each, reason in states if each is state]:
            return state, reasons[0]
    running = sum(state is PipelineState.RUNNING for state, _ in states)
    return (PipelineState.RUNNING if running >= places else PipelineState.STARTING), ""


def _state(row: ResidentRow, now: int) -> PipelineState:
    has_run = row.began_at is not None and now - row.began_at >= RECOVERED_SECONDS * _MICROSECONDS
    return PipelineState.RUNNING if has_run else row.state
