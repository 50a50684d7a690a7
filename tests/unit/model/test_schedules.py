"""Schedules: what is due next, against a naive search minute by minute."""

from datetime import UTC, datetime, timedelta, timezone

import pytest
from cronsim import CronSim, CronSimError
from hypothesis import given
from hypothesis import strategies as st

from trunkline.errors import InvalidInputError
from trunkline.model.schedules import parse_schedule


def at(text: str) -> datetime:
    return datetime.fromisoformat(text + "+00:00")


@pytest.mark.parametrize(
    ("spec", "moment", "due"),
    [
        ("* * * * *", "2024-02-28T23:59:30", "2024-02-29T00:00:00"),
        ("*/15 9-17 * * mon-fri", "2024-03-01T17:50:00", "2024-03-04T09:00:00"),
        ("5/20 * * * *", "2024-01-01T00:06:00", "2024-01-01T00:25:00"),
        ("0 0 29 2 *", "2096-03-01T00:00:00", "2104-02-29T00:00:00"),
        ("0 0 29 2 */7", "2088-03-01T00:00:00", "2128-02-29T00:00:00"),  # a Sunday; 2100 has none, so 40 years
        ("0 0 13 * fri", "2024-01-01T00:00:00", "2024-01-05T00:00:00"),
        ("0 0 ? * 7", "2024-01-01T00:00:00", "2024-01-07T00:00:00"),
        ("0 0 1 JAN,jul *", "2024-01-01T00:00:00", "2024-07-01T00:00:00"),
        ("@hourly", "2024-01-01T00:00:00", "2024-01-01T01:00:00"),
        ("@daily", "2024-01-01T00:00:01", "2024-01-02T00:00:00"),
        ("@weekly", "2024-01-01T00:00:00", "2024-01-07T00:00:00"),
        ("@monthly", "2024-01-31T00:00:00", "2024-02-01T00:00:00"),
        ("@yearly", "2024-01-01T00:00:00", "2025-01-01T00:00:00"),
        ("@every 1h30m", "2024-01-01T00:00:10", "2024-01-01T01:30:10"),
        ("@every 90s", "2024-01-01T00:00:00", "2024-01-01T00:01:30"),
    ],
)
def test_the_next_due_time(spec: str, moment: str, due: str) -> None:
    assert parse_schedule(spec).next_after(at(moment)) == at(due)


@pytest.mark.parametrize("spec", ["@never", "0 0 30 2 *", "0 0 31 2,4,6,9,11 *"])
def test_what_is_never_due_has_no_next_time(spec: str) -> None:
    assert parse_schedule(spec).next_after(at("2024-01-01T00:00:00")) is None


@pytest.mark.parametrize("spec", ["* * * * *", "0 0 29 2 *", "@every 1s", "@every 2562047h", "@yearly", "@never"])
def test_nothing_is_due_after_the_last_year(spec: str) -> None:
    assert parse_schedule(spec).next_after(at("9999-12-31T23:59:59")) is None


def test_moments_of_other_zones_are_taken_as_what_they_are_in_utc() -> None:
    moment = datetime(2024, 1, 1, 1, 30, tzinfo=timezone(timedelta(hours=1)))

    assert parse_schedule("@hourly").next_after(moment) == datetime(2024, 1, 1, 1, tzinfo=UTC)


@pytest.mark.parametrize(
    "spec",
    [
        "",
        "* * * *",
        "* * * * * *",
        "60 * * * *",
        "* 24 * * *",
        "* * 0 * *",
        "* * * 13 *",
        "* * * * 8",
        "5-1 * * * *",
        "*/0 * * * *",
        "*-5 * * * *",
        "a * * * *",
        "1,,2 * * * *",
        "@reboot",
        "@every",
        "@every 0s",
        "@every soon",
        "@every 5",
        "@every 80000000h",
        "@every 2562048h",
        "@every 1" + "0" * 30 + "h",
        "@every " + "9" * 5000 + "s",
        "@every ٣h",
        "*/" + "9" * 5000 + " * * * *",
        "*" + " " * 5000 + "* * * *",
    ],
)
def test_what_is_no_schedule_is_refused(spec: str) -> None:
    with pytest.raises(InvalidInputError, match="error parsing cron-spec"):
        parse_schedule(spec)


fields = st.tuples(
    st.sampled_from(["*", "0", "*/20", "10-12", "59"]),
    st.sampled_from(["*", "0", "6,18", "23"]),
    st.sampled_from(["*", "1", "31", "10-20"]),
    st.sampled_from(["*", "3", "1-6"]),
    st.sampled_from(["*", "0", "1-5"]),
)


def field(low: int, high: int) -> st.SearchStrategy[str]:
    """Return one field as the library and we read it: it takes a range of one with a step, 7-7/2, for 7/2."""
    number, step = st.integers(low, high), st.integers(1, high + 3)
    span = st.tuples(number, number).map(sorted)
    part = st.one_of(
        st.just("*"),
        number.map(str),
        step.map("*/{}".format),
        span.map(lambda ends: "{}-{}".format(*ends)),
        st.tuples(span, step).map(
            lambda it: f"{it[0][0]}-{it[0][1]}/{it[1]}" if it[0][0] < it[0][1] else str(it[0][0])
        ),
        st.tuples(number, step).map(lambda it: f"{it[0]}/{it[1]}"),
    )
    return st.lists(part, min_size=1, max_size=2).map(",".join)


@given(
    words=st.tuples(field(0, 59), field(0, 23), field(1, 31), field(1, 12), field(0, 7)),
    moment=st.datetimes(datetime(1990, 1, 1), datetime(2190, 1, 1), timezones=st.just(UTC)),  # noqa: DTZ001
)
def test_a_library_finds_the_same_next_time(words: tuple[str, ...], moment: datetime) -> None:
    spec = " ".join(words)
    try:
        expected = next(CronSim(spec, moment))
    except (CronSimError, StopIteration):
        expected = None

    assert parse_schedule(spec).next_after(moment) == expected


@given(words=fields, minutes=st.integers(0, 366 * 24 * 60), part=st.floats(0, 1, exclude_max=True))
def test_nothing_is_due_between_a_moment_and_the_next_due_time(
    words: tuple[str, ...], minutes: int, part: float
) -> None:
    schedule = parse_schedule(" ".join(words))
    moment = at("2024-01-01T00:00:00") + timedelta(minutes=minutes)

    due = schedule.next_after(moment)

    assert due is not None
    assert due > moment
    between = moment + (due - moment) * part
    assert schedule.next_after(between) == due
