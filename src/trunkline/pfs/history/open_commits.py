"""Which open commit writes go to (reference, section 1.8: target resolution)."""

from trunkline.errors import ConflictError
from trunkline.model.ids import is_id
from trunkline.model.jobs import OriginKind
from trunkline.model.versions import CommitReference
from trunkline.pfs.history.commits import AlreadyFinishedError
from trunkline.pfs.history.provenance import is_computed
from trunkline.pfs.history.references import (
    find_repo,
    is_written_by_pipeline,
    resolve_commit,
    split_reference,
)
from trunkline.pfs.queries import branches, commits
from trunkline.pfs.queries.commits import CommitRow
from trunkline.pfs.transaction import Transaction


def find_open(tx: Transaction, target: CommitReference) -> CommitRow | None:
    """Return the open commit that writes to target go to; None for a branch that needs a new one."""
    base, from_root, up = split_reference(target)
    if is_id(base) or from_root is not None or up:
        commit = resolve_commit(tx, target)
        if commit.finishing_at is not None:
            raise AlreadyFinishedError(commit.commit)
    else:
        branch = branches.find_branch(tx.connection, find_repo(tx, target.repo).key, base)
        if branch is None or branch.head is None:
            return None
        commit = commits.commit_by_key(tx.connection, branch.head)
        is_open = commit.finishing_at is None
        if is_computed(tx, branch) and (not is_open or is_written_by_pipeline(tx, target.repo)):
            raise ConflictError(f"branch {branch.branch}: cannot start a commit on an output branch")
        if not is_open:
            return None
    if commit.origin is OriginKind.AUTO and is_written_by_pipeline(tx, commit.commit.repo):
        raise ConflictError(f"commit {commit.commit} is a pipeline's: its pipeline writes it, nobody else")
    return commit
