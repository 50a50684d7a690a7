"""Cron inputs: a file in the cron repo for each tick of a schedule (reference, section 4.1).

The files are all the state there is: the next tick follows from the newest file, so a server that was down goes on
where it stopped.
"""

from collections import deque
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from trunkline.model.pipelines import CronInput, PipelineSpec
from trunkline.model.schedules import Schedule
from trunkline.model.versions import RepoKey

CATCH_UP_TICKS_MAX = 100
"""Of more missed ticks than that, only the newest are made up for (docs/decisions)."""


@dataclass(frozen=True, slots=True)
class Due:
    """The ticks that are due by now, oldest first, and when the next one comes; None when none ever will."""

    ticks: tuple[datetime, ...]
    next: datetime | None


def due_ticks(schedule: Schedule, last: datetime, now: datetime, *, most: int = CATCH_UP_TICKS_MAX) -> Due:
    """Return the ticks after last and up to now, the newest ``most`` of them."""
    if schedule.every is not None:
        return _due_every(schedule.every, last.replace(microsecond=0), now, most)
    # A schedule of fields does not depend on where one starts: look back only as far as it takes.
    window = timedelta(hours=1)
    while now - last > window:
        due = _due_since(schedule, now - window, now, most)
        if len(due.ticks) == most:
            return due
        window *= 8
    return _due_since(schedule, last, now, most)


def _due_every(every: timedelta, last: datetime, now: datetime, most: int) -> Due:
    passed = max(0, (now - last) // every)
    ticks = tuple(last + every * number for number in range(max(0, passed - most) + 1, passed + 1))
    try:
        return Due(ticks, last + every * (passed + 1))
    except OverflowError:
        return Due(ticks, None)


def _due_since(schedule: Schedule, since: datetime, now: datetime, most: int) -> Due:
    ticks: deque[datetime] = deque(maxlen=most)
    at = schedule.next_after(since)
    while at is not None and at <= now:
        ticks.append(at)
        at = schedule.next_after(at)
    return Due(tuple(ticks), at)


def newest_tick(names: Iterable[str]) -> datetime | None:
    """Return the latest time that a file of a cron repo is named by; other files are none."""
    found = []
    for name in names:
        with suppress(ValueError, OverflowError):  # no time, or none of the years that there are
            at = datetime.fromisoformat(name.strip("/"))
            if at.tzinfo is not None:
                found.append(at.astimezone(UTC))
    return max(found, default=None)


def tick_path(at: datetime) -> str:
    """Return the file that a tick makes."""
    return "/" + at.astimezone(UTC).replace(tzinfo=None).isoformat(timespec="seconds") + "Z"


def start_of(leaf: CronInput) -> datetime:
    """Return from when on an input ticks."""
    start = datetime.fromisoformat(leaf.start)
    return start if start.tzinfo is not None else start.replace(tzinfo=UTC)


def cron_inputs(spec: PipelineSpec) -> list[CronInput]:
    """Return the cron inputs of a spec."""
    return [leaf for leaf in spec.input.leaves() if isinstance(leaf, CronInput)] if spec.input is not None else []


def cron_repo(leaf: CronInput) -> RepoKey:
    """Return where the ticks of an input are kept."""
    return RepoKey(leaf.project, leaf.repo)
