"""The pipeline methods of ``pps_v2.API``."""

from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime

import grpc
from google.protobuf import json_format
from google.protobuf.empty_pb2 import Empty

from trunkline.api.actions import Actions
from trunkline.api.pps.jq_filter import matching
from trunkline.api.pps.templates import read_specs, render
from trunkline.api.wire import pps as pps_wire
from trunkline.api.wire.definitions import define
from trunkline.api.wire.pages import in_pages
from trunkline.errors import InvalidInputError, NotFoundError
from trunkline.model.names import DEFAULT_PROJECT
from trunkline.pfs.history.commits import commit_set
from trunkline.pfs.transaction import Transaction
from trunkline.pfs.versioning import Versioning
from trunkline.pps import pipelines
from trunkline.pps.defaults import keep_defaults
from trunkline.pps.inputs.ticks import run_cron
from trunkline.pps.jobs.executor import Executor
from trunkline.pps.queries import jobs as job_queries
from trunkline.pps.queries import pipelines as pipeline_queries
from trunkline.pps.queries.pipelines import PipelineRow
from trunkline.pps.residents.upkeep import Residents
from trunkline.pps.secrets import Secrets
from trunkline.pps.spec.form.shape import canonical_spec
from trunkline.pps.status.condition import condition_of
from trunkline.pps.status.health import Health, alerts_of, summarise
from trunkline.proto import pfs_pb2, pps_pb2
from trunkline.proto.transaction_pb2 import TransactionRequest
from trunkline.telemetry import log


class PipelineMethods:
    """Creates, shows, changes and removes pipelines."""

    _versioning: Versioning
    _actions: Actions
    _secrets: Secrets
    _residents: Residents
    _executor: Executor

    def CreatePipelineV2(
        self, request: pps_pb2.CreatePipelineV2Request, context: grpc.ServicerContext
    ) -> pps_pb2.CreatePipelineV2Response:
        definition = define(
            self._versioning,
            request.create_pipeline_request_json,
            update=request.update,
            reprocess=request.reprocess,
        )
        if not (request.dry_run or definition.spec.dry_run):
            self._create(definition, context)
        return pps_pb2.CreatePipelineV2Response(effective_create_pipeline_request_json=definition.effective_json)

    def CreatePipeline(self, request: pps_pb2.CreatePipelineRequest, context: grpc.ServicerContext) -> Empty:
        definition = define(self._versioning, json_format.MessageToJson(request, indent=None))
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
            return self._info(tx, row, row, details=request.details)

    def ListPipeline(
        self, request: pps_pb2.ListPipelineRequest, context: grpc.ServicerContext
    ) -> Iterator[pps_pb2.PipelineInfo]:
        with self._versioning.reading() as tx:
            if request.pipeline.name:
                rows = [pipelines.find_pipeline(tx, *pps_wire.read_pipeline(request.pipeline))]
            else:
                names = [project.name or DEFAULT_PROJECT for project in request.projects]
                rows = pipeline_queries.list_pipelines(tx.connection, names)
            if request.commit_set.id:
                commit_set(tx, request.commit_set.id)  # raises if there is no such set
                of_set = {job.pipeline_key for job in job_queries.jobs_of_set(tx.connection, request.commit_set.id)}
                rows = [row for row in rows if row.key in of_set]
            if request.page.page_size > 0:
                first = request.page.page_size * request.page.page_index
                rows = rows[first : first + request.page.page_size]
        infos = in_pages(
            self._versioning,
            rows,
            lambda tx, some: [
                self._info(tx, row, version, details=True)
                for row in some
                for version in _history(tx, row, request.history)
            ],
        )
        yield from matching(request.jqFilter, infos)

    def _info(self, tx: Transaction, row: PipelineRow, version: PipelineRow, *, details: bool) -> pps_pb2.PipelineInfo:
        try:
            condition, capacity = condition_of(tx, row), self._executor.capacity()
            return pps_wire.pipeline_info(version, condition=condition, capacity=capacity, details=details)
        except (InvalidInputError, ValueError, OverflowError) as error:
            # An older version kept it, or another program. Its neighbours are shown, and it as far as it goes.
            log("api").warning("pipeline %s cannot be shown: %s", row, error)
            return pps_wire.unreadable_pipeline(version, f"its spec cannot be read: {error}")

    def PipelinesSummary(
        self, request: pps_pb2.PipelinesSummaryRequest, context: grpc.ServicerContext
    ) -> pps_pb2.PipelinesSummaryResponse:
        with self._versioning.reading() as tx:
            names = [picker.name or DEFAULT_PROJECT for picker in request.projects]
            return pps_pb2.PipelinesSummaryResponse(
                summaries=[
                    pps_pb2.PipelinesSummary(
                        project=pfs_pb2.Project(name=project),
                        active_pipelines=counts[Health.ACTIVE],
                        paused_pipelines=counts[Health.PAUSED],
                        failed_pipelines=counts[Health.FAILED],
                        unhealthy_pipelines=counts[Health.UNHEALTHY],
                    )
                    for project, counts in summarise(tx, names).items()
                ]
            )

    def CheckStatus(
        self, request: pps_pb2.CheckStatusRequest, context: grpc.ServicerContext
    ) -> Iterator[pps_pb2.CheckStatusResponse]:
        names = [] if request.all else [request.project.name or DEFAULT_PROJECT]
        with self._versioning.reading() as tx:
            rows = pipeline_queries.list_pipelines(tx.connection, names)
        yield from in_pages(self._versioning, rows, _statuses)

    def RenderTemplate(
        self, request: pps_pb2.RenderTemplateRequest, context: grpc.ServicerContext
    ) -> pps_pb2.RenderTemplateResponse:
        rendered = render(request.template, request.args)
        specs = []
        for spec in read_specs(rendered):
            try:
                specs.append(json_format.ParseDict(spec, pps_pb2.CreatePipelineRequest()))
            except json_format.ParseError as error:
                told = "\n".join(map(str, canonical_spec(spec).findings)) or str(error)
                raise InvalidInputError(f"template err: what it makes is no pipeline spec: {told}") from None
        return pps_pb2.RenderTemplateResponse(json=rendered, specs=specs)

    def DeletePipeline(self, request: pps_pb2.DeletePipelineRequest, context: grpc.ServicerContext) -> Empty:
        try:
            self._end_processes(
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
        for row in rows:
            self._residents.wait_until_gone(row.key)
        return pps_pb2.DeletePipelinesResponse(pipelines=[pps_wire.pipeline(row.project, row.name) for row in rows])

    def DeleteAll(self, request: Empty, context: grpc.ServicerContext) -> Empty:
        self.DeletePipelines(pps_pb2.DeletePipelinesRequest(all=True), context)
        for row in self._secrets.list():
            self._secrets.delete(row.name)
        with self._versioning.transaction() as tx:
            keep_defaults(tx, "{}", project=None)
        return Empty()

    def StartPipeline(self, request: pps_pb2.StartPipelineRequest, context: grpc.ServicerContext) -> Empty:
        self._change_pipeline(request.pipeline, pipelines.start_pipeline)
        return Empty()

    def StopPipeline(self, request: pps_pb2.StopPipelineRequest, context: grpc.ServicerContext) -> Empty:
        try:
            self._end_processes(request.pipeline, pipelines.stop_pipeline)
        except NotFoundError:
            if request.must_exist:
                raise
        return Empty()

    def RerunPipeline(self, request: pps_pb2.RerunPipelineRequest, context: grpc.ServicerContext) -> Empty:
        with self._versioning.reading() as tx:
            row = pipelines.find_pipeline(tx, *pps_wire.read_pipeline(request.pipeline))
        definition = pipelines.redefine(row, reprocess=request.reprocess)
        with self._versioning.writes.short():
            layer = pipelines.write_spec(self._versioning, definition)
            with self._versioning.transaction() as tx:
                pipelines.create_pipeline(tx, self._versioning, definition, spec_layer=layer)
        return Empty()

    def RunCron(self, request: pps_pb2.RunCronRequest, context: grpc.ServicerContext) -> Empty:
        with self._versioning.reading() as tx:
            row = pipelines.find_pipeline(tx, *pps_wire.read_pipeline(request.pipeline))
        run_cron(self._versioning, row, datetime.now(UTC))
        return Empty()

    def _change_pipeline(self, message: pps_pb2.Pipeline, change: Callable[[Transaction, PipelineRow], None]) -> None:
        with self._versioning.transaction() as tx:
            change(tx, pipelines.find_pipeline(tx, *pps_wire.read_pipeline(message)))

    def _end_processes(self, message: pps_pb2.Pipeline, change: Callable[[Transaction, PipelineRow], None]) -> None:
        """Stop or remove a pipeline, and return when its processes are gone: from then on they write nothing more."""
        with self._versioning.transaction() as tx:
            row = pipelines.find_pipeline(tx, *pps_wire.read_pipeline(message))
            change(tx, row)
        self._residents.wait_until_gone(row.key)


def _statuses(tx: Transaction, rows: Sequence[PipelineRow]) -> list[pps_pb2.CheckStatusResponse]:
    return [
        pps_pb2.CheckStatusResponse(
            project=pfs_pb2.Project(name=row.project),
            pipeline=pps_wire.pipeline(row.project, row.name),
            alerts=alerts,
        )
        for row in rows
        if (alerts := alerts_of(tx, row))
    ]


def _history(tx: Transaction, row: PipelineRow, history: int) -> Iterator[PipelineRow]:
    yield row
    oldest = 1 if history < 0 else max(1, row.version - history)
    for version in range(row.version - 1, oldest - 1, -1):
        older = pipeline_queries.find_version(tx.connection, row.key, version)
        if older is not None:
            yield older
