"""The job methods of ``pps_v2.API``."""

from collections.abc import Iterable, Iterator, Sequence
from itertools import islice

import grpc
from google.protobuf.empty_pb2 import Empty

from trunkline.api import pps_wire, wire
from trunkline.api.actions import Actions
from trunkline.api.jq_filter import matching
from trunkline.errors import NotFoundError
from trunkline.model.names import DEFAULT_PROJECT
from trunkline.model.versions import RepoKey
from trunkline.pfs.queries import commits
from trunkline.pfs.references import resolve_commit
from trunkline.pfs.transaction import Transaction
from trunkline.pfs.versioning import Versioning
from trunkline.pps import jobs, pipelines
from trunkline.pps.executor import Executor
from trunkline.pps.queries import jobs as job_queries
from trunkline.pps.queries import pipelines as pipeline_queries
from trunkline.pps.queries.jobs import JobRow
from trunkline.pps.queries.pipelines import PipelineRow
from trunkline.proto import pps_pb2
from trunkline.proto.transaction_pb2 import TransactionRequest

_JOBS_AT_ONCE = 64


class JobMethods:
    """Shows, waits for, stops and removes jobs."""

    _versioning: Versioning
    _actions: Actions
    _executor: Executor

    def InspectJob(self, request: pps_pb2.InspectJobRequest, context: grpc.ServicerContext) -> pps_pb2.JobInfo:
        job = find_job(self._versioning, request.job)
        if request.wait:
            job = self._wait(job, context)
        with self._versioning.reading() as tx:
            info = JobInfos(tx, details=request.details).one(job)
        if request.details and not job.state.is_terminal:
            at_work = self._executor.at_work(str(job.key))
            info.details.worker_status.extend(pps_wire.worker_status(each, job) for each in at_work)
        return info

    def InspectJobSet(
        self, request: pps_pb2.InspectJobSetRequest, context: grpc.ServicerContext
    ) -> Iterator[pps_pb2.JobInfo]:
        with self._versioning.reading() as tx:
            found = job_queries.jobs_of_set(tx.connection, request.job_set.id)
        if not found:
            raise NotFoundError(f"no jobs found for jobset {request.job_set.id}: not found")
        for job in found:
            if request.wait:
                job = self._wait(job, context)  # noqa: PLW2901 - the same job, later
            with self._versioning.reading() as tx:
                info = JobInfos(tx, details=request.details).one(job)
            yield info

    def ListJob(self, request: pps_pb2.ListJobRequest, context: grpc.ServicerContext) -> Iterator[pps_pb2.JobInfo]:
        with self._versioning.reading() as tx:
            key = None
            if request.pipeline.name:
                key = pipelines.find_pipeline(tx, *pps_wire.read_pipeline(request.pipeline)).key
            wanted = [resolve_commit(tx, wire.read_commit(commit)).key for commit in request.input_commit]
            oldest_versions = _oldest_versions(tx, request.history)
            found = (
                job
                for job in _listed(tx, request, pipeline_key=key, input_commits=wanted)
                if job.version >= oldest_versions.get(job.pipeline_key, 0)
            )
            infos = JobInfos(tx, details=request.details).of(found)
            yield from islice(matching(request.jqFilter, infos), request.number or None)

    def ListJobSet(
        self, request: pps_pb2.ListJobSetRequest, context: grpc.ServicerContext
    ) -> Iterator[pps_pb2.JobSetInfo]:
        with self._versioning.reading() as tx:
            infos = JobInfos(tx, details=request.details)
            sets = (_job_set(infos, id_, rows) for id_, rows in _listed_sets(tx, request))
            yield from islice(matching(request.jqFilter, sets), request.number or None)

    def SubscribeJob(
        self, request: pps_pb2.SubscribeJobRequest, context: grpc.ServicerContext
    ) -> Iterator[pps_pb2.JobInfo]:
        with self._versioning.reading() as tx:
            key = pipelines.find_pipeline(tx, *pps_wire.read_pipeline(request.pipeline)).key
        last = 0
        while context.is_active():
            seen = self._versioning.db.changes.count
            with self._versioning.reading() as tx:
                fresh = job_queries.jobs_made_after(tx.connection, key, last)
                if not last:
                    fresh.sort(key=lambda job: job.state.is_terminal)
                infos = list(JobInfos(tx, details=request.details).of(fresh))
            yield from infos
            last = max((job.key for job in fresh), default=last)
            self._versioning.db.changes.wait(seen, seconds=1.0)

    def StopJob(self, request: pps_pb2.StopJobRequest, context: grpc.ServicerContext) -> Empty:
        self._actions.run(TransactionRequest(stop_job=request), context)
        return Empty()

    def UpdateJobState(self, request: pps_pb2.UpdateJobStateRequest, context: grpc.ServicerContext) -> Empty:
        self._actions.run(TransactionRequest(update_job_state=request), context)
        return Empty()

    def DeleteJob(self, request: pps_pb2.DeleteJobRequest, context: grpc.ServicerContext) -> Empty:
        with self._versioning.transaction() as tx:
            jobs.delete_job(tx, jobs.find_job(tx, *pps_wire.read_job(request.job)))
        return Empty()

    def _wait(self, job: JobRow, context: grpc.ServicerContext) -> JobRow:
        def look() -> JobRow | None:
            with self._versioning.reading() as tx:
                current = job_queries.job_by_key(tx.connection, job.key)
            if current is None:
                raise NotFoundError(f"jobs {job} not found: it was deleted")
            return current if current.state.is_terminal else None

        found = self._versioning.db.changes.poll(look, give_up=lambda: not context.is_active())
        return found if found is not None else job


def _listed(
    tx: Transaction,
    request: pps_pb2.ListJobRequest | pps_pb2.ListJobSetRequest,
    *,
    pipeline_key: int | None = None,
    input_commits: Sequence[int] = (),
) -> Iterator[JobRow]:
    """Yield the jobs of a page and of what follows it."""
    has_marker = request.HasField("paginationMarker")
    return job_queries.list_jobs(
        tx.connection,
        pipeline_key=pipeline_key,
        input_commits=input_commits,
        projects=[project.name or DEFAULT_PROJECT for project in request.projects],
        beyond=wire.microseconds(request.paginationMarker) if has_marker else None,
        oldest_first=request.reverse,
    )


def _oldest_versions(tx: Transaction, history: int) -> dict[int, int]:
    """Return the oldest version of each pipeline whose jobs are listed; nothing when it is all of them."""
    if history < 0:
        return {}
    return {key: version - history for key, version in pipeline_queries.current_versions(tx.connection)}


def find_job(versioning: Versioning, message: pps_pb2.Job) -> JobRow:
    """Return the job that is meant, or raise NotFoundError."""
    with versioning.reading() as tx:
        return jobs.find_job(tx, *pps_wire.read_job(message))


def _listed_sets(tx: Transaction, request: pps_pb2.ListJobSetRequest) -> Iterator[tuple[str, list[JobRow]]]:
    """Yield the jobs of each set, in the order of the sets' first jobs in the list."""
    wanted = {project.name or DEFAULT_PROJECT for project in request.projects}
    seen: set[str] = set()
    for job in _listed(tx, request):
        if job.id not in seen:
            seen.add(job.id)
            rows = job_queries.jobs_of_set(tx.connection, job.id)
            yield job.id, [row for row in rows if not wanted or row.project in wanted]


def _job_set(infos: "JobInfos", id: str, rows: list[JobRow]) -> pps_pb2.JobSetInfo:  # noqa: A002 - the field's word
    return pps_pb2.JobSetInfo(job_set=pps_pb2.JobSet(id=id), jobs=list(infos.of(rows)))


class JobInfos:
    """Jobs as messages. What many of them share is looked up once, the rest for some at a time."""

    def __init__(self, tx: Transaction, *, details: bool) -> None:
        self._connection = tx.connection
        self._details = details
        self._versions: dict[tuple[int, int], PipelineRow] = {}

    def one(self, job: JobRow) -> pps_pb2.JobInfo:
        """Return the message of a job."""
        return next(self.of([job]))

    def of(self, rows: Iterable[JobRow]) -> Iterator[pps_pb2.JobInfo]:
        """Yield the message of each job."""
        source = iter(rows)
        while block := list(islice(source, _JOBS_AT_ONCE)):
            outputs = commits.commits_by_key(self._connection, [job.output_commit for job in block])
            keys = {output.key: output.commit for output in outputs}
            for job in block:
                yield pps_wire.job_info(
                    job,
                    self._version(job),
                    keys[job.output_commit],
                    details=self._details,
                    inputs=self._inputs(job) if self._details else {},
                )

    def _version(self, job: JobRow) -> PipelineRow:
        key = job.pipeline_key, job.version
        if key not in self._versions:
            row = pipeline_queries.find_version(self._connection, *key)
            assert row is not None
            self._versions[key] = row
        return self._versions[key]

    def _inputs(self, job: JobRow) -> dict[RepoKey, str]:
        upstream = commits.provenance_of(self._connection, job.output_commit)
        return {commit.commit.repo: commit.commit.id for commit in upstream}
