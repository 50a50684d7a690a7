"""The load tests of ``pps_v2.API``."""

import grpc
from google.protobuf.empty_pb2 import Empty

from trunkline.api.admin.load_tests import new_seed, problem_of, run_defaults
from trunkline.errors import InvalidInputError
from trunkline.loads.pfs.run import LoadRun, carry_out, resume
from trunkline.loads.pps.run import DEFAULT_DAG_SPEC, begin_with_dag
from trunkline.pfs.versioning import Versioning
from trunkline.proto import pps_pb2


class PpsLoadTestMethods:
    """Runs load tests of pipelines inside the call. ``pod_patch`` is for clusters and means nothing here."""

    _versioning: Versioning

    def RunLoadTest(
        self, request: pps_pb2.RunLoadTestRequest, context: grpc.ServicerContext
    ) -> pps_pb2.RunLoadTestResponse:
        if request.state_id:
            run = resume(self._versioning, request.state_id)
            if request.dag_spec or (request.load_spec or run.spec) != run.spec:
                raise InvalidInputError(f"load test {run.id} has its DAG and spec: leave them out to go on with it")
        else:
            run = begin_with_dag(
                self._versioning,
                request.dag_spec or DEFAULT_DAG_SPEC,
                request.load_spec,
                seed=request.seed or new_seed(),
                parallelism=request.parallelism,
            )
        return self._carry_out(run, context)

    def RunLoadTestDefault(self, request: Empty, context: grpc.ServicerContext) -> pps_pb2.RunLoadTestResponse:
        def run(spec: str, seed: int) -> pps_pb2.RunLoadTestResponse:
            begun = begin_with_dag(self._versioning, DEFAULT_DAG_SPEC, spec, seed=seed, parallelism=0)
            return self._carry_out(begun, context)

        return run_defaults(run)

    def _carry_out(self, run: LoadRun, context: grpc.ServicerContext) -> pps_pb2.RunLoadTestResponse:
        problem = problem_of(lambda: carry_out(self._versioning, run, give_up=lambda: not context.is_active()))
        return pps_pb2.RunLoadTestResponse(error=problem, state_id=run.id)
