"""Cron inputs: a file in the cron repo for each tick of a schedule (reference, section 4.1).

The files are all the state there is: the next tick follows from the newest file, so a server that was down goes on
where it stopped.
"""

import threading
from collections import deque
from collections.abc import Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from trunkline.errors import Error, InvalidInputError
from trunkline.model.names import DEFAULT_BRANCH
from trunkline.model.pipelines import CronInput, PipelineSpec
from trunkline.model.schedules import Schedule, parse_schedule
from trunkline.model.versions import BranchKey, CommitReference, RepoKey
from trunkline.pfs.commits import finish_commit, start_commit
from trunkline.pfs.versioning import Versioning
from trunkline.pps.queries import pipelines
from trunkline.pps.queries.pipelines import PipelineRow
from trunkline.pps.spec.decode import decode_spec
from trunkline.telemetry import log

CATCH_UP_TICKS_MAX = 100
"""Of more missed ticks than that, only the newest are made up for (docs/decisions)."""
_FORMAT = "%Y-%m-%dT%H:%M:%SZ"
_LOOK_SECONDS = 60.0
_QUIET_SECONDS = 0.2
"""How long to leave the database alone between two looks, however often it changes."""


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
    while now - window > last:
        due = _due_since(schedule, now - window, now, most)
        if len(due.ticks) == most:
            return due
        window *= 8
    return _due_since(schedule, last, now, most)


def _due_every(every: timedelta, last: datetime, now: datetime, most: int) -> Due:
    passed = max(0, (now - last) // every)
    ticks = tuple(last + every * number for number in range(max(0, passed - most) + 1, passed + 1))
    return Due(ticks, last + every * (passed + 1))


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
        with suppress(ValueError):
            found.append(datetime.fromisoformat(name.strip("/")))
    return max((tick.astimezone(UTC) for tick in found if tick.tzinfo is not None), default=None)


def tick_path(tick: datetime) -> str:
    """Return the file that a tick makes."""
    return "/" + tick.astimezone(UTC).strftime(_FORMAT)


def cron_inputs(spec: PipelineSpec) -> list[CronInput]:
    """Return the cron inputs of a spec."""
    return [leaf for leaf in spec.input.leaves() if isinstance(leaf, CronInput)] if spec.input is not None else []


def cron_repo(leaf: CronInput) -> RepoKey:
    """Return where the ticks of an input are kept."""
    return RepoKey(leaf.project, leaf.repo)


def tick(versioning: Versioning, leaves: Sequence[CronInput], at: datetime) -> None:
    """Let inputs tick at one time: one commit in each of their repos, all of one commit set."""
    with versioning.writes.short():
        _tick(versioning, leaves, at)


def _tick(versioning: Versioning, leaves: Sequence[CronInput], at: datetime) -> None:
    layers: dict[RepoKey, str] = {}
    for leaf in leaves:
        writer = versioning.file_sets.edit()
        writer.delete("/" if leaf.overwrite else tick_path(at))
        writer.add(tick_path(at))
        layers[cron_repo(leaf)] = writer.finish()
    with versioning.transaction() as tx:
        for repo, layer in layers.items():
            commit = start_commit(tx, BranchKey(repo, DEFAULT_BRANCH))
            versioning.append_layer(tx, commit, layer)
            finish_commit(tx, commit)


def run_cron(versioning: Versioning, row: PipelineRow, now: datetime) -> None:
    """Let all cron inputs of a pipeline tick now; raise InvalidInputError if it has none."""
    leaves = cron_inputs(decode_spec(row.spec_json))
    if not leaves:
        raise InvalidInputError(f'pipeline "{row}" doesn\'t have a cron input')
    tick(versioning, leaves, now)


class Clock:
    """Lets the cron inputs of running pipelines tick when they are due."""

    def __init__(self, versioning: Versioning) -> None:
        self._versioning = versioning
        self._thread = threading.Thread(target=self._run, name="cron", daemon=True)
        self._closing = threading.Event()
        self._inputs: dict[tuple[int, int], list[CronInput]] = {}  # by pipeline and version
        self._newest: dict[str, datetime | None] = {}  # by root of a cron repo's files

    def start(self) -> None:
        """Make up for missed ticks, then tick on."""
        self._thread.start()

    def close(self) -> None:
        """Stop ticking."""
        self._closing.set()
        self._versioning.db.changes.announce()
        if self._thread.is_alive():
            self._thread.join()

    def _run(self) -> None:
        while not self._closing.is_set():
            seen = self._versioning.db.changes.count
            seconds = _LOOK_SECONDS
            for leaf in self._running_inputs():
                try:
                    due = self._tick_due(leaf)
                except Error as error:
                    # Its repo may have been deleted, or someone writes to it; the other inputs tick on.
                    log("cron").warning("cron input %s: %s", leaf.repo, error)
                    continue
                if due is not None:
                    seconds = min(seconds, max(0.0, (due - datetime.now(UTC)).total_seconds()))
            self._versioning.db.changes.wait(seen, seconds=seconds)
            self._closing.wait(min(seconds, _QUIET_SECONDS))

    def _running_inputs(self) -> list[CronInput]:
        with self._versioning.reading() as tx:
            running = pipelines.running_versions(tx.connection)
            for key in running:
                if key not in self._inputs:
                    row = pipelines.find_version(tx.connection, *key)
                    self._inputs[key] = cron_inputs(decode_spec(row.spec_json)) if row is not None else []
        self._inputs = {key: self._inputs[key] for key in running}
        return [leaf for leaves in self._inputs.values() for leaf in leaves]

    def _tick_due(self, leaf: CronInput) -> datetime | None:
        """Make the ticks that are due; return when the next one is."""
        start = datetime.fromisoformat(leaf.start)
        newest = self._newest_of(leaf)
        last = max(start, newest) if newest is not None else start
        due = due_ticks(parse_schedule(leaf.spec), last, datetime.now(UTC))
        for at in due.ticks:
            if self._closing.is_set():
                break
            tick(self._versioning, [leaf], at)
        return due.next

    def _newest_of(self, leaf: CronInput) -> datetime | None:
        _, files = self._versioning.open_files(CommitReference(cron_repo(leaf), branch=DEFAULT_BRANCH))
        if files.root not in self._newest:
            if len(self._newest) > 1000:
                self._newest.clear()
            self._newest[files.root] = newest_tick(info.path for info in files.list("/"))
        return self._newest[files.root]
