"""Which ticks are due, decided without a clock."""

from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from trunkline.model.schedules import parse_schedule
from trunkline.pps.inputs.cron import due_ticks, newest_tick

NOW = datetime(2026, 3, 1, 12, 0, 30, tzinfo=UTC)


def all_ticks(spec: str, last: datetime, now: datetime) -> list[datetime]:
    """What the definition says: one tick after another."""
    ticks, at = [], parse_schedule(spec).next_after(last)
    while at is not None and at <= now:
        ticks.append(at)
        at = parse_schedule(spec).next_after(at)
    return ticks


@given(
    spec=st.sampled_from(["* * * * *", "*/7 3,4 * * *", "0 0 * * 1", "@every 90s", "@every 1h", "@daily", "@never"]),
    minutes=st.integers(0, 20_000),
    most=st.integers(1, 20),
)
def test_the_newest_missed_ticks_are_those_of_the_definition(spec: str, minutes: int, most: int) -> None:
    last = NOW - timedelta(minutes=minutes)

    due = due_ticks(parse_schedule(spec), last, NOW, most=most)

    expected = all_ticks(spec, last, NOW)
    assert list(due.ticks) == expected[-most:]
    assert due.next == parse_schedule(spec).next_after(expected[-1] if expected else last)


def test_a_start_of_long_ago_costs_no_more_than_the_ticks_that_are_kept() -> None:
    due = due_ticks(parse_schedule("* * * * *"), datetime(1970, 1, 1, tzinfo=UTC), NOW, most=3)

    assert [tick.minute for tick in due.ticks] == [58, 59, 0]


def test_the_newest_tick_is_by_time_and_other_files_are_none() -> None:
    names = ["/2026-01-01T00:00:00Z", "/2026-01-01T02:00:00+03:00", "/README", "/2026-02-01", "/.x"]
    names += ["/0001-01-01T00:00:00+10:00", "/9999-12-31T23:59:59-10:00"]

    assert newest_tick(names) == datetime(2026, 1, 1, tzinfo=UTC)
    assert newest_tick([]) is None
