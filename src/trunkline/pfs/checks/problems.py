"""What may be wrong with the rows of repos, branches and commits, and what would make it right again.

A repair never takes away what a user wrote: it forgets pointers to what is gone, and mends what other rows imply.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from typing import TypeAlias

from trunkline.pfs.checks import repairs
from trunkline.pfs.history.provenance import missing_provenance, upstream_of
from trunkline.pfs.queries import branches, commits, dangling
from trunkline.pfs.queries.branches import BranchRow
from trunkline.pfs.queries.commits import CommitRow
from trunkline.pfs.transaction import Transaction

Repair: TypeAlias = Callable[[Transaction], str]
"""Makes it right, and says what it did."""


@dataclass(frozen=True, slots=True)
class Problem:
    """A sentence on what is wrong, and the repair, where there is a safe one."""

    text: str
    repair: Repair | None = None


def find_problems(tx: Transaction, composed: Mapping[int, str]) -> Iterator[Problem]:
    """Yield what is wrong in the database. Files themselves are not looked at.

    ``composed`` has, by the key of a finished commit that has layers left, the file set that they give; only with it
    there are repairs of such commits.
    """
    yield from _dangling(tx)
    rows = {row.key: row for row in commits.list_commits(tx.connection)}
    for branch in branches.list_branches(tx.connection):
        yield from _of_branch(tx, branch, rows)
    # Parents first: other repairs go along them.
    for row in rows.values():
        if row.parent is not None:
            yield from _of_parent(row, rows.get(row.parent))
    for row in rows.values():
        if row.finished_at is not None:
            yield from _of_finished(tx, row, composed.get(row.key))


def _dangling(tx: Transaction) -> Iterator[Problem]:
    connection = tx.connection
    for project in dangling.projects_missing(connection):
        yield Problem(f"project {project}, which has repos, is missing", partial(repairs.restore_project, name=project))
    for key, name in dangling.branches_without_repo(connection):
        yield Problem(f"branch {name} (row {key}) is in a repo that is missing")
    for key, id in dangling.commits_without_repo(connection):  # noqa: A001 - the field's word
        yield Problem(f"commit {id} (row {key}) is in a repo that is missing")
    for key, layer in dangling.layers_without_commit(connection):
        yield Problem(f"what was written to a commit that is missing (row {key}) is still there: layer {layer}")
    for branch, upstream in dangling.branch_edges(connection):
        yield Problem(
            f"provenance between branches of which one is missing (rows {branch} and {upstream})",
            partial(repairs.forget_branch_edge, branch=branch, upstream=upstream),
        )
    for commit, upstream in dangling.commit_edges(connection):
        yield Problem(
            f"provenance between commits of which one is missing (rows {commit} and {upstream})",
            partial(repairs.forget_commit_edge, commit=commit, upstream=upstream),
        )


def _of_branch(tx: Transaction, branch: BranchRow, rows: dict[int, CommitRow]) -> Iterator[Problem]:
    head = None if branch.head is None else rows.get(branch.head)
    new_head = partial(repairs.give_head, branch=branch)
    if branch.head is None:
        yield Problem(f"branch {branch.branch} has no head", new_head)
    elif head is None:
        yield Problem(f"branch {branch.branch} has a head that is missing", new_head)
    elif head.repo_key != branch.repo_key:
        yield Problem(f"branch {branch.branch} has a head in another repo: {head.commit}", new_head)
    elif head.forgotten_at is not None:
        yield Problem(f"branch {branch.branch} has a head that is forgotten: {head.commit}", new_head)
    else:
        yield from _of_head_provenance(tx, branch, head)
    if branch.key in upstream_of(tx, branch.key):
        yield Problem(f"branch {branch.branch} is computed from itself")
    if branch.trigger is not None and branches.provenance_of(tx.connection, branch.key):
        yield Problem(f"branch {branch.branch} has both a trigger and provenance")


def _of_head_provenance(tx: Transaction, branch: BranchRow, head: CommitRow) -> Iterator[Problem]:
    """Compare what a branch is computed from with what its head says it was computed from."""
    for upstream in missing_provenance(tx, branch, head):
        yield Problem(
            f"commit {head.commit}, the head of {branch.branch}, does not say which commit of {upstream.branch} it "
            "was computed from",
            partial(repairs.restore_head_provenance, branch=branch, head=head, upstream=upstream),
        )


def _of_finished(tx: Transaction, row: CommitRow, composed: str | None) -> Iterator[Problem]:
    if row.finishing_at is None:
        yield Problem(
            f"commit {row.commit} is finished and was never closed", partial(repairs.close_finished, commit=row)
        )
    layers = commits.layers_of(tx.connection, row.key)
    if row.root is None and row.forgotten_at is None:
        again = partial(repairs.settle_again, commit=row) if layers and composed is not None else None
        yield Problem(f"commit {row.commit} is finished and has no file set", again)
    elif layers:
        yield Problem(
            f"commit {row.commit} is finished and has layers that are not in its file set",
            partial(repairs.forget_merged_layers, commit=row) if composed == row.root else None,
        )
    for other in commits.provenance_of(tx.connection, row.key):
        if other.finished_at is None and not row.error:
            yield Problem(f"commit {row.commit} is finished, and {other.commit}, which it is computed from, is not")


def _of_parent(row: CommitRow, parent: CommitRow | None) -> Iterator[Problem]:
    new_parent = partial(repairs.give_parent, commit=row)
    if parent is None:
        yield Problem(f"commit {row.commit} has a parent that is missing", new_parent)
    elif parent.repo_key != row.repo_key:
        yield Problem(f"commit {row.commit} has a parent in another repo: {parent.commit}", new_parent)
    elif parent.key >= row.key:
        yield Problem(f"commit {row.commit} is older than its parent {parent.commit}", new_parent)
    elif row.finished_at is not None and parent.finished_at is None and not row.error:
        yield Problem(f"commit {row.commit} is finished, and its parent {parent.commit} is not")
