"""The service ``trunkline.Lineage``: why things are as they are."""

from collections.abc import Iterator

import grpc

from trunkline.api.pps.jobs import find_job
from trunkline.api.wire import pfs as wire
from trunkline.api.wire import pps as pps_wire
from trunkline.api.wire.definitions import define
from trunkline.model.names import SPEC
from trunkline.model.versions import CommitKey, CommitReference, RepoKey
from trunkline.pfs.versioning import Versioning
from trunkline.pps.lineage.explanations import Explainer, Explanation
from trunkline.pps.lineage.steps import Lineage, Step
from trunkline.proto import lineage_pb2, lineage_pb2_grpc, pfs_pb2, pps_pb2

_EXAMPLES = 3


class LineageService(lineage_pb2_grpc.LineageServicer):
    """Each method parses, calls one function, converts what it returns."""

    def __init__(self, versioning: Versioning) -> None:
        self._versioning = versioning
        self._explainer = Explainer(versioning)

    def Explain(self, request: lineage_pb2.ExplainRequest, context: grpc.ServicerContext) -> lineage_pb2.Explanation:
        job = find_job(self._versioning, request.job)
        found = self._explainer.explain_job(job, examples=request.examples or _EXAMPLES)
        return _explanation(pps_wire.pipeline(job.project, job.pipeline), found)

    def Plan(self, request: lineage_pb2.PlanRequest, context: grpc.ServicerContext) -> lineage_pb2.Explanation:
        definition = define(
            self._versioning, request.create_pipeline_request_json, update=True, reprocess=request.reprocess
        )
        found = self._explainer.plan_spec(definition, examples=request.examples or _EXAMPLES)
        return _explanation(pps_wire.pipeline(definition.project, definition.name), found)

    def Why(
        self, request: lineage_pb2.LineageRequest, context: grpc.ServicerContext
    ) -> Iterator[lineage_pb2.LineageStep]:
        yield from map(_step, Lineage(self._versioning).why(_commit(request.file), request.file.path))

    def Impact(
        self, request: lineage_pb2.LineageRequest, context: grpc.ServicerContext
    ) -> Iterator[lineage_pb2.LineageStep]:
        yield from map(_step, Lineage(self._versioning).impact(_commit(request.file), request.file.path))


def _commit(file: pfs_pb2.File) -> CommitReference:
    return wire.read_commit(file.commit)


def _explanation(pipeline: pps_pb2.Pipeline, found: Explanation) -> lineage_pb2.Explanation:
    causes = [
        lineage_pb2.Cause(why=why, datums=count, examples=found.examples[why])
        for why, count in found.causes.most_common()
    ]
    return lineage_pb2.Explanation(
        pipeline=pipeline,
        total=found.total,
        to_run=found.to_run,
        skipped=found.skipped,
        deleted=found.deleted,
        causes=causes,
    )


def _step(step: Step) -> lineage_pb2.LineageStep:
    job = pps_pb2.Job(pipeline=pps_wire.pipeline(step.project, step.pipeline), id=step.job) if step.job else None
    return lineage_pb2.LineageStep(
        depth=step.depth,
        file=pfs_pb2.File(commit=wire.commit(step.commit), path=step.path),
        job=job,
        datum_id=step.datum,
        ran_because=step.ran_because,
        pipeline_version=step.version,
        spec_commit=wire.commit(CommitKey(RepoKey(step.project, step.pipeline, SPEC), step.spec_commit))
        if step.spec_commit
        else None,
        is_code=step.is_code,
    )
