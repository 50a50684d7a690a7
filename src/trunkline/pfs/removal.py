"""Squashing and dropping commits (reference, section 1.7).

The file set of a finished commit stands on its own, so removing a commit moves no data: its children get its parent,
and branches that pointed at it point further back.
"""

from collections.abc import Sequence

from trunkline.errors import ConflictError, NotFoundError
from trunkline.model.jobs import OriginKind
from trunkline.model.names import SPEC
from trunkline.pfs.queries import branches, commits
from trunkline.pfs.queries.branches import BranchRow
from trunkline.pfs.queries.commits import CommitRow
from trunkline.pfs.transaction import Listener, Transaction


def drop_commit_set(tx: Transaction, id: str, listeners: Sequence[Listener]) -> None:  # noqa: A002 - the field's word
    """Remove the newest commits of their branches, with what they added."""
    rows = _set(tx, id)
    for row in rows:
        if commits.children_of(tx.connection, row.key):
            raise ConflictError(f"cannot drop a commit that has children: {row.commit}")
    _refuse_subvenance(tx, rows, "drop")
    remove(tx, rows, listeners)


def squash_commit_set(tx: Transaction, id: str, listeners: Sequence[Listener]) -> None:  # noqa: A002
    """Remove commits in the middle of their branches' history; what they added stays in their children."""
    rows = _set(tx, id)
    for row in rows:
        children = commits.children_of(tx.connection, row.key)
        if not children:
            raise ConflictError(
                f"cannot squash a commit that has no children as that would cause data loss, use the drop operation "
                f"instead: {row.commit}"
            )
        for child in children:
            if child.finished_at is None:
                raise ConflictError(f"cannot squash until child commit {child.commit} is finished")
        if row.commit.repo.type == SPEC:
            raise ConflictError(f"cannot squash commit set {id} because it updated a pipeline: {row.commit}")
    _refuse_subvenance(tx, rows, "squash")
    remove(tx, rows, listeners)


def _set(tx: Transaction, id: str) -> list[CommitRow]:  # noqa: A002
    rows = commits.commits_of_set(tx.connection, id)
    if not rows:
        raise NotFoundError(f"no commits found for commitset {id}")
    return rows


def _refuse_subvenance(tx: Transaction, rows: Sequence[CommitRow], verb: str) -> None:
    keys = {row.key for row in rows}
    for row in rows:
        others = {other.commit.id for other in commits.subvenance_of(tx.connection, row.key) if other.key not in keys}
        if others:
            raise ConflictError(
                f"cannot {verb} commit {row.commit} because it has subvenant commit sets: {', '.join(sorted(others))}"
            )


def remove(tx: Transaction, rows: Sequence[CommitRow], listeners: Sequence[Listener]) -> None:
    """Remove commits, leaving every branch with a head and every child with a parent that is still there."""
    keys = {row.key for row in rows}
    for listener in listeners:
        listener.commits_deleted(tx, rows)
    for row in rows:
        kept = _kept_ancestor(tx, row, keys)
        for child in commits.children_of(tx.connection, row.key):
            commits.update_commit(tx.connection, child.key, parent=kept)
        for branch in branches.branches_with_head(tx.connection, row.key):
            branches.update_branch(tx.connection, branch.key, head=kept, updated_at=tx.now)
    commits.delete_commits(tx.connection, sorted(keys))
    for repo_key in dict.fromkeys(row.repo_key for row in rows):
        for branch in branches.list_branches(tx.connection, repo_key):
            if branch.head is None:
                _give_empty_commit(tx, branch)


def _kept_ancestor(tx: Transaction, row: CommitRow, removed: set[int]) -> int | None:
    parent = row.parent
    while parent is not None and parent in removed:
        parent = commits.commit_by_key(tx.connection, parent).parent
    return parent


def _give_empty_commit(tx: Transaction, branch: BranchRow) -> None:
    commit = commits.insert_commit(
        tx.connection,
        repo_key=branch.repo_key,
        id=tx.id,
        branch_name=branch.branch.name,
        origin=OriginKind.AUTO,
        parent=None,
        now=tx.now,
    )
    commits.update_commit(tx.connection, commit.key, finishing_at=tx.now, finished_at=tx.now, root="")
    branches.update_branch(tx.connection, branch.key, head=commit.key)
