"""The job methods of ``pps_v2.API``."""

from collections.abc import Iterator
from itertools import islice

import grpc
from google.protobuf.empty_pb2 import Empty

from trunkline.api.actions import Actions
from trunkline.api.pps.job_infos import JobInfos, list_infos, list_sets, start_of, wanted_by
from trunkline.api.pps.jq_filter import matching
from trunkline.api.wire import pfs as wire
from trunkline.api.wire import pps as pps_wire
from trunkline.errors import NotFoundError
from trunkline.pfs.history.references import resolve_commit
from trunkline.pfs.transaction import Transaction
from trunkline.pfs.versioning import Versioning
from trunkline.pps import pipelines
from trunkline.pps.jobs import moves
from trunkline.pps.jobs.executor import Executor
from trunkline.pps.queries import jobs as job_queries
from trunkline.pps.queries import pipelines as pipeline_queries
from trunkline.pps.queries.jobs import JobRow
from trunkline.proto import pps_pb2
from trunkline.proto.transaction_pb2 import TransactionRequest


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
            info = JobInfos(details=request.details).one(tx, job)
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
                info = JobInfos(details=request.details).one(tx, job)
            yield info

    def ListJob(self, request: pps_pb2.ListJobRequest, context: grpc.ServicerContext) -> Iterator[pps_pb2.JobInfo]:
        with self._versioning.reading() as tx:
            key = None
            if request.pipeline.name:
                key = pipelines.find_pipeline(tx, *pps_wire.read_pipeline(request.pipeline)).key
            inputs = [resolve_commit(tx, wire.read_commit(commit)).key for commit in request.input_commit]
            oldest = _oldest_versions(tx, request.history)
            start = start_of(tx, request)
        wanted = wanted_by(request, pipeline_key=key, input_commits=inputs)
        infos = list_infos(self._versioning, JobInfos(details=request.details), wanted, start, oldest_versions=oldest)
        yield from islice(matching(request.jqFilter, infos), request.number or None)

    def ListJobSet(
        self, request: pps_pb2.ListJobSetRequest, context: grpc.ServicerContext
    ) -> Iterator[pps_pb2.JobSetInfo]:
        with self._versioning.reading() as tx:
            start = start_of(tx, request)
        sets = list_sets(self._versioning, JobInfos(details=request.details), wanted_by(request), start)
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
                infos = JobInfos(details=request.details).of(tx, fresh)
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
            moves.delete_job(tx, moves.find_job(tx, *pps_wire.read_job(request.job)))
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


def _oldest_versions(tx: Transaction, history: int) -> dict[int, int]:
    """Return the oldest version of each pipeline whose jobs are listed; nothing when it is all of them."""
    if history < 0:
        return {}
    return {key: version - history for key, version in pipeline_queries.current_versions(tx.connection)}


def find_job(versioning: Versioning, message: pps_pb2.Job) -> JobRow:
    """Return the job that is meant, or raise NotFoundError."""
    with versioning.reading() as tx:
        return moves.find_job(tx, *pps_wire.read_job(message))
