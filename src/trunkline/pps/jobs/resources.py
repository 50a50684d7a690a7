"""What a spec says of resources, as far as this engine goes by it: memory, and threads of numeric libraries."""

from trunkline.model.pipelines import PipelineSpec
from trunkline.model.sizes import parse_quantity

_THREADS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")


def memory_bytes_max(spec: PipelineSpec) -> int:
    """Return how much memory a datum may have; 0 where the spec does not limit it."""
    limits = spec.resource_limits
    return parse_quantity(limits.memory) if limits is not None and limits.memory else 0


def thread_environment(spec: PipelineSpec) -> dict[str, str]:
    """Return the variables that let numeric libraries use the processors that a datum asks for, if it is several."""
    asked = [each.cpu for each in (spec.resource_requests, spec.resource_limits) if each is not None and each.cpu]
    threads = int(asked[0]) if asked else 1
    return dict.fromkeys(_THREADS, str(threads)) if threads > 1 else {}


def workers_wanted(spec: PipelineSpec, capacity: int) -> int:
    """Return how many workers a pipeline asks for: all that the engine has, unless its spec says how many."""
    constant = spec.parallelism_spec.constant if spec.parallelism_spec is not None else 0
    return constant or capacity
