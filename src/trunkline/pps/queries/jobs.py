"""Jobs and the datum sets that they have finished."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Column, Connection, Row, Select, delete, insert, select, update

from trunkline.db.tables import commits, datum_sets, jobs, pipelines
from trunkline.model.jobs import JobState, PipelineType
from trunkline.pfs.queries.commits import CommitRow
from trunkline.pfs.queries.garbage import replace_in
from trunkline.pps.queries.job_places import Place, Wanted, jobs_beyond

FIRST_PAGE = 16
PAGE = 256


@dataclass(frozen=True, slots=True)
class JobRow:
    """A row of ``jobs`` with its pipeline's name."""

    key: int
    pipeline_key: int
    project: str
    pipeline: str
    id: str
    version: int
    output_commit: int
    meta_commit: int | None
    state: JobState
    reason: str
    created_at: int
    started_at: int | None
    finished_at: int | None
    restart: int
    data_total: int
    data_processed: int
    data_skipped: int
    data_failed: int
    data_recovered: int
    stats: dict[str, float]
    runners: dict[str, int]
    warnings: tuple[str, ...]
    datums: str
    buckets: dict[str, str]

    def __str__(self) -> str:
        return f"{self.project}/{self.pipeline}@{self.id}"


@dataclass(frozen=True, slots=True)
class DatumSetRow:
    """A datum set whose results are kept."""

    job: int
    index: int
    attempt: int
    layer: str
    datums: str
    logs: str
    log_lines: int
    finished_at: int


def _select() -> Select[Any]:
    return select(jobs, pipelines.c.project, pipelines.c.name).join(pipelines, pipelines.c.key == jobs.c.pipeline)


def _job(row: Row[Any]) -> JobRow:
    return JobRow(
        key=row.key,
        pipeline_key=row.pipeline,
        project=row.project,
        pipeline=row.name,
        id=row.id,
        version=row.version,
        output_commit=row.output_commit,
        meta_commit=row.meta_commit,
        state=JobState(row.state),
        reason=row.reason,
        created_at=row.created_at,
        started_at=row.started_at,
        finished_at=row.finished_at,
        restart=row.restart,
        data_total=row.data_total,
        data_processed=row.data_processed,
        data_skipped=row.data_skipped,
        data_failed=row.data_failed,
        data_recovered=row.data_recovered,
        stats=row.stats,
        runners=row.runners,
        warnings=tuple(row.warnings),
        datums=row.datums,
        buckets=row.buckets,
    )


_UNFINISHED = [int(state) for state in JobState if not state.is_terminal]


def insert_job(connection: Connection, **values: object) -> None:
    """Add a job."""
    connection.execute(insert(jobs).values(state=int(JobState.CREATED), **values))


def job_by_key(connection: Connection, key: int) -> JobRow | None:
    """Return the job with that row key."""
    row = connection.execute(_select().where(jobs.c.key == key)).first()
    return None if row is None else _job(row)


def jobs_without_output(connection: Connection) -> list[JobRow]:
    """Return the jobs whose output commit does not exist, oldest first."""
    statement = _select().where(jobs.c.output_commit.not_in(select(commits.c.key))).order_by(jobs.c.key)
    return [_job(row) for row in connection.execute(statement)]


def find_job(connection: Connection, pipeline_key: int, id: str) -> JobRow | None:  # noqa: A002 - the field's word
    """Return the job of that pipeline and set."""
    row = connection.execute(_select().where(jobs.c.pipeline == pipeline_key, jobs.c.id == id)).first()
    return None if row is None else _job(row)


def job_of_output(connection: Connection, commit_key: int) -> JobRow | None:
    """Return the job that writes that output commit."""
    row = connection.execute(_select().where(jobs.c.output_commit == commit_key)).first()
    return None if row is None else _job(row)


def job_of_meta(connection: Connection, commit: CommitRow) -> JobRow | None:
    """Return the job whose datums that meta commit tells of."""
    row = connection.execute(_select().where(jobs.c.id == commit.commit.id, jobs.c.meta_commit == commit.key)).first()
    return None if row is None else _job(row)


def jobs_of_set(connection: Connection, id: str) -> list[JobRow]:  # noqa: A002
    """Return the jobs with that id, in the order they were made."""
    return [_job(row) for row in connection.execute(_select().where(jobs.c.id == id).order_by(jobs.c.key))]


def list_jobs(
    connection: Connection, *, pipeline_key: int | None = None, projects: Sequence[str] = (), oldest_first: bool = False
) -> Iterator[JobRow]:
    """Yield jobs, newest first unless told; of one pipeline, of some projects, or of all. Reads a page at a time."""
    wanted = Wanted(pipeline_key, projects, oldest_first=oldest_first)
    place, size = None, FIRST_PAGE
    while True:
        found = jobs_page(connection, wanted, place, size)
        yield from found
        if len(found) < size:
            return
        place, size = Place(found[-1].created_at, found[-1].key), PAGE


def jobs_page(connection: Connection, wanted: Wanted, beyond: Place | None, size: int) -> list[JobRow]:
    """Return the first jobs of a listing that lie beyond a place, at most so many."""
    order = [column if wanted.oldest_first else column.desc() for column in (jobs.c.created_at, jobs.c.key)]
    # The limit is inside, so that no database joins and sorts all jobs for a page.
    inner = jobs_beyond(wanted, beyond).order_by(*order).limit(size).subquery()
    named = select(inner, pipelines.c.project, pipelines.c.name)
    named = named.join(pipelines, pipelines.c.key == inner.c.pipeline)
    outer = [column if wanted.oldest_first else column.desc() for column in (inner.c.created_at, inner.c.key)]
    return [_job(row) for row in connection.execute(named.order_by(*outer))]


def keys_made_at(connection: Connection, created_at: int) -> list[int]:
    """Return the keys of the jobs that were made at that time, lowest first."""
    statement = select(jobs.c.key).where(jobs.c.created_at == created_at).order_by(jobs.c.key)
    return list(connection.execute(statement).scalars())


def jobs_made_after(connection: Connection, pipeline_key: int, key: int) -> list[JobRow]:
    """Return the jobs of a pipeline with higher row keys, oldest first."""
    statement = _select().where(jobs.c.pipeline == pipeline_key, jobs.c.key > key).order_by(jobs.c.key)
    return [_job(row) for row in connection.execute(statement)]


def newest_good_job(connection: Connection, pipeline_key: int) -> JobRow | None:
    """Return the job of a pipeline that succeeded last."""
    statement = _select().where(jobs.c.pipeline == pipeline_key, jobs.c.state == int(JobState.SUCCESS))
    row = connection.execute(statement.order_by(jobs.c.created_at.desc(), jobs.c.key.desc()).limit(1)).first()
    return None if row is None else _job(row)


def unfinished_jobs(
    connection: Connection,
    pipeline_key: int | None = None,
    *,
    type: PipelineType | None = None,  # noqa: A002 - the field's word
) -> list[JobRow]:
    """Return the jobs that have not ended, oldest first; of one pipeline or one kind of them only, where given."""
    statement = _select().where(jobs.c.state.in_(_UNFINISHED)).order_by(jobs.c.key)
    if pipeline_key is not None:
        statement = statement.where(jobs.c.pipeline == pipeline_key)
    if type is not None:
        statement = statement.where(pipelines.c.type == int(type))
    return [_job(row) for row in connection.execute(statement)]


def job_before(connection: Connection, job: JobRow) -> JobRow | None:
    """Return the newest job of the same pipeline that was made before this one and has not ended."""
    statement = _select().where(jobs.c.pipeline == job.pipeline_key, jobs.c.key < job.key)
    statement = statement.where(jobs.c.state.in_(_UNFINISHED)).order_by(jobs.c.key.desc()).limit(1)
    row = connection.execute(statement).first()
    return None if row is None else _job(row)


def newest_job(connection: Connection, pipeline_key: int) -> JobRow | None:
    """Return the job of a pipeline that was made last."""
    statement = _select().where(jobs.c.pipeline == pipeline_key)
    statement = statement.order_by(jobs.c.created_at.desc(), jobs.c.key.desc()).limit(1)
    row = connection.execute(statement).first()
    return None if row is None else _job(row)


def update_job(connection: Connection, key: int, **values: object) -> bool:
    """Set columns of a job that has not ended; return whether there was one."""
    statement = update(jobs).where(jobs.c.key == key, jobs.c.state.in_(_UNFINISHED)).values(**values)
    return connection.execute(statement).rowcount == 1


def delete_jobs(connection: Connection, keys: Sequence[int]) -> None:
    """Remove jobs with the record of their datum sets."""
    connection.execute(delete(datum_sets).where(datum_sets.c.job.in_(keys)))
    connection.execute(delete(jobs).where(jobs.c.key.in_(keys)))


def insert_datum_set(connection: Connection, row: DatumSetRow) -> None:
    """Keep the results of a datum set."""
    connection.execute(
        insert(datum_sets).values(
            job=row.job,
            index=row.index,
            attempt=row.attempt,
            layer=row.layer,
            datums=row.datums,
            logs=row.logs,
            log_lines=row.log_lines,
            finished_at=row.finished_at,
        )
    )


def forget_layers(connection: Connection, job_key: int) -> None:
    """Keep of a job's datum sets all but what they wrote."""
    connection.execute(update(datum_sets).where(datum_sets.c.job == job_key).values(layer=""))


def datum_sets_of(connection: Connection, job_key: int) -> list[DatumSetRow]:
    """Return the datum sets that a job has finished, in the order they were formed."""
    # A row's own method hides a column called index.
    statement = (
        select(datum_sets, datum_sets.c.index.label("number"))
        .where(datum_sets.c.job == job_key)
        .order_by(datum_sets.c.index)
    )
    return [
        DatumSetRow(row.job, row.number, row.attempt, row.layer, row.datums, row.logs, row.log_lines, row.finished_at)
        for row in connection.execute(statement)
    ]


def used_roots(connection: Connection) -> list[str]:
    """Return the root of each table that jobs point at."""
    columns: Sequence[Column[str]] = (jobs.c.datums, datum_sets.c.datums, datum_sets.c.layer)
    found = [
        root
        for column in columns
        for root in connection.execute(select(column).where(column != "").distinct()).scalars()
    ]
    for buckets in connection.execute(select(jobs.c.buckets)).scalars():
        found += filter(None, buckets.values())
    return found


def used_logs(connection: Connection) -> list[str]:
    """Return the key of each log object."""
    return list(connection.execute(select(datum_sets.c.logs).where(datum_sets.c.logs != "")).scalars())


def replace_layers(connection: Connection, new: Mapping[str, str]) -> None:
    """Point at other layers of the same content."""
    replace_in(connection, datum_sets.c.layer, new)
