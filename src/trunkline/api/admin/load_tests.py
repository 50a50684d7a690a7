"""The load tests of ``debug_v2.Debug``, and what those of ``pps_v2.API`` share with them."""

import secrets
import time
from collections.abc import Callable
from typing import TypeVar

import grpc
from google.protobuf.duration_pb2 import Duration
from google.protobuf.empty_pb2 import Empty

from trunkline.api.wire import pfs as wire
from trunkline.errors import Error, InvalidInputError
from trunkline.loads.pfs.defaults import DEFAULT_LOAD_SPECS
from trunkline.loads.pfs.run import LoadRun, begin, carry_out, resume
from trunkline.pfs.versioning import Versioning
from trunkline.proto import debug_pb2, pps_pb2

Response = TypeVar("Response", debug_pb2.RunPFSLoadTestResponse, pps_pb2.RunLoadTestResponse)


class LoadTestMethods:
    """Runs load tests inside the call. What a test finds is an answer; what a request gets wrong is an error."""

    _versioning: Versioning

    def RunPFSLoadTest(
        self, request: debug_pb2.RunPFSLoadTestRequest, context: grpc.ServicerContext
    ) -> debug_pb2.RunPFSLoadTestResponse:
        if request.state_id:
            run = resume(self._versioning, request.state_id)
            _check_same(run, request)
        else:
            branch = wire.read_branch(request.branch) if request.branch.name else None
            run = begin(self._versioning, request.spec, seed=request.seed or new_seed(), branch=branch)
        return _response(self._versioning, run, context)

    def RunPFSLoadTestDefault(self, request: Empty, context: grpc.ServicerContext) -> debug_pb2.RunPFSLoadTestResponse:
        started_at = time.monotonic()
        response = run_defaults(
            lambda spec, seed: _response(self._versioning, begin(self._versioning, spec, seed=seed), context)
        )
        response.duration.CopyFrom(_duration(time.monotonic() - started_at))
        return response


def run_defaults(run: Callable[[str, int], Response]) -> Response:
    """Run the tests that come with the server, each with a new seed, up to the first that fails; return its answer."""
    for spec in DEFAULT_LOAD_SPECS:
        response = run(spec, new_seed())
        if response.error:
            break
    return response


def _check_same(run: LoadRun, request: debug_pb2.RunPFSLoadTestRequest) -> None:
    branch = wire.read_branch(request.branch) if request.branch.name else run.branch
    given = (request.spec or run.spec, request.seed or run.seed, branch)
    if given != (run.spec, run.seed, run.branch):
        raise InvalidInputError(
            f"load test {run.id} was begun with another spec, seed or branch: leave them out to go on with it"
        )


def _response(versioning: Versioning, run: LoadRun, context: grpc.ServicerContext) -> debug_pb2.RunPFSLoadTestResponse:
    started_at = time.monotonic()
    problem = problem_of(lambda: carry_out(versioning, run, give_up=lambda: not context.is_active()))
    return debug_pb2.RunPFSLoadTestResponse(
        spec=run.spec,
        branch=wire.branch(run.branch),
        seed=run.seed,
        error=problem,
        duration=_duration(time.monotonic() - started_at),
        state_id=run.id,
    )


def problem_of(test: Callable[[], object]) -> str:
    """Carry out a test; return what it found wrong."""
    try:
        test()
    except Error as error:
        return str(error)
    return ""


def new_seed() -> int:
    """Return a seed for a test that was given none."""
    return secrets.randbelow(2**62) + 1


def _duration(seconds: float) -> Duration:
    duration = Duration()
    duration.FromNanoseconds(int(seconds * 1e9))
    return duration
