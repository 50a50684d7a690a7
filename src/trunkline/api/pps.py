"""The service ``pps_v2.API``: pipelines, jobs, datums, logs."""

from collections.abc import Callable, Iterator
from typing import TypeVar

import grpc
from google.protobuf import json_format
from google.protobuf.empty_pb2 import Empty

from trunkline.api import pps_wire, wire
from trunkline.api.actions import Actions
from trunkline.errors import InvalidInputError, NotFoundError
from trunkline.model.datums import DatumState
from trunkline.model.names import DEFAULT_PROJECT
from trunkline.objects import ObjectStore
from trunkline.pfs.queries import commits
from trunkline.pfs.references import resolve_commit
from trunkline.pfs.transaction import Transaction
from trunkline.pfs.versioning import Versioning
from trunkline.pps import jobs, pipelines
from trunkline.pps.logs import LogLine, controller_lines, user_lines
from trunkline.pps.queries import jobs as job_queries
from trunkline.pps.queries import pipelines as pipeline_queries
from trunkline.pps.queries.jobs import JobRow
from trunkline.pps.queries.pipelines import PipelineRow
from trunkline.pps.records import DatumRecord, DatumRecords
from trunkline.proto import pps_pb2, pps_pb2_grpc
from trunkline.proto.transaction_pb2 import TransactionRequest

T = TypeVar("T")

_WIRE_TO_DATUM_STATE = {
    pps_pb2.DatumState.SUCCESS: DatumState.SUCCESS,
    pps_pb2.DatumState.FAILED: DatumState.FAILED,
    pps_pb2.DatumState.RECOVERED: DatumState.RECOVERED,
    pps_pb2.DatumState.SKIPPED: DatumState.SKIPPED,
}
_LOOK_BACK_SECONDS = 24 * 3600


class PpsService(pps_pb2_grpc.APIServicer):
    """Each method parses, calls one function, converts what it returns."""

    def __init__(self, versioning: Versioning, objects: ObjectStore, actions: Actions) -> None:
        self._versioning = versioning
        self._actions = actions
        self._objects = objects
        self._records = DatumRecords(versioning.file_sets.tables)

    # Pipelines

    def CreatePipelineV2(
        self, request: pps_pb2.CreatePipelineV2Request, context: grpc.ServicerContext
    ) -> pps_pb2.CreatePipelineV2Response:
        definition = pipelines.define(
            self._versioning,
            request.create_pipeline_request_json,
            update=request.update,
            reprocess=request.reprocess,
        )
        if not (request.dry_run or definition.spec.dry_run):
            self._create(definition, context)
        return pps_pb2.CreatePipelineV2Response(effective_create_pipeline_request_json=definition.effective_json)

    def CreatePipeline(self, request: pps_pb2.CreatePipelineRequest, context: grpc.ServicerContext) -> Empty:
        definition = pipelines.define(self._versioning, json_format.MessageToJson(request, indent=None))
        if not definition.spec.dry_run:
            self._create(definition, context)
        return Empty()

    def _create(self, definition: pipelines.Definition, context: grpc.ServicerContext) -> None:
        action = pps_pb2.CreatePipelineTransaction(
            user_json=definition.user_json, effective_json=definition.effective_json
        )
        action.create_pipeline_request.update = definition.update
        action.create_pipeline_request.reprocess = definition.reprocess
        self._actions.run(TransactionRequest(create_pipeline_v2=action), context)

    def InspectPipeline(
        self, request: pps_pb2.InspectPipelineRequest, context: grpc.ServicerContext
    ) -> pps_pb2.PipelineInfo:
        with self._versioning.reading() as tx:
            row = pipelines.find_pipeline(tx, *pps_wire.read_pipeline(request.pipeline))
            return pps_wire.pipeline_info(row, last_job=pipelines.job_state_of(tx, row), details=request.details)

    def ListPipeline(
        self, request: pps_pb2.ListPipelineRequest, context: grpc.ServicerContext
    ) -> Iterator[pps_pb2.PipelineInfo]:
        with self._versioning.reading() as tx:
            if request.pipeline.name:
                rows = [pipelines.find_pipeline(tx, *pps_wire.read_pipeline(request.pipeline))]
            else:
                names = [project.name or DEFAULT_PROJECT for project in request.projects]
                rows = pipeline_queries.list_pipelines(tx.connection, names)
            for row in rows:
                for version in _history(tx, row, request.history):
                    last = pipelines.job_state_of(tx, row)
                    yield pps_wire.pipeline_info(version, last_job=last, details=True)

    def DeletePipeline(self, request: pps_pb2.DeletePipelineRequest, context: grpc.ServicerContext) -> Empty:
        try:
            self._change_pipeline(
                request.pipeline,
                lambda tx, row: pipelines.delete_pipeline(tx, row, force=request.force, keep_repo=request.keep_repo),
            )
        except NotFoundError:
            if request.must_exist:
                raise
        return Empty()

    def DeletePipelines(
        self, request: pps_pb2.DeletePipelinesRequest, context: grpc.ServicerContext
    ) -> pps_pb2.DeletePipelinesResponse:
        names = [project.name or DEFAULT_PROJECT for project in request.projects]
        if not names and not request.all:
            return pps_pb2.DeletePipelinesResponse()
        with self._versioning.transaction() as tx:
            # Newest first: a pipeline can only read from older ones, unless an update turned that round.
            rows = pipeline_queries.list_pipelines(tx.connection, [] if request.all else names)
            for row in rows:
                pipelines.delete_pipeline(tx, row, force=True, keep_repo=request.keep_repo)
        return pps_pb2.DeletePipelinesResponse(pipelines=[pps_wire.pipeline(row.project, row.name) for row in rows])

    def StartPipeline(self, request: pps_pb2.StartPipelineRequest, context: grpc.ServicerContext) -> Empty:
        self._change_pipeline(request.pipeline, pipelines.start_pipeline)
        return Empty()

    def StopPipeline(self, request: pps_pb2.StopPipelineRequest, context: grpc.ServicerContext) -> Empty:
        try:
            self._change_pipeline(request.pipeline, pipelines.stop_pipeline)
        except NotFoundError:
            if request.must_exist:
                raise
        return Empty()

    def RerunPipeline(self, request: pps_pb2.RerunPipelineRequest, context: grpc.ServicerContext) -> Empty:
        with self._versioning.reading() as tx:
            row = pipelines.find_pipeline(tx, *pps_wire.read_pipeline(request.pipeline))
        definition = pipelines.define(
            self._versioning, row.effective_spec_json, update=True, reprocess=request.reprocess
        )
        self._create(definition, context)
        return Empty()

    def RunCron(self, request: pps_pb2.RunCronRequest, context: grpc.ServicerContext) -> Empty:
        with self._versioning.reading() as tx:
            row = pipelines.find_pipeline(tx, *pps_wire.read_pipeline(request.pipeline))
        raise InvalidInputError(f"pipeline {row} doesn't have a cron input")

    def _change_pipeline(self, message: pps_pb2.Pipeline, change: Callable[[Transaction, PipelineRow], None]) -> None:
        with self._versioning.transaction() as tx:
            change(tx, pipelines.find_pipeline(tx, *pps_wire.read_pipeline(message)))

    # Jobs

    def InspectJob(self, request: pps_pb2.InspectJobRequest, context: grpc.ServicerContext) -> pps_pb2.JobInfo:
        job = self._find_job(request.job)
        if request.wait:
            job = self._wait(job, context)
        with self._versioning.reading() as tx:
            return _job_info(tx, job, details=request.details)

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
                info = _job_info(tx, job, details=request.details)
            yield info

    def ListJob(self, request: pps_pb2.ListJobRequest, context: grpc.ServicerContext) -> Iterator[pps_pb2.JobInfo]:
        with self._versioning.reading() as tx:
            key = None
            if request.pipeline.name:
                key = pipelines.find_pipeline(tx, *pps_wire.read_pipeline(request.pipeline)).key
            names = [project.name or DEFAULT_PROJECT for project in request.projects]
            wanted = [resolve_commit(tx, wire.read_commit(commit)).key for commit in request.input_commit]
            found = [
                job
                for job in job_queries.list_jobs(tx.connection, pipeline_key=key, projects=names)
                if not wanted or jobs.matches_inputs(tx, job, wanted)
            ]
            if request.HasField("paginationMarker"):
                marker = wire.microseconds(request.paginationMarker)
                found = [
                    job for job in found if (job.created_at > marker if request.reverse else job.created_at < marker)
                ]
            if request.reverse:
                found.reverse()
            for job in found[: request.number or None]:
                yield _job_info(tx, job, details=request.details)

    def ListJobSet(
        self, request: pps_pb2.ListJobSetRequest, context: grpc.ServicerContext
    ) -> Iterator[pps_pb2.JobSetInfo]:
        names = [project.name or DEFAULT_PROJECT for project in request.projects]
        with self._versioning.reading() as tx:
            sets: dict[str, list[JobRow]] = {}
            for job in job_queries.list_jobs(tx.connection, projects=names):
                sets.setdefault(job.id, []).append(job)
            for id, rows in list(sets.items())[: request.number or None]:  # noqa: A001 - the field's word
                infos = [_job_info(tx, job, details=request.details) for job in reversed(rows)]
                yield pps_pb2.JobSetInfo(job_set=pps_pb2.JobSet(id=id), jobs=infos)

    def SubscribeJob(
        self, request: pps_pb2.SubscribeJobRequest, context: grpc.ServicerContext
    ) -> Iterator[pps_pb2.JobInfo]:
        with self._versioning.reading() as tx:
            key = pipelines.find_pipeline(tx, *pps_wire.read_pipeline(request.pipeline)).key
        last = 0
        while context.is_active():
            seen = self._versioning.db.changes.count
            with self._versioning.reading() as tx:
                fresh = [job for job in job_queries.list_jobs(tx.connection, pipeline_key=key) if job.key > last]
                fresh.sort(key=lambda job: (job.state.is_terminal, job.key) if last == 0 else (False, job.key))
                infos = [_job_info(tx, job, details=request.details) for job in fresh]
            yield from infos
            last = max((job.key for job in fresh), default=last)
            self._versioning.db.changes.wait(seen, seconds=1.0)

    def StopJob(self, request: pps_pb2.StopJobRequest, context: grpc.ServicerContext) -> Empty:
        self._actions.run(TransactionRequest(stop_job=request), context)
        return Empty()

    def DeleteJob(self, request: pps_pb2.DeleteJobRequest, context: grpc.ServicerContext) -> Empty:
        with self._versioning.transaction() as tx:
            jobs.delete_job(tx, jobs.find_job(tx, *pps_wire.read_job(request.job)))
        return Empty()

    def _find_job(self, message: pps_pb2.Job) -> JobRow:
        with self._versioning.reading() as tx:
            return jobs.find_job(tx, *pps_wire.read_job(message))

    def _wait(self, job: JobRow, context: grpc.ServicerContext) -> JobRow:
        def look() -> JobRow | None:
            with self._versioning.reading() as tx:
                current = job_queries.job_by_key(tx.connection, job.key)
            if current is None:
                raise NotFoundError(f"jobs {job} not found: it was deleted")
            return current if current.state.is_terminal else None

        found = self._versioning.db.changes.poll(look, give_up=lambda: not context.is_active())
        return found if found is not None else job

    # Datums

    def InspectDatum(self, request: pps_pb2.InspectDatumRequest, context: grpc.ServicerContext) -> pps_pb2.DatumInfo:
        job = self._find_job(request.datum.job)
        for record in self._datum_records(job, only=request.datum.id):
            return pps_wire.datum_info(record, job)
        raise NotFoundError(f"datum {request.datum.id} not found in job {job}")

    def ListDatum(
        self, request: pps_pb2.ListDatumRequest, context: grpc.ServicerContext
    ) -> Iterator[pps_pb2.DatumInfo]:
        job = self._find_job(request.job)
        states = {_WIRE_TO_DATUM_STATE.get(state) for state in request.filter.state}
        left = request.number or -1
        records = self._datum_records(job, after=request.paginationMarker)
        for record in reversed(list(records)) if request.reverse else records:
            state = DatumState.SKIPPED if record.job != job.id else record.state
            if states and state not in states:
                continue
            yield pps_wire.datum_info(record, job)
            left -= 1
            if left == 0:
                return

    def _datum_records(self, job: JobRow, *, after: str = "", only: str = "") -> Iterator[DatumRecord]:
        """Yield the datums of a job by id: all once it has succeeded, before that those that have been run."""
        if job.datums:
            roots = [job.datums]
        else:
            with self._versioning.reading() as tx:
                roots = [row.datums for row in job_queries.datum_sets_of(tx.connection, job.key)]
        return self._records.scan_many(roots, after=after, only=only)

    # Logs

    def GetLogs(self, request: pps_pb2.GetLogsRequest, context: grpc.ServicerContext) -> Iterator[pps_pb2.LogMessage]:
        sent: set[int] = set()
        while True:
            seen = self._versioning.db.changes.count
            for job in self._jobs_of_logs(request):
                for line in self._lines(job, request, sent):
                    yield pps_wire.log_message(line)
            if not request.follow or not context.is_active():
                return
            self._versioning.db.changes.wait(seen, seconds=1.0)

    def _jobs_of_logs(self, request: pps_pb2.GetLogsRequest) -> list[JobRow]:
        named_job = request.job if request.HasField("job") and request.job.id else request.datum.job
        if named_job.id:
            return [self._find_job(named_job)]
        if not request.pipeline.name:
            if request.datum.id:
                raise InvalidInputError("logs of a datum need its pipeline or job: name one")
            return []
        since = request.since.seconds if request.HasField("since") else _LOOK_BACK_SECONDS
        with self._versioning.reading() as tx:
            row = pipelines.find_pipeline(tx, *pps_wire.read_pipeline(request.pipeline))
            oldest = tx.now - since * 1_000_000
            found = job_queries.list_jobs(tx.connection, pipeline_key=row.key)
        return [
            job for job in reversed(found) if (job.finished_at or job.created_at) >= oldest or not job.state.is_terminal
        ]

    def _lines(self, job: JobRow, request: pps_pb2.GetLogsRequest, sent: set[int]) -> Iterator[LogLine]:
        if request.master:
            lines = controller_lines(job)
        else:
            with self._versioning.reading() as tx:
                sets = job_queries.datum_sets_of(tx.connection, job.key)
            lines = user_lines(self._objects, job, sets)
        wanted = set(request.data_filters)
        for line in lines:
            if request.datum.id and line.datum != request.datum.id:
                continue
            if not all(any(filter_ in (path, hash_) for path, hash_ in line.data) for filter_ in wanted):
                continue
            # A follower reads the same objects again; what was sent is known by its hash.
            mark = hash((line.at, line.datum, line.message, line.job))
            if request.follow and mark in sent:
                continue
            sent.add(mark)
            yield line


def _history(tx: Transaction, row: PipelineRow, history: int) -> Iterator[PipelineRow]:
    yield row
    oldest = 1 if history < 0 else max(1, row.version - history)
    for version in range(row.version - 1, oldest - 1, -1):
        older = pipeline_queries.find_version(tx.connection, row.key, version)
        if older is not None:
            yield older


def _job_info(tx: Transaction, job: JobRow, *, details: bool) -> pps_pb2.JobInfo:
    row = pipeline_queries.find_version(tx.connection, job.pipeline_key, job.version)
    assert row is not None
    output = commits.commit_by_key(tx.connection, job.output_commit)
    inputs = {
        commit.commit.repo: commit.commit.id
        for commit in (commits.provenance_of(tx.connection, job.output_commit) if details else ())
    }
    return pps_wire.job_info(job, row, output.commit, details=details, inputs=inputs)
