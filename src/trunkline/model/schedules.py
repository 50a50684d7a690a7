"""Schedules of cron inputs and triggers (reference, section 3.5): five fields, or ``@every 1h30m`` and its relatives.

All times are UTC.
"""

import re
from calendar import monthrange
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import MAXYEAR, UTC, date, datetime, time, timedelta

from trunkline.errors import InvalidInputError

_FIELDS = (("minute", 0, 59), ("hour", 0, 23), ("day of month", 1, 31), ("month", 1, 12), ("day of week", 0, 7))
_MONTH_NAMES = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_MONTHS = dict(zip(_MONTH_NAMES, range(1, 13), strict=True))
_WEEKDAYS = dict(zip(("sun", "mon", "tue", "wed", "thu", "fri", "sat"), range(7), strict=True))
_NAMES: tuple[dict[str, int], ...] = ({}, {}, {}, _MONTHS, _WEEKDAYS)
_WORDS = {
    "@yearly": "0 0 1 1 *",
    "@annually": "0 0 1 1 *",
    "@monthly": "0 0 1 * *",
    "@weekly": "0 0 * * 0",
    "@daily": "0 0 * * *",
    "@midnight": "0 0 * * *",
    "@hourly": "0 * * * *",
}
_DURATION = re.compile(r"(?:(\d{1,9})h)?(?:(\d{1,9})m)?(?:(\d{1,9})(?:\.\d{1,9})?s)?", re.ASCII)
_PART = re.compile(r"(\*|\?|[a-z0-9]+)(?:-([a-z0-9]+))?(?:/(\d{1,4}))?", re.ASCII)
_TEXT_MAX = 500
_EVERY_MAX = timedelta(hours=2_562_047)
"""As far as the field's durations reach, 292 years."""
_CYCLE_YEARS = 400
"""After so many years the calendar repeats, weekdays too: what is not due within them never is."""


@dataclass(frozen=True, slots=True)
class Schedule:
    """When something is due. Made by `parse_schedule`."""

    minutes: frozenset[int] = frozenset()
    hours: frozenset[int] = frozenset()
    days: frozenset[int] = frozenset()
    months: frozenset[int] = frozenset()
    weekdays: frozenset[int] = frozenset()
    either_day: bool = False
    """Whether one of day of month and day of week is enough, as it is when both are restricted."""
    every: timedelta | None = None

    def next_after(self, moment: datetime) -> datetime | None:
        """Return the first due time after moment, which must have a zone; None when there is none up to year 9999."""
        try:
            moment = moment.astimezone(UTC)
            if self.every is not None:
                return moment.replace(microsecond=0) + self.every
            at = moment.replace(second=0, microsecond=0) + timedelta(minutes=1)
        except OverflowError:
            return None
        for day in self._days_from(at.date()):
            earliest = at.time() if day == at.date() else time()
            for hour in sorted(self.hours):
                for minute in sorted(self.minutes):
                    if (hour, minute) >= (earliest.hour, earliest.minute):
                        return datetime.combine(day, time(hour, minute), UTC)
        return None

    def _days_from(self, first: date) -> Iterator[date]:
        for year in range(first.year, min(first.year + _CYCLE_YEARS, MAXYEAR) + 1):
            for month in sorted(self.months):
                if (year, month) < (first.year, first.month):
                    continue
                for number in range(1, monthrange(year, month)[1] + 1):
                    if (
                        (self.either_day or number in self.days)
                        and self._is_day(date(year, month, number))
                        and (date(year, month, number) >= first)
                    ):
                        yield date(year, month, number)

    def _is_day(self, at: date) -> bool:
        in_month, in_week = at.day in self.days, at.isoweekday() % 7 in self.weekdays
        return (in_month or in_week) if self.either_day else (in_month and in_week)


def parse_schedule(text: str) -> Schedule:
    """Return the schedule that text says, or raise InvalidInputError, "error parsing cron-spec"."""
    if len(text) > _TEXT_MAX:
        raise _unreadable(text[:20] + "…", f"it is longer than {_TEXT_MAX} characters")
    words = text.lower().split()
    if words == ["@never"]:
        return Schedule()
    if words[:1] == ["@every"] and len(words) == 2:
        return Schedule(every=_parse_every(text, words[1]))
    if len(words) == 1 and words[0] in _WORDS:
        words = _WORDS[words[0]].split()
    if len(words) != len(_FIELDS):
        raise _unreadable(text, "it takes five fields, such as 0 * * * *, or @every 10m, @hourly, @daily, @never")
    parsed = [_parse_field(text, word, index) for index, word in enumerate(words)]
    minutes, hours, days, months, weekdays = parsed
    return Schedule(
        minutes,
        hours,
        days,
        months,
        frozenset(day % 7 for day in weekdays),
        either_day=words[2][0] not in "*?" and words[4][0] not in "*?",
    )


def _unreadable(text: str, reason: str) -> InvalidInputError:
    return InvalidInputError(f"error parsing cron-spec {text!r}: {reason}")


def _parse_every(text: str, duration: str) -> timedelta:
    match = _DURATION.fullmatch(duration)
    hours, minutes, seconds = match.groups(default="0") if match else ("0", "0", "0")
    every = timedelta(hours=int(hours), minutes=int(minutes), seconds=int(seconds))
    if every < timedelta(seconds=1):
        raise _unreadable(text, "@every takes a duration of a second or more, such as 90s or 1h30m")
    if every > _EVERY_MAX:
        raise _unreadable(text, f"@every takes at most {_EVERY_MAX // timedelta(hours=1)}h, which is 292 years")
    return every


def _parse_field(text: str, word: str, index: int) -> frozenset[int]:
    numbers: set[int] = set()
    for part in word.split(","):
        numbers |= _parse_part(text, part, index)
    return frozenset(numbers)


def _parse_part(text: str, part: str, index: int) -> set[int]:
    name, low, high = _FIELDS[index]
    if not (match := _PART.fullmatch(part)):
        raise _unreadable(text, f"{part!r} is no {name}")
    start, end, step = match.groups()
    if start in "*?":
        first, last = low, high - (1 if name == "day of week" else 0)
    else:
        first = _parse_number(text, start, index)
        last = _parse_number(text, end, index) if end else high if step else first
    if first > last or step == "0" or (start in "*?" and end):
        raise _unreadable(text, f"{part!r} is no range of {name}s")
    return set(range(first, last + 1, int(step or 1)))


def _parse_number(text: str, word: str, index: int) -> int:
    name, low, high = _FIELDS[index]
    number = _NAMES[index].get(word, int(word) if word.isdecimal() and len(word) < 4 else -1)
    if not low <= number <= high:
        raise _unreadable(text, f"{word!r} is no {name}")
    return number
