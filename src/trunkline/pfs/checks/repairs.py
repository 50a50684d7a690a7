"""Repairs of rows that contradict each other. Each says what it did, for the one who asked for it."""

from trunkline.model.jobs import OriginKind
from trunkline.pfs.history.branches import give_empty_head
from trunkline.pfs.queries import branches, commits, dangling, repos
from trunkline.pfs.queries.branches import BranchRow
from trunkline.pfs.queries.commits import CommitRow
from trunkline.pfs.settling import DAMAGED
from trunkline.pfs.transaction import Transaction


def restore_project(tx: Transaction, *, name: str) -> str:
    """Make the project that repos say they are in."""
    repos.insert_project(tx.connection, name, "", tx.now)
    return "made the project anew, without its description"


def forget_branch_edge(tx: Transaction, *, branch: int, upstream: int) -> str:
    """Forget provenance that leads nowhere."""
    dangling.delete_branch_edge(tx.connection, branch, upstream)
    return "forgot it"


def forget_commit_edge(tx: Transaction, *, commit: int, upstream: int) -> str:
    """Forget provenance that leads nowhere."""
    dangling.delete_commit_edge(tx.connection, commit, upstream)
    return "forgot it"


def give_head(tx: Transaction, *, branch: BranchRow) -> str:
    """Let a branch stand at the newest of its commits that is left, or at an empty one.

    What is computed from it, and itself if it is computed, gets new commits.
    """
    newest = commits.newest_of_branch(tx.connection, branch.repo_key, branch.branch.name, has_files=True)
    branches.update_branch(tx.connection, branch.key, head=None if newest is None else newest.key, updated_at=tx.now)
    if branches.provenance_of(tx.connection, branch.key):
        tx.lacking[branch.key] = None
        return "opened a new commit, to be computed from what its provenance holds now"
    if newest is None:
        give_empty_head(tx, branch, origin=OriginKind.FSCK)
        return "the branch stands at a new commit without files"
    tx.moved[branch.key] = None
    return f"the branch stands at {newest.commit}, the newest of its commits that is left"


def restore_head_provenance(tx: Transaction, *, branch: BranchRow, head: CommitRow, upstream: BranchRow) -> str:
    """Say again what a head was computed from: the commit of its set. Where there is none, compute it anew."""
    source = commits.find_commit(tx.connection, upstream.repo_key, head.commit.id)
    if source is not None and source.branch_name == upstream.branch.name:
        commits.insert_provenance(tx.connection, head.key, [source.key])
        return f"it was {source.commit}, which has the same id"
    tx.lacking[branch.key] = None
    return f"opened a new commit on {branch.branch}, to be computed from what its provenance holds now"


def give_parent(tx: Transaction, *, commit: CommitRow) -> str:
    """Put a commit on the newest commit of its branch that is older than it, or on none."""
    older = commits.newest_of_branch(tx.connection, commit.repo_key, commit.branch_name, before=commit.key)
    commits.update_commit(tx.connection, commit.key, parent=None if older is None else older.key)
    if older is None:
        return "it is the first commit of its branch now"
    return f"its parent is {older.commit} now, the one before it on its branch"


def close_finished(tx: Transaction, *, commit: CommitRow) -> str:
    """Note that a commit was closed when it was finished."""
    commits.update_commit(tx.connection, commit.key, finishing_at=commit.finished_at)
    return "closed it at the time that it was finished"


def settle_again(tx: Transaction, *, commit: CommitRow) -> str:
    """Let the file set of a commit be made again from what was written to it."""
    is_found_again = commit.error.startswith(DAMAGED) and commit.origin is OriginKind.USER
    commits.update_commit(
        tx.connection,
        commit.key,
        finished_at=None,
        finishing_at=commit.finishing_at or commit.finished_at,
        error="" if is_found_again else commit.error,
    )
    tx.closed.append(commit.key)
    return "made its file set again from what was written to it"


def forget_merged_layers(tx: Transaction, *, commit: CommitRow) -> str:
    """Forget layers that the file set of a commit has."""
    commits.delete_layers(tx.connection, commit.key)
    return "its file set has all of them: forgot them"
