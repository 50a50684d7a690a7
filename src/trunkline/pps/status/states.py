"""What pipelines and jobs are said to be, as pure decisions (reference, sections 4.6 and 4.8)."""

from collections.abc import Sequence

from trunkline.model.jobs import PipelineState
from trunkline.model.pipelines import PipelineSpec
from trunkline.pps.inputs.wiring import lost_inputs_reason

NOTHING_TO_RUN = "nothing to run: no transform.cmd"


def pipeline_state(
    spec: PipelineSpec, *, stopped: bool, has_work: bool, lost_inputs: Sequence[str] = ()
) -> tuple[PipelineState, str]:
    """Return the state that a pipeline reports, and its reason. ``has_work``: a job is waiting or running."""
    if spec.transform is None or not spec.transform.cmd:
        return PipelineState.FAILURE, NOTHING_TO_RUN
    reason = lost_inputs_reason(lost_inputs)
    if stopped:
        return PipelineState.PAUSED, reason
    if reason:
        return PipelineState.FAILURE, reason
    if spec.autoscaling and not has_work:
        return PipelineState.STANDBY, ""
    return PipelineState.RUNNING, ""
