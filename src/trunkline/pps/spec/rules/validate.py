"""The rules for a whole spec (reference, section 3.3): what is refused, field by field."""

from collections.abc import Iterator
from itertools import chain

from trunkline.model.names import check_branch_name, check_pipeline_name, check_project_name
from trunkline.model.pipelines import PipelineSpec
from trunkline.pps.spec.form.findings import Finding, InvalidSpecError, error
from trunkline.pps.spec.rules.input_rules import checked, input_problems
from trunkline.pps.spec.rules.transform_rules import (
    egress_problems,
    environment_problems,
    limit_problems,
    long_running_problems,
    pod_problems,
    resource_problems,
    secret_problems,
)


def validate(spec: PipelineSpec) -> None:
    """Raise InvalidSpecError unless the spec, with its defaults filled in, can become a pipeline."""
    if findings := problems(spec):
        raise InvalidSpecError(findings)


def problems(spec: PipelineSpec) -> list[Finding]:
    """Return every error of a spec whose defaults are filled in."""
    return list(
        chain(
            _pipeline_problems(spec),
            secret_problems(spec.transform.secrets if spec.transform else ()),
            environment_problems(spec.transform.env if spec.transform else {}),
            () if spec.spout is not None and spec.input is None else input_problems(spec.input),
            checked(check_branch_name, spec.output_branch, "outputBranch"),
            resource_problems(spec),
            limit_problems(spec),
            long_running_problems(spec),
            egress_problems(spec.egress),
            pod_problems(spec),
        )
    )


def _pipeline_problems(spec: PipelineSpec) -> Iterator[Finding]:
    pipeline = spec.pipeline
    if pipeline is None:
        yield error("pipeline", "no `pipeline` specified", {"pipeline": {"name": "NAME"}})
        return
    if not pipeline.name:
        yield error("pipeline.name", "no pipeline `name` specified", {"name": "NAME"})
        return
    yield from checked(check_pipeline_name, pipeline.name, "pipeline.name")
    if pipeline.project is not None:
        yield from checked(check_project_name, pipeline.project.name, "pipeline.project.name")
