"""How long a process waits before it is started again, and what is said of it meanwhile."""

from trunkline.model.jobs import PipelineState
from trunkline.model.residents import ResidentEnd
from trunkline.pps.queries.residents import ResidentRow
from trunkline.pps.residents.restarts import after_begin, after_end, reported

SECOND = 1_000_000
FRESH = ResidentRow(1, 0, PipelineState.STARTING)
DIED = ResidentEnd("it died", failed=True, began=True)
DONE = ResidentEnd("it ended", failed=False, began=True)


def live(row: ResidentRow, end: ResidentEnd, *, at: int, seconds: float = 0) -> ResidentRow:
    """Return the row after a life of some seconds that began at a time."""
    return after_end(after_begin(row, at), end, at + int(seconds * SECOND))


def test_waits_double_up_to_a_minute() -> None:
    row, waits = FRESH, []
    for _ in range(40):
        row = live(row, DIED, at=0)
        waits.append(row.next_start_at / SECOND)

    assert waits[:9] == [0.25, 0.5, 1, 2, 4, 8, 16, 32, 60]
    assert set(waits[9:]) == {60}


def test_the_third_failure_in_a_row_is_a_crash() -> None:
    once = live(FRESH, DIED, at=0)
    thrice = live(live(once, DIED, at=0), DIED, at=0)

    assert (once.state, once.reason) == (PipelineState.RESTARTING, "it died")
    assert (thrice.state, thrice.reason) == (PipelineState.CRASHING, "it died")


def test_a_good_end_is_no_failure_and_forgives_those_before() -> None:
    row = live(live(FRESH, DIED, at=0), DONE, at=0)

    assert (row.failures, row.state, row.next_start_at) == (0, PipelineState.RESTARTING, SECOND)


def test_a_long_life_forgives_the_failures_before_it() -> None:
    row = FRESH
    for _ in range(5):
        row = live(row, DIED, at=0)

    assert live(row, DIED, at=0, seconds=61).failures == 1
    assert live(row, DIED, at=0, seconds=59).failures == 6


def test_what_crashed_is_said_to_run_only_after_a_while() -> None:
    row = FRESH
    for _ in range(3):
        row = live(row, DIED, at=0)
    row = after_begin(row, 0)

    assert reported([row], places=1, now=9 * SECOND) == (PipelineState.CRASHING, "it died")
    assert reported([row], places=1, now=11 * SECOND) == (PipelineState.RUNNING, "")


def test_what_failed_once_runs_as_soon_as_it_is_started() -> None:
    row = after_begin(live(FRESH, DIED, at=0), 0)

    assert reported([row], places=1, now=0) == (PipelineState.RUNNING, "")


def test_the_worst_of_many_places_counts() -> None:
    runs = after_begin(FRESH, 0)
    waits = live(FRESH, DIED, at=0)

    assert reported([], places=1, now=0) == (PipelineState.STARTING, "")
    assert reported([runs], places=2, now=0) == (PipelineState.STARTING, "")
    assert reported([runs, runs], places=2, now=0) == (PipelineState.RUNNING, "")
    assert reported([runs, waits], places=2, now=0) == (PipelineState.RESTARTING, "it died")
