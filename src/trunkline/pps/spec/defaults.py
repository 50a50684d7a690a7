"""What a spec leaves out: filled in on the value, after the layers are merged, never shown in the effective JSON."""

from collections import Counter
from collections.abc import Callable
from datetime import UTC, datetime

from msgspec.structs import replace

from trunkline.model.names import DEFAULT_BRANCH, DEFAULT_PROJECT, USER
from trunkline.model.paths import clean
from trunkline.model.pipelines import (
    CronInput,
    Input,
    PFSInput,
    PipelineName,
    PipelineSpec,
    ProjectName,
    Service,
    Spout,
    Transform,
)

DATUM_TRIES = 3
REPROCESS_UNTIL_SUCCESS = "until_success"
REPROCESS_EVERY_JOB = "every_job"
SERVICE_TYPES = ("ClusterIP", "LoadBalancer", "NodePort")


def fill_defaults(spec: PipelineSpec, *, now: datetime, project: str = DEFAULT_PROJECT) -> PipelineSpec:
    """Return the spec with everything that has a default filled in; what is missing without one stays missing.

    ``project`` is that of a pipeline that names none, ``now`` the start of cron inputs that name none.
    """
    pipeline = spec.pipeline or PipelineName()
    own_project = (pipeline.project.name if pipeline.project else "") or project
    filled = replace(
        spec,
        pipeline=replace(pipeline, project=ProjectName(own_project)) if spec.pipeline else None,
        transform=spec.transform or Transform(),
        output_branch=spec.output_branch or DEFAULT_BRANCH,
        reprocess_spec=spec.reprocess_spec or REPROCESS_UNTIL_SUCCESS,
        datum_tries=spec.datum_tries or DATUM_TRIES,
        service=_fill_service(spec.service),
        spout=_fill_spout(spec.spout),
    )
    if spec.input is None:
        return filled
    return replace(filled, input=_InputFiller(pipeline.name, own_project, now).fill(spec.input))


def _fill_service(service: Service | None) -> Service | None:
    return replace(service, type=service.type or "NodePort") if service else None


def _fill_spout(spout: Spout | None) -> Spout | None:
    # The published SDK cannot send a spout without a service: an empty one is none.
    if spout is None or spout.service in (None, Service()):
        return None if spout is None else Spout()
    return Spout(_fill_service(spout.service))


class _InputFiller:
    def __init__(self, pipeline: str, project: str, now: datetime) -> None:
        self._pipeline = pipeline
        self._project = project
        self._now = now
        self._triggers: Counter[tuple[str, str]] = Counter()

    def fill(self, node: Input) -> Input:
        return map_leaves(node, pfs=self._fill_pfs, cron=self._fill_cron)

    def _fill_pfs(self, leaf: PFSInput) -> PFSInput:
        project = leaf.project or self._project
        branch, trigger = leaf.branch, leaf.trigger
        if trigger is not None and not branch:
            self._triggers[project, leaf.repo] += 1
            branch = f"{self._pipeline}-trigger-{self._triggers[project, leaf.repo]}"
            trigger = replace(trigger, branch=trigger.branch or DEFAULT_BRANCH)
        return replace(
            leaf,
            project=project,
            name=leaf.name or leaf.repo,
            repo_type=leaf.repo_type or USER,
            branch=branch or DEFAULT_BRANCH,
            glob=clean(leaf.glob) if leaf.glob else "",
            trigger=trigger,
        )

    def _fill_cron(self, leaf: CronInput) -> CronInput:
        return replace(
            leaf,
            project=leaf.project or self._project,
            repo=leaf.repo or f"{self._pipeline}_{leaf.name}",
            start=leaf.start or self._now.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
        )


def map_leaves(node: Input, *, pfs: Callable[[PFSInput], PFSInput], cron: Callable[[CronInput], CronInput]) -> Input:
    """Return the input tree with every leaf replaced by what the functions make of it, in the order of the tree."""

    def all_of(children: tuple[Input, ...] | None) -> tuple[Input, ...] | None:
        return None if children is None else tuple(map_leaves(child, pfs=pfs, cron=cron) for child in children)

    return Input(
        pfs=pfs(node.pfs) if node.pfs else None,
        join=all_of(node.join),
        group=all_of(node.group),
        cross=all_of(node.cross),
        union=all_of(node.union),
        cron=cron(node.cron) if node.cron else None,
    )
