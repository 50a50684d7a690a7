"""Questions to the logs of all jobs: whose lines, of which time and kind, and which page of them."""

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import chain

from trunkline.errors import InvalidInputError, NotFoundError
from trunkline.objects import ObjectStore
from trunkline.pfs.projects import inspect_project
from trunkline.pfs.versioning import Versioning, now
from trunkline.pps import pipelines
from trunkline.pps.logs import LogLine, controller_lines, user_lines
from trunkline.pps.queries import jobs
from trunkline.pps.queries.jobs import JobRow

LOOK_BACK_MICROSECONDS = 24 * 3600 * 1_000_000


@dataclass(frozen=True, slots=True)
class LogQuery:
    """Whose lines: what is empty may be anything."""

    project: str = ""
    pipeline: str = ""
    job: str = ""
    datum: str = ""
    only_controller: bool = False


@dataclass(frozen=True, slots=True)
class LogFilter:
    """Which of the lines: from start on up to stop, which is left out, in microseconds since 1970.

    A stop before start turns the order around: from start, which is taken in, back to stop.
    """

    start: int
    stop: int
    offset: int = 0
    """How many lines at exactly start were seen already."""
    limit: int = 0
    pattern: re.Pattern[str] | None = None
    negate: bool = False
    only_errors: bool = False
    only_user: bool = False

    @property
    def newest_first(self) -> bool:
        """Whether the order is turned around."""
        return self.stop < self.start

    def accepts(self, line: LogLine) -> bool:
        """Tell whether a line is wanted; the offset and the limit aside."""
        is_in_time = self.start <= line.at < self.stop or self.stop <= line.at <= self.start
        return (
            is_in_time
            and (line.user or not self.only_user)
            and (line.is_error or not self.only_errors)
            and (self.pattern is None or bool(self.pattern.search(line.message)) is not self.negate)
        )


@dataclass(frozen=True, slots=True)
class LogPage:
    """Lines in the order asked for, and where the lines before and after them begin: a time and an offset at it."""

    lines: Sequence[LogLine]
    older: tuple[int, int]
    newer: tuple[int, int]


def read_pattern(text: str) -> re.Pattern[str] | None:
    """Return a filter's pattern, None for an empty one, or raise InvalidInputError."""
    try:
        return re.compile(text) if text else None
    except re.error as error:
        raise InvalidInputError(f"filter.regex.pattern: {text!r} is no regular expression: {error}") from None


def default_filter(query: LogQuery) -> LogFilter:
    """Return the time that is meant where none is given: all of a job, else the last day."""
    current = now()
    return LogFilter(0 if query.job else current - LOOK_BACK_MICROSECONDS, current + 1)


def read_page(versioning: Versioning, objects: ObjectStore, query: LogQuery, wanted: LogFilter) -> LogPage:
    """Return one page, or raise NotFoundError if what the query names does not exist."""
    lines = sorted(_lines(versioning, objects, query, wanted), key=lambda line: line.at)
    if wanted.newest_first:
        seen = min(wanted.offset, _count_at(lines, wanted.start))
        stop = len(lines) - seen
        start = max(0, stop - wanted.limit) if wanted.limit else 0
        page = lines[start:stop]
        return LogPage(page[::-1], *_borders(lines, start, stop, wanted))
    start = min(wanted.offset, _count_at(lines, wanted.start))
    stop = min(len(lines), start + wanted.limit) if wanted.limit else len(lines)
    return LogPage(lines[start:stop], *_borders(lines, start, stop, wanted))


def follow(
    versioning: Versioning, objects: ObjectStore, query: LogQuery, wanted: LogFilter, *, is_over: Callable[[], bool]
) -> Iterator[LogLine]:
    """Yield the lines that there are, then those that come, until it is over."""
    # The lines of a datum set come all at once, maybe after younger ones of another.
    sent: set[object] = set()
    while True:
        seen = versioning.db.changes.count
        yield from sorted(_lines(versioning, objects, query, wanted, sent), key=lambda line: line.at)
        if is_over():
            return
        versioning.db.changes.wait(seen, seconds=1.0)


def _count_at(lines: Sequence[LogLine], at: int) -> int:
    return sum(line.at == at for line in lines)


def _borders(lines: Sequence[LogLine], start: int, stop: int, wanted: LogFilter) -> tuple[tuple[int, int], ...]:
    if start == stop:
        low, high = sorted((wanted.start, wanted.stop))
        return (low, 0), (high, 0)
    first, last = lines[start].at, lines[stop - 1].at
    return (first, _count_at(lines[start:], first)), (last, _count_at(lines[:stop], last))


def _lines(
    versioning: Versioning, objects: ObjectStore, query: LogQuery, wanted: LogFilter, sent: set[object] | None = None
) -> Iterator[LogLine]:
    """Yield what is wanted; with sent only what is not among it, and put it there: logs of sets, controller's lines."""
    sent = set() if sent is None else sent
    oldest, newest = sorted((wanted.start, wanted.stop))
    for job in _jobs(versioning, query):
        if job.created_at > newest or (job.finished_at is not None and job.finished_at < oldest):
            continue
        said = [line for line in controller_lines(job) if line not in sent]
        sent.update(said)
        lines: Iterator[LogLine] = iter(said)
        if not query.only_controller:
            with versioning.reading() as tx:
                sets = [row for row in jobs.datum_sets_of(tx.connection, job.key) if row.logs not in sent]
            sent.update(row.logs for row in sets)
            lines = chain(lines, user_lines(objects, job, sets))
        for line in lines:
            if (not query.datum or line.datum == query.datum) and wanted.accepts(line):
                yield line


def _jobs(versioning: Versioning, query: LogQuery) -> list[JobRow]:
    with versioning.reading() as tx:
        key = pipelines.find_pipeline(tx, query.project, query.pipeline).key if query.pipeline else None
        if query.job:
            found = [job for job in jobs.jobs_of_set(tx.connection, query.job) if key in (None, job.pipeline_key)]
            if not found:
                raise NotFoundError(f"job {query.job} not found")
            return found
        if query.project:
            inspect_project(tx, query.project)
        projects = [query.project] if query.project else []
        return list(jobs.list_jobs(tx.connection, pipeline_key=key, projects=projects, oldest_first=True))
