"""What pipelines and jobs are said to be, as pure decisions (reference, sections 4.6 and 4.8)."""

from collections.abc import Iterable, Sequence

from trunkline.model.jobs import PipelineState
from trunkline.model.pipelines import PipelineSpec

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


def lost_inputs_reason(lost_inputs: Sequence[str]) -> str:
    """Return what is said of a pipeline or job whose inputs are gone; empty if none is."""
    if not lost_inputs:
        return ""
    return f"input is gone: {', '.join(lost_inputs)} was deleted: make it again, or update the pipeline to read another"


def unrunnable_reason(spec: PipelineSpec, failed_repos: Iterable[tuple[str, str]]) -> str:
    """Return why a job cannot run, by the names of the inputs whose repos (project, name) failed; empty when it can."""
    failed = set(failed_repos)
    leaves = spec.input.leaves() if spec.input is not None else ()
    names = sorted({leaf.name for leaf in leaves if (leaf.project, leaf.repo) in failed})
    return f"unrunnable because the following upstream pipelines failed: {', '.join(names)}" if names else ""
