"""The triggers that a pipeline's inputs install on the branches which it reads (reference, section 1.5)."""

from trunkline.errors import InvalidInputError
from trunkline.model.pipelines import PFSInput, PipelineSpec
from trunkline.model.versions import BranchKey, RepoKey, Trigger
from trunkline.pfs.history import branches
from trunkline.pfs.history.provenance import is_computed
from trunkline.pfs.history.references import find_repo
from trunkline.pfs.queries.branches import find_branch
from trunkline.pfs.transaction import Transaction


def install_triggers(tx: Transaction, spec: PipelineSpec) -> None:
    """Let each input branch follow the branch that its input's trigger names; it is made if there is none."""
    for leaf in spec.input.leaves() if spec.input is not None else ():
        if not isinstance(leaf, PFSInput) or leaf.trigger is None:
            continue
        branch = BranchKey(RepoKey(leaf.project, leaf.repo, leaf.repo_type), leaf.branch)
        row = find_branch(tx.connection, find_repo(tx, branch.repo).key, branch.name)
        # To set a trigger is to take the provenance away, which would cut a pipeline off from its inputs.
        if row is not None and is_computed(tx, row):
            raise InvalidInputError(
                f"input trigger of branch {branch}: a branch cannot have both provenance and a trigger: leave the "
                "input's branch out, and one is made for it"
            )
        wanted = leaf.trigger
        trigger = Trigger(
            branch=wanted.branch,
            all=wanted.all,
            rate_limit_spec=wanted.rate_limit_spec,
            size=wanted.size,
            commits=wanted.commits,
            cron_spec=wanted.cron_spec,
        )
        branches.create_branch(tx, branch, trigger=trigger)
