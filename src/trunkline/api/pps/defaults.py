"""The methods of ``pps_v2.API`` for defaults under every specification."""

import json

import grpc

from trunkline.api.actions import Actions
from trunkline.api.wire import pps as pps_wire
from trunkline.api.wire.definitions import define
from trunkline.model.names import DEFAULT_PROJECT
from trunkline.pfs.projects import inspect_project
from trunkline.pfs.versioning import Versioning
from trunkline.pps.defaults import Defaults, defaults_of, keep_defaults
from trunkline.pps.queries import pipelines as pipeline_queries
from trunkline.pps.queries.pipelines import PipelineRow
from trunkline.pps.spec.layers import canonical_defaults
from trunkline.proto import pps_pb2
from trunkline.proto.transaction_pb2 import TransactionRequest


class DefaultsMethods:
    """Shows and sets the defaults of the cluster and of projects."""

    _versioning: Versioning
    _actions: Actions

    def GetClusterDefaults(
        self, request: pps_pb2.GetClusterDefaultsRequest, context: grpc.ServicerContext
    ) -> pps_pb2.GetClusterDefaultsResponse:
        with self._versioning.reading() as tx:
            found = defaults_of(tx, DEFAULT_PROJECT).cluster
        return pps_pb2.GetClusterDefaultsResponse(cluster_defaults_json=found)

    def GetProjectDefaults(
        self, request: pps_pb2.GetProjectDefaultsRequest, context: grpc.ServicerContext
    ) -> pps_pb2.GetProjectDefaultsResponse:
        with self._versioning.reading() as tx:
            found = inspect_project(tx, request.project.name or DEFAULT_PROJECT).defaults_json
        return pps_pb2.GetProjectDefaultsResponse(project_defaults_json=found)

    def SetClusterDefaults(
        self, request: pps_pb2.SetClusterDefaultsRequest, context: grpc.ServicerContext
    ) -> pps_pb2.SetClusterDefaultsResponse:
        affected = self._set(request, canonical_defaults(request.cluster_defaults_json), project=None)
        return pps_pb2.SetClusterDefaultsResponse(affected_pipelines=affected)

    def SetProjectDefaults(
        self, request: pps_pb2.SetProjectDefaultsRequest, context: grpc.ServicerContext
    ) -> pps_pb2.SetProjectDefaultsResponse:
        project = request.project.name or DEFAULT_PROJECT
        affected = self._set(request, canonical_defaults(request.project_defaults_json), project=project)
        return pps_pb2.SetProjectDefaultsResponse(affected_pipelines=affected)

    def _set(
        self,
        request: pps_pb2.SetClusterDefaultsRequest | pps_pb2.SetProjectDefaultsRequest,
        json_text: str,
        *,
        project: str | None,
    ) -> list[pps_pb2.Pipeline]:
        """Put defaults in force and return the pipelines whose spec they change; with regenerate, change those."""
        affected = self._affected(json_text, project)
        if not request.dry_run:
            with self._versioning.transaction() as tx:
                keep_defaults(tx, json_text, project=project)
            if request.regenerate or request.reprocess:
                self._regenerate(affected, reprocess=request.reprocess)
        return [pps_wire.pipeline(row.project, row.name) for row in affected]

    def _affected(self, json_text: str, project: str | None) -> list[PipelineRow]:
        """Return the pipelines whose effective spec changes; raise if one of them would not be sound any more."""
        with self._versioning.reading() as tx:
            rows = pipeline_queries.list_pipelines(tx.connection, [] if project is None else [project])
            in_force = {row.project: defaults_of(tx, row.project) for row in rows}
        affected = []
        for row in rows:
            old = in_force[row.project]
            new = Defaults(json_text, old.project) if project is None else Defaults(old.cluster, json_text)
            changed = define(self._versioning, row.user_spec_json, defaults=new)
            if json.loads(changed.effective_json) != json.loads(row.effective_spec_json):
                affected.append(row)
        return affected

    def _regenerate(self, rows: list[PipelineRow], *, reprocess: bool) -> None:
        requests = []
        # The oldest first: what reads a pipeline's output is younger, unless an update turned that round.
        for row in reversed(rows):
            action = pps_pb2.CreatePipelineTransaction(user_json=row.user_spec_json)
            action.create_pipeline_request.update = True
            action.create_pipeline_request.reprocess = reprocess
            requests.append(TransactionRequest(create_pipeline_v2=action))
        if requests:
            self._actions.run_all(requests)
