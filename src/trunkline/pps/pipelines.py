"""Creating, changing and removing pipelines (reference, sections 3.7 and 3.8)."""

from dataclasses import dataclass
from datetime import UTC, datetime

from trunkline.errors import AlreadyExistsError, ConflictError, InvalidInputError, NotFoundError
from trunkline.model.ids import new_id
from trunkline.model.jobs import PipelineState, PipelineType
from trunkline.model.names import DEFAULT_BRANCH, DEFAULT_PROJECT, META, SPEC
from trunkline.model.pipelines import PFSInput, PipelineSpec
from trunkline.model.versions import BranchKey, RepoKey
from trunkline.pfs import repos
from trunkline.pfs.history import branches
from trunkline.pfs.history.commits import abandon_head, finish_commit, start_commit
from trunkline.pfs.queries.repos import find_repo
from trunkline.pfs.transaction import Transaction
from trunkline.pfs.versioning import Versioning
from trunkline.pps.defaults import Defaults, defaults_of
from trunkline.pps.inputs.cron_repos import create_cron_repos, delete_cron_repos
from trunkline.pps.inputs.wiring import connect, disconnect, leaves_of, written_branches
from trunkline.pps.jobs.moves import kill_job
from trunkline.pps.queries import jobs, pipelines, residents
from trunkline.pps.queries.pipelines import PipelineRow
from trunkline.pps.spec.decode import decode_spec, encode_spec
from trunkline.pps.spec.defaults import fill_defaults
from trunkline.pps.spec.layers import effective_spec
from trunkline.pps.spec.rules.validate import validate
from trunkline.pps.spec.runner import runner_of

_SPEC_PATH = "/spec"
_UPDATED = "all jobs killed because pipeline was updated, and they were of an older version"


@dataclass(frozen=True, slots=True)
class Definition:
    """A spec in every form that is kept of it."""

    user_json: str
    effective_json: str
    spec: PipelineSpec
    update: bool = False
    """Whether it may replace a pipeline that exists."""
    reprocess: bool = False
    """Whether every datum runs again."""

    @property
    def project(self) -> str:
        """The pipeline's project."""
        name = self.spec.pipeline
        return name.project.name if name and name.project and name.project.name else DEFAULT_PROJECT

    @property
    def name(self) -> str:
        """The pipeline's name."""
        return self.spec.pipeline.name if self.spec.pipeline else ""

    def salt_after(self, existing: PipelineRow | None) -> str:
        """Return the salt from now on: the old one, unless all datums are to run again or the spec names another."""
        given = self.spec.salt
        if existing is None:
            return given or new_id()
        if self.reprocess:
            return given if given not in ("", existing.salt) else new_id()
        return given if given and given != decode_spec(existing.spec_json).salt else existing.salt


def define(
    versioning: Versioning,
    user_json: str,
    *,
    update: bool = False,
    reprocess: bool = False,
    defaults: Defaults | None = None,
) -> Definition:
    """Return the whole definition that a user's spec makes; raise if it is not sound.

    Made under the defaults in force, unless others are given to try them.
    """
    project = decode_spec(user_json).pipeline
    name = project.project.name if project and project.project and project.project.name else DEFAULT_PROJECT
    with versioning.reading() as tx:
        found = defaults or defaults_of(tx, name)
    effective = effective_spec(user_json, cluster_defaults=found.cluster, project_defaults=found.project)
    spec = fill_defaults(decode_spec(effective), now=datetime.now(UTC), project=name)
    validate(spec)
    _refuse_unsupported(spec)
    runner_of(spec)
    return Definition(user_json, effective, spec, update=update or spec.update, reprocess=reprocess or spec.reprocess)


def redefine(row: PipelineRow, *, reprocess: bool) -> Definition:
    """Return a pipeline's definition as it stands, to be applied again: later defaults do not change it."""
    return Definition(
        row.user_spec_json, row.effective_spec_json, decode_spec(row.spec_json), update=True, reprocess=reprocess
    )


def _refuse_unsupported(spec: PipelineSpec) -> None:
    unsupported = {
        "s3Out": spec.s3_out,
        "input.pfs.s3": any(isinstance(leaf, PFSInput) and leaf.s3 for leaf in leaves_of(spec)),
    }
    for field, present in unsupported.items():
        if present:
            raise InvalidInputError(f"{field}: this version of Trunkline cannot run it yet: leave the field out")


def write_spec(versioning: Versioning, definition: Definition) -> str:
    """Return a layer with the spec as the file that the spec repo keeps of it; for `create_pipeline`."""
    writer = versioning.file_sets.edit()
    writer.delete(_SPEC_PATH)
    writer.add(_SPEC_PATH, encode_spec(definition.spec).encode())
    return writer.finish()


def create_pipeline(tx: Transaction, versioning: Versioning, definition: Definition, *, spec_layer: str) -> None:
    """Create a pipeline with its repos, or replace one; its first job is made in the same transaction."""
    existing = pipelines.find_pipeline(tx.connection, definition.project, definition.name)
    _check_existing(tx, definition, existing)
    output = RepoKey(definition.project, definition.name)
    _create_repos(tx, definition.spec, output)
    create_cron_repos(tx, definition.spec, output)
    key = existing.key if existing else _insert(tx, output)
    commit = start_commit(tx, BranchKey(RepoKey(output.project, output.name, SPEC), DEFAULT_BRANCH))
    versioning.append_layer(tx, commit, spec_layer)
    finish_commit(tx, commit)
    _add_version(tx, key, existing, definition)
    if existing is not None:
        _end_runs(tx, existing, _UPDATED)
        disconnect(tx, decode_spec(existing.spec_json), output, but=written_branches(definition.spec, output))
    if existing is None or not existing.stopped:
        connect(tx, definition.spec, output)


def _check_existing(tx: Transaction, definition: Definition, existing: PipelineRow | None) -> None:
    name = f"{definition.project}/{definition.name}"
    if existing is not None and not definition.update:
        raise AlreadyExistsError(f'pipeline "{name}" already exists')
    repo = find_repo(tx.connection, RepoKey(definition.project, definition.name))
    if existing is None and repo is not None:
        raise ConflictError(f'pipeline "{name}" cannot be created because a repo with the same name already exists')


def _end_runs(tx: Transaction, row: PipelineRow, reason: str) -> None:
    """End what runs of a pipeline: its jobs, and what a spout has not finished writing."""
    tx.makes_work = True
    for job in jobs.unfinished_jobs(tx.connection, row.key):
        kill_job(tx, job, reason)
    residents.delete_residents(tx.connection, row.key)
    if row.type is PipelineType.SPOUT:
        abandon_head(tx, BranchKey(RepoKey(row.project, row.name), decode_spec(row.spec_json).output_branch), reason)


def _create_repos(tx: Transaction, spec: PipelineSpec, output: RepoKey) -> None:
    if find_repo(tx.connection, output) is None:
        repos.create_repo(tx, output, description=f"Output repo for pipeline {output}.")
    types = (SPEC, META) if spec.type is PipelineType.TRANSFORM else (SPEC,)
    for type_ in types:
        description = f"{type_.capitalize()} repo for pipeline {output}."
        key = RepoKey(output.project, output.name, type_)
        if find_repo(tx.connection, key) is None:
            repos.create_repo(tx, key, description=description)


def _insert(tx: Transaction, output: RepoKey) -> int:
    return pipelines.insert_pipeline(tx.connection, project=output.project, name=output.name, now=tx.now)


def _add_version(tx: Transaction, key: int, existing: PipelineRow | None, definition: Definition) -> None:
    version = existing.version + 1 if existing else 1
    pipelines.insert_version(
        tx.connection,
        pipeline=key,
        version=version,
        spec_commit=tx.id,
        salt=definition.salt_after(existing),
        user_spec_json=definition.user_json,
        effective_spec_json=definition.effective_json,
        spec_json=encode_spec(definition.spec),
        created_at=tx.now,
    )
    transform = definition.spec.transform
    state, reason = PipelineState.RUNNING, ""
    if transform is None or not transform.cmd:
        state, reason = PipelineState.FAILURE, "nothing to run: no transform.cmd"
    elif existing is not None and existing.stopped:
        state = PipelineState.PAUSED
    pipelines.update_pipeline(
        tx.connection, key, version=version, state=int(state), reason=reason, type=int(definition.spec.type)
    )
    tx.makes_work = True


def find_pipeline(tx: Transaction, project: str, name: str) -> PipelineRow:
    """Return the pipeline, at an older version where name ends in ``^N``; raise NotFoundError if there is none."""
    base, ancestry, number = name.partition("^")
    if number and not (number.isascii() and number.isdigit() and len(number) < 10):
        raise InvalidInputError(f"invalid pipeline reference {name[:300]!r}: an older version is written NAME^N")
    row = pipelines.find_pipeline(tx.connection, project or DEFAULT_PROJECT, base)
    if row is not None and ancestry:
        row = pipelines.find_version(tx.connection, row.key, row.version - (int(number) if number else 1))
    if row is None:
        raise NotFoundError(f'pipeline "{project or DEFAULT_PROJECT}/{name}" not found')
    return row


def stop_pipeline(tx: Transaction, row: PipelineRow) -> None:
    """Cut a pipeline off from its inputs and end its jobs."""
    pipelines.update_pipeline(tx.connection, row.key, stopped=True, state=int(PipelineState.PAUSED))
    _end_runs(tx, row, "pipeline stopped")
    disconnect(tx, decode_spec(row.spec_json), RepoKey(row.project, row.name))


def start_pipeline(tx: Transaction, row: PipelineRow) -> None:
    """Join a stopped pipeline to its inputs again; it gets one job for what they are now."""
    if not row.stopped:
        return
    pipelines.update_pipeline(tx.connection, row.key, stopped=False, state=int(PipelineState.RUNNING))
    tx.makes_work = True
    connect(tx, decode_spec(row.spec_json), RepoKey(row.project, row.name))


def delete_pipeline(tx: Transaction, row: PipelineRow, *, force: bool = False, keep_repo: bool = False) -> None:
    """Remove a pipeline with its jobs and repos; refused while others read its output, unless forced."""
    output = RepoKey(row.project, row.name)
    spec = decode_spec(row.spec_json)
    if not force:
        _refuse_dependants(tx, row, spec)
    _end_runs(tx, row, "pipeline deleted")
    jobs.delete_jobs(tx.connection, [job.key for job in jobs.list_jobs(tx.connection, pipeline_key=row.key)])
    residents.delete_logs(tx.connection, row.key)
    pipelines.delete_pipeline(tx.connection, row.key)
    if keep_repo:
        branches.create_branch(tx, BranchKey(output, spec.output_branch))
        for type_ in (META, SPEC):
            repos.delete_repo(tx, RepoKey(output.project, output.name, type_), force=True)
    else:
        repos.delete_repo(tx, output, force=True)
    delete_cron_repos(tx, spec, output)


def _refuse_dependants(tx: Transaction, row: PipelineRow, spec: PipelineSpec) -> None:
    info = branches.inspect_branch(tx, BranchKey(RepoKey(row.project, row.name), spec.output_branch))
    if info.subvenance:
        below = sorted({f"{branch.repo.project}/{branch.repo.name}" for branch in info.subvenance})
        readers = ", ".join(below)
        raise ConflictError(
            f'cannot delete pipeline "{row}": its output is read by {readers}: delete those first, or use force'
        )
