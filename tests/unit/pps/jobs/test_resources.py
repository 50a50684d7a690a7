import pytest

from trunkline.model.pipelines import PipelineSpec, ResourceSpec
from trunkline.pps.jobs.resources import memory_bytes_max, thread_environment


@pytest.mark.parametrize(
    ("limits", "expected"),
    [(None, 0), (ResourceSpec(), 0), (ResourceSpec(memory="512Mi"), 512 << 20), (ResourceSpec(memory="2G"), 2 * 10**9)],
)
def test_memory_is_limited_by_the_limits_alone(limits: ResourceSpec | None, expected: int) -> None:
    spec = PipelineSpec(resource_limits=limits, resource_requests=ResourceSpec(memory="1Mi"))

    assert memory_bytes_max(spec) == expected


@pytest.mark.parametrize(
    ("requested", "limit", "threads"),
    [(0.0, 0.0, None), (1.0, 0.0, None), (1.9, 8.0, None), (4.0, 0.0, "4"), (4.5, 8.0, "4"), (0.0, 8.0, "8")],
)
def test_threads_follow_the_request_or_else_the_limit(requested: float, limit: float, threads: str | None) -> None:
    spec = PipelineSpec(resource_requests=ResourceSpec(cpu=requested), resource_limits=ResourceSpec(cpu=limit))

    assert thread_environment(spec).get("OMP_NUM_THREADS") == threads
