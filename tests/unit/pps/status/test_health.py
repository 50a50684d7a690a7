"""What a pipeline is counted as."""

import pytest

from trunkline.model.jobs import JobState, PipelineState, PipelineType
from trunkline.pps.queries.pipelines import PipelineRow
from trunkline.pps.status.health import Health, health


def row(state: PipelineState, *, stopped: bool = False) -> PipelineRow:
    return PipelineRow(
        key=1,
        project="default",
        name="p",
        version=1,
        state=state,
        reason="",
        stopped=stopped,
        created_at=0,
        metadata={},
        imports=(),
        type=PipelineType.TRANSFORM,
        spec_commit="",
        salt="",
        user_spec_json="{}",
        effective_spec_json="{}",
        spec_json="{}",
        updated_at=0,
    )


@pytest.mark.parametrize(
    ("state", "stopped", "last", "counted"),
    [
        (PipelineState.RUNNING, False, None, [Health.ACTIVE]),
        (PipelineState.RUNNING, False, JobState.SUCCESS, [Health.ACTIVE]),
        (PipelineState.RUNNING, False, JobState.UNRUNNABLE, [Health.ACTIVE, Health.UNHEALTHY]),
        (PipelineState.PAUSED, True, JobState.KILLED, [Health.PAUSED, Health.UNHEALTHY]),
        (PipelineState.FAILURE, False, JobState.FAILURE, [Health.FAILED, Health.UNHEALTHY]),
        (PipelineState.CRASHING, False, None, [Health.ACTIVE, Health.UNHEALTHY]),
    ],
)
def test_a_pipeline_is_one_of_three_and_may_be_unhealthy_besides(
    state: PipelineState, stopped: bool, last: JobState | None, counted: list[Health]
) -> None:
    assert health(row(state, stopped=stopped), last, state) == counted
