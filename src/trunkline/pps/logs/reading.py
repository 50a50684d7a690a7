"""The logs of all pipelines: what jobs wrote, what the controller says of them, what spouts and services print."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

from trunkline.errors import NotFoundError
from trunkline.objects import ObjectStore
from trunkline.pfs.projects import inspect_project
from trunkline.pfs.versioning import Versioning
from trunkline.pps import pipelines
from trunkline.pps.logs.lines import LogLine, controller_lines, user_lines
from trunkline.pps.logs.resident_logs import ResidentLogs
from trunkline.pps.queries import jobs, residents
from trunkline.pps.queries.jobs import JobRow

_ANY_TIME = 1 << 62


@dataclass(frozen=True, slots=True)
class LogQuery:
    """Whose lines: what is empty may be anything."""

    project: str = ""
    pipeline: str = ""
    job: str = ""
    datum: str = ""
    only_controller: bool = False
    no_controller: bool = False


@dataclass(slots=True)
class _Seen:
    """What a reader who follows has had: logs of sets, lines of the controller, and residents' lines by number."""

    parts: set[object] = field(default_factory=set)
    next_lines: dict[int, int] = field(default_factory=dict)


class Logs:
    """The one reader of logs: both services answer from it."""

    def __init__(self, versioning: Versioning, objects: ObjectStore, residents: ResidentLogs) -> None:
        self._versioning = versioning
        self._objects = objects
        self._residents = residents

    def rounds(
        self, query: LogQuery, oldest: int = 0, newest: int = _ANY_TIME, *, goes_on: Callable[[], bool] = lambda: False
    ) -> Iterator[Iterator[LogLine]]:
        """Yield the lines that there are, then those that have come since, for as long as it goes on.

        Jobs that ended before the oldest time or began after the newest are left out, and older lines of residents;
        other lines may be of any time. Raise NotFoundError if what the query names does not exist.
        """
        seen = _Seen()
        while True:
            count = self._versioning.db.changes.count
            yield self._new_lines(query, oldest, newest, seen)
            if not goes_on():
                return
            self._versioning.db.changes.wait(count, seconds=1.0)

    def _new_lines(self, query: LogQuery, oldest: int, newest: int, seen: _Seen) -> Iterator[LogLine]:
        found = self._jobs(query)
        for job in found:
            if job.created_at <= newest and (job.finished_at is None or job.finished_at >= oldest):
                yield from self._of_job(job, query, seen)
        for pipeline in self._resident_pipelines(query, found):
            from_line = seen.next_lines.get(pipeline, 0)
            for number, line in self._residents.read(pipeline, from_line=from_line, since=oldest):
                seen.next_lines[pipeline] = number + 1
                if line.at >= oldest and _is_of(line, query):
                    yield line

    def _of_job(self, job: JobRow, query: LogQuery, seen: _Seen) -> Iterator[LogLine]:
        if not query.no_controller:
            said = [line for line in controller_lines(job) if line not in seen.parts]
            seen.parts.update(said)
            yield from (line for line in said if _is_of(line, query))
        if not query.only_controller:
            with self._versioning.reading() as tx:
                sets = [row for row in jobs.datum_sets_of(tx.connection, job.key) if row.logs not in seen.parts]
            seen.parts.update(row.logs for row in sets)
            yield from (line for line in user_lines(self._objects, job, sets) if _is_of(line, query))

    def _jobs(self, query: LogQuery) -> list[JobRow]:
        with self._versioning.reading() as tx:
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

    def _resident_pipelines(self, query: LogQuery, found: list[JobRow]) -> list[int]:
        """Return the pipelines that may have lines of spouts and services, oldest first."""
        with self._versioning.reading() as tx:
            keys = residents.pipelines_with_lines(tx.connection, query.project, query.pipeline)
        of_jobs = {job.pipeline_key for job in found}
        return [key for key in keys if not query.job or key in of_jobs]


def _is_of(line: LogLine, query: LogQuery) -> bool:
    if (line.master and query.no_controller) or (not line.master and query.only_controller):
        return False
    return query.job in ("", line.job) and query.datum in ("", line.datum)
