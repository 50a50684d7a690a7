"""Which state a pipeline reports, and what its jobs say."""

import pytest

from trunkline.model.jobs import PipelineState
from trunkline.model.pipelines import Input, PFSInput, PipelineSpec, Transform
from trunkline.pps.jobs.moves import unrunnable_reason
from trunkline.pps.status.states import pipeline_state

RUNS = Transform(cmd=("sh",))


@pytest.mark.parametrize(
    ("spec", "stopped", "has_work", "state"),
    [
        (PipelineSpec(transform=RUNS), False, False, PipelineState.RUNNING),
        (PipelineSpec(transform=RUNS), True, True, PipelineState.PAUSED),
        (PipelineSpec(transform=RUNS, autoscaling=True), False, False, PipelineState.STANDBY),
        (PipelineSpec(transform=RUNS, autoscaling=True), False, True, PipelineState.RUNNING),
        (PipelineSpec(transform=RUNS, autoscaling=True), True, False, PipelineState.PAUSED),
    ],
)
def test_a_pipeline_reports_its_state(spec: PipelineSpec, stopped: bool, has_work: bool, state: PipelineState) -> None:
    assert pipeline_state(spec, stopped=stopped, has_work=has_work) == (state, "")


def test_a_pipeline_with_nothing_to_run_has_failed_whatever_else() -> None:
    state, reason = pipeline_state(PipelineSpec(transform=Transform()), stopped=True, has_work=False)

    assert state is PipelineState.FAILURE
    assert reason == "nothing to run: no transform.cmd"


def test_an_unrunnable_job_names_the_inputs_that_failed() -> None:
    def pfs(name: str, repo: str) -> Input:
        return Input(pfs=PFSInput(project="default", name=name, repo=repo))

    spec = PipelineSpec(input=Input(cross=(pfs("z", "up"), pfs("a", "up"), pfs("b", "fine"))))

    assert unrunnable_reason(spec, [("default", "up")]) == (
        "unrunnable because the following upstream pipelines failed: a, z"
    )
    assert unrunnable_reason(spec, [("other", "up")]) == ""
