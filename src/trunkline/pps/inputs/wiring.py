"""What joins a pipeline to its inputs: the provenance of its branches. What if an input goes, and comes back."""

from collections.abc import Iterable, Sequence

from trunkline.model.jobs import PipelineType
from trunkline.model.names import DEFAULT_BRANCH, META, SPEC
from trunkline.model.pipelines import CronInput, PFSInput, PipelineSpec
from trunkline.model.versions import BranchKey, RepoKey
from trunkline.pfs.history import branches
from trunkline.pfs.queries import branches as branch_queries
from trunkline.pfs.queries.branches import find_branch
from trunkline.pfs.queries.repos import find_repo
from trunkline.pfs.transaction import Transaction
from trunkline.pps.inputs.cron import cron_repo
from trunkline.pps.inputs.triggers import install_triggers
from trunkline.pps.queries import pipelines
from trunkline.pps.queries.pipelines import PipelineRow
from trunkline.pps.spec.decode import decode_spec


def connect(tx: Transaction, spec: PipelineSpec, output: RepoKey) -> None:
    """Make the output and meta branches be computed from the inputs and the spec."""
    install_triggers(tx, spec)
    provenance, never = [BranchKey(RepoKey(output.project, output.name, SPEC), DEFAULT_BRANCH)], []
    for branch, never_propagates in _inputs(spec):
        provenance.append(branch)
        if never_propagates:
            never.append(branch)
    for branch in written_branches(spec, output):
        branches.create_branch(tx, branch, provenance=provenance, never_propagates=never)


def disconnect(tx: Transaction, spec: PipelineSpec, output: RepoKey, *, but: Sequence[BranchKey] = ()) -> None:
    """Leave the branches that a spec has written as they are, but for those that the next one goes on with."""
    for branch in written_branches(spec, output):
        if branch not in but:
            branches.create_branch(tx, branch)


def written_branches(spec: PipelineSpec, output: RepoKey) -> list[BranchKey]:
    """Return the branches that a pipeline of that spec writes."""
    types = (output.type, META) if spec.type is PipelineType.TRANSFORM else (output.type,)
    return [BranchKey(RepoKey(output.project, output.name, type_), spec.output_branch) for type_ in types]


def leaves_of(spec: PipelineSpec) -> Sequence[PFSInput | CronInput]:
    """Return the inputs of a spec that read repos."""
    return list(spec.input.leaves()) if spec.input is not None else []


def _inputs(spec: PipelineSpec) -> list[tuple[BranchKey, bool]]:
    """Return the branches that make a pipeline's commits, and of each whether its changes do not."""
    if spec.type is PipelineType.SPOUT:  # writes its commits when it likes
        return []
    found: list[tuple[BranchKey, bool]] = []
    for leaf in leaves_of(spec):
        if isinstance(leaf, CronInput):
            found.append((BranchKey(cron_repo(leaf), DEFAULT_BRANCH), False))
            continue
        branch = BranchKey(RepoKey(leaf.project, leaf.repo, leaf.repo_type), leaf.branch)
        found.append((branch, leaf.propagation_spec is not None and leaf.propagation_spec.never))
    return found


def lost_inputs(tx: Transaction, spec: PipelineSpec) -> list[str]:
    """Return the repos and branches that a pipeline reads and that are gone, as ``repo default/images``."""
    lost: dict[str, None] = {}
    for branch, _ in _inputs(spec):
        repo = find_repo(tx.connection, branch.repo)
        if repo is None:
            lost[f"repo {branch.repo}"] = None
        elif find_branch(tx.connection, repo.key, branch.name) is None:
            lost[f"branch {branch}"] = None
    return list(lost)


def _joined_repos(tx: Transaction, row: PipelineRow, spec: PipelineSpec) -> set[RepoKey]:
    """Return the repos that a pipeline's output branch is computed from."""
    output = RepoKey(row.project, row.name)
    repo = find_repo(tx.connection, output)
    branch = None if repo is None else find_branch(tx.connection, repo.key, spec.output_branch)
    edges = () if branch is None else branch_queries.provenance_of(tx.connection, branch.key)
    return {branch_queries.branch_by_key(tx.connection, key).branch.repo for key, _ in edges}


def join_again(tx: Transaction, made: Iterable[int]) -> None:
    """Join the pipelines that read branches which have just been made to them, as far as all their inputs are there."""
    found = [branch_queries.find_branch_by_key(tx.connection, key) for key in made]
    keys = {row.branch for row in found if row is not None}
    names = {key.repo.name for key in keys}
    for row in pipelines.list_pipelines(tx.connection, []) if keys else ():
        if row.stopped or not any(name in row.spec_json for name in names):
            continue
        spec = decode_spec(row.spec_json)
        inputs = [branch for branch, _ in _inputs(spec)]
        if not keys.intersection(inputs) or any(find_repo(tx.connection, each.repo) is None for each in inputs):
            continue
        if not {branch.repo for branch in inputs} <= _joined_repos(tx, row, spec):
            connect(tx, spec, RepoKey(row.project, row.name))
            tx.makes_work = True


def lost_inputs_reason(lost_inputs: Sequence[str]) -> str:
    """Return what is said of a pipeline or job whose inputs are gone; empty if none is."""
    if not lost_inputs:
        return ""
    return f"input is gone: {', '.join(lost_inputs)} was deleted: make it again, or update the pipeline to read another"
