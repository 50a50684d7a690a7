"""Which runner a spec asks for."""

from trunkline.errors import InvalidInputError
from trunkline.model.datums import Runner
from trunkline.model.pipelines import PipelineSpec


def runner_of(spec: PipelineSpec) -> Runner | None:
    """Return the runner that a spec picks by the annotation ``runner``; None where it leaves that to the server."""
    named = spec.metadata.annotations.get("runner") if spec.metadata is not None else None
    if named is None:
        return None
    if named not in tuple(Runner):
        raise InvalidInputError(
            f"metadata.annotations.runner: {named!r} is no runner: write one of {', '.join(Runner)}, or leave it out"
        )
    return Runner(named)
