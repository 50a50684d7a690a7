"""The repos of cron inputs: they come and go with their pipeline."""

from trunkline.model.names import DEFAULT_BRANCH
from trunkline.model.pipelines import PipelineSpec
from trunkline.model.versions import BranchKey, RepoKey
from trunkline.pfs import repos
from trunkline.pfs.history import branches
from trunkline.pfs.queries.repos import find_repo
from trunkline.pfs.transaction import Transaction
from trunkline.pps.inputs.cron import cron_inputs, cron_repo


def create_cron_repos(tx: Transaction, spec: PipelineSpec, output: RepoKey) -> None:
    """Make the repos of a pipeline's cron inputs that are not there yet."""
    for leaf in cron_inputs(spec):
        if find_repo(tx.connection, cron_repo(leaf)) is None:
            repos.create_repo(tx, cron_repo(leaf), description=_description(output))


def delete_cron_repos(tx: Transaction, spec: PipelineSpec, output: RepoKey) -> None:
    """Remove the cron repos that were made for this pipeline and that nobody else reads."""
    for leaf in cron_inputs(spec):
        row = find_repo(tx.connection, cron_repo(leaf))
        if row is None or row.description != _description(output):
            continue
        if not branches.inspect_branch(tx, BranchKey(cron_repo(leaf), DEFAULT_BRANCH)).subvenance:
            repos.delete_repo(tx, cron_repo(leaf), force=True)


def _description(output: RepoKey) -> str:
    return f"Cron tick repo for pipeline {output}."
