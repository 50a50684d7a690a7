"""Squashing and dropping commits (reference, section 1.7).

The file set of a finished commit stands on its own, so removing a commit moves no data: its children get its parent,
and branches that pointed at it point further back.
"""

from collections.abc import Sequence

from trunkline.errors import ConflictError, NotFoundError
from trunkline.model.names import SPEC
from trunkline.model.versions import CommitReference
from trunkline.pfs.history.branches import give_empty_head
from trunkline.pfs.history.good_ancestors import (
    CommitForgottenError,
    check_base_of_next,
    commits_upon,
    root_of,
)
from trunkline.pfs.history.provenance import is_computed, missing_provenance, reachable
from trunkline.pfs.history.references import resolve_commit
from trunkline.pfs.queries import branches, commits
from trunkline.pfs.queries.commits import CommitRow
from trunkline.pfs.transaction import Listener, Transaction


def drop_commit_set(tx: Transaction, id: str, listeners: Sequence[Listener]) -> None:  # noqa: A002 - the field's word
    """Remove the newest commits of their branches, with what they added."""
    rows = _set(tx, id)
    _refuse_drop(tx, rows)
    _refuse_subvenance(tx, rows, "drop")
    _remove(tx, rows, listeners)


def squash_commit_set(tx: Transaction, id: str, listeners: Sequence[Listener]) -> None:  # noqa: A002
    """Remove commits in the middle of their branches' history; what they added stays in their children."""
    rows = _set(tx, id)
    _refuse_squash(tx, rows)
    _refuse_subvenance(tx, rows, "squash")
    _remove(tx, rows, listeners)


def drop_commit(
    tx: Transaction, reference: CommitReference, listeners: Sequence[Listener], *, recursive: bool = False
) -> None:
    """Remove one commit with what it added, and with recursive all that was computed from it."""
    rows = _with_subvenance(tx, reference, "drop", recursive=recursive)
    _refuse_drop(tx, rows)
    _remove(tx, rows, listeners)


def squash_commit(
    tx: Transaction, reference: CommitReference, listeners: Sequence[Listener], *, recursive: bool = False
) -> None:
    """Remove one commit, and with recursive all that was computed from it; what they added stays in their children."""
    rows = _with_subvenance(tx, reference, "squash", recursive=recursive)
    _refuse_squash(tx, rows)
    _remove(tx, rows, listeners)


def _set(tx: Transaction, id: str) -> list[CommitRow]:  # noqa: A002
    rows = commits.commits_of_set(tx.connection, id)
    if not rows:
        raise NotFoundError(f"no commits found for commitset {id}")
    return rows


def _with_subvenance(tx: Transaction, reference: CommitReference, verb: str, *, recursive: bool) -> list[CommitRow]:
    commit = resolve_commit(tx, reference)

    def downstream(key: int) -> list[int]:
        return [other.key for other in commits.subvenance_of(tx.connection, key)]

    below = commits.commits_by_key(tx.connection, reachable([commit.key], downstream))
    if below and not recursive:
        raise ConflictError(
            f"cannot {verb} commit {commit.commit} with subvenance without recursive: {below[0].commit} is computed "
            "from it"
        )
    return [commit, *below]


def _refuse_drop(tx: Transaction, rows: Sequence[CommitRow]) -> None:
    keys = {row.key for row in rows}
    for row in rows:
        if any(child.key not in keys for child in commits.children_of(tx.connection, row.key)):
            raise ConflictError(f"cannot drop a commit that has children: {row.commit}")


def _refuse_squash(tx: Transaction, rows: Sequence[CommitRow]) -> None:
    keys = {row.key for row in rows}
    for row in rows:
        _refuse_loss(tx, row, keys)
        if row.commit.repo.type == SPEC:
            raise ConflictError(f"cannot squash commit {row.commit} because it updated a pipeline")


def _refuse_loss(tx: Transaction, row: CommitRow, removed: set[int]) -> None:
    """Raise ConflictError unless what a commit added stays in finished commits that lie on it and are not removed."""
    is_kept = False
    for child in commits_upon(tx, row.key):
        if child.finished_at is None:
            raise ConflictError(f"cannot squash until child commit {child.commit} is finished")
        if child.error and not row.error:
            _refuse_head(tx, row, child)
        elif child.key not in removed:
            is_kept = True
    if not is_kept:
        raise ConflictError(
            f"cannot squash a commit that has no children as that would cause data loss, use the drop operation "
            f"instead: {row.commit}"
        )


def _refuse_head(tx: Transaction, row: CommitRow, failed: CommitRow) -> None:
    """Raise ConflictError if a branch stands at a commit with an error: the next one there builds on what is before."""
    heads = branches.branches_with_head(tx.connection, failed.key)
    if heads:
        raise ConflictError(
            f"cannot squash commit {row.commit} as that would cause data loss: the next commit on branch "
            f"{heads[0].branch} will build on it, as {failed.commit} has an error; drop that one first"
        )


def _refuse_subvenance(tx: Transaction, rows: Sequence[CommitRow], verb: str) -> None:
    keys = {row.key for row in rows}
    for row in rows:
        others = {other.commit.id for other in commits.subvenance_of(tx.connection, row.key) if other.key not in keys}
        if others:
            raise ConflictError(
                f"cannot {verb} commit {row.commit} because it has subvenant commit sets: {', '.join(sorted(others))}"
            )


def _remove(tx: Transaction, rows: Sequence[CommitRow], listeners: Sequence[Listener]) -> None:
    """Remove commits, leaving every branch with a head and every child with a parent that is still there."""
    keys = {row.key for row in rows}
    for listener in listeners:
        listener.commits_deleted(tx, rows)
    headless: dict[int, None] = {}
    moved_back: dict[int, None] = {}
    for row in rows:
        kept = _kept_ancestor(tx, row, keys)
        heads = branches.branches_with_head(tx.connection, row.key)
        for child in commits.children_of(tx.connection, row.key):
            commits.update_commit(tx.connection, child.key, parent=kept)
        for branch in heads:
            branches.update_branch(tx.connection, branch.key, head=kept, updated_at=tx.now)
            (headless if kept is None else moved_back)[branch.key] = None
    commits.delete_commits(tx.connection, sorted(keys))
    for repo_key in {row.repo_key for row in rows}:
        _refuse_stranded_heads(tx, repo_key)
    for key in headless:
        branch = branches.branch_by_key(tx.connection, key)
        if is_computed(tx, branch):
            tx.lacking[key] = None
        else:
            give_empty_head(tx, branch)
    for key in moved_back:
        branch = branches.branch_by_key(tx.connection, key)
        # Its head is from before it was computed from something else: it is computed anew.
        if branch.head is not None and missing_provenance(
            tx, branch, commits.commit_by_key(tx.connection, branch.head)
        ):
            tx.lacking[key] = None


def _refuse_stranded_heads(tx: Transaction, repo_key: int) -> None:
    """Raise ConflictError if a branch is left at a forgotten commit, or at one with an error upon a forgotten one.

    The first shows no files, and on neither can a commit be made: every commit upstream of the branch would fail.
    """
    for branch in branches.list_branches(tx.connection, repo_key):
        if branch.head is None:
            continue
        head = commits.commit_by_key(tx.connection, branch.head)
        try:
            root_of(head)
            check_base_of_next(tx, head)
        except CommitForgottenError as error:
            raise ConflictError(
                f"cannot remove this: branch {branch.branch} would be left on a commit that is forgotten: {error}"
            ) from error


def _kept_ancestor(tx: Transaction, row: CommitRow, removed: set[int]) -> int | None:
    parent = row.parent
    while parent is not None and parent in removed:
        parent = commits.commit_by_key(tx.connection, parent).parent
    return parent
