"""The graph of branches: what is computed from what, and how a change travels through it (reference, 1.4 and 1.7)."""

from collections.abc import Callable, Iterable
from dataclasses import replace

from trunkline.errors import ConflictError, Error
from trunkline.model.jobs import OriginKind
from trunkline.model.names import SPEC
from trunkline.pfs.queries import branches, commits
from trunkline.pfs.queries.branches import BranchRow
from trunkline.pfs.queries.commits import CommitRow
from trunkline.pfs.transaction import Transaction


class ProvenanceCycleError(Error):
    """A branch would be computed from itself."""


def reachable(start: Iterable[int], edges: Callable[[int], Iterable[int]]) -> list[int]:
    """Return what edges lead to from start, start itself left out unless a cycle leads back, nearest first."""
    found: dict[int, None] = {}
    frontier = list(start)
    while frontier:
        further = [key for branch in frontier for key in edges(branch) if key not in found]
        found.update(dict.fromkeys(further))
        frontier = list(dict.fromkeys(further))
    return list(found)


def upstream_of(tx: Transaction, branch: int) -> list[int]:
    """Return the transitive provenance of a branch."""
    return reachable([branch], lambda key: [other for other, _ in branches.provenance_of(tx.connection, key)])


def downstream_of(tx: Transaction, branch: int) -> list[int]:
    """Return the transitive subvenance of a branch."""
    return reachable([branch], lambda key: [other for other, _ in branches.subvenance_of(tx.connection, key)])


def propagate(tx: Transaction) -> list[CommitRow]:
    """Open one commit on every branch that is computed from a moved one; return them, upstream first."""

    def propagating(key: int) -> list[int]:
        return [other for other, never in branches.subvenance_of(tx.connection, key) if not never]

    affected = set(tx.lacking) | set(reachable([*tx.moved, *tx.lacking], propagating))
    opened = []
    for key in _upstream_first(tx, affected):
        branch = branches.branch_by_key(tx.connection, key)
        if key in tx.lacking or is_computed(tx, branch):
            commit = _open_computed_commit(tx, branch)
            if commit is not None:
                opened.append(commit)
    return opened


def _upstream_first(tx: Transaction, keys: set[int]) -> list[int]:
    def edges(key: int) -> list[int]:
        return [other for other, _ in branches.provenance_of(tx.connection, key) if other in keys]

    return upstream_first(sorted(keys), edges)


def upstream_first(keys: Iterable[int], edges: Callable[[int], Iterable[int]]) -> list[int]:
    """Return keys and all that edges lead to from them, each after what edges lead to from it, however long the way."""
    ordered: dict[int, None] = {}
    begun: set[int] = set()
    for start in keys:
        waiting = [start]
        while waiting:
            key = waiting[-1]
            if key in begun:
                ordered[waiting.pop()] = None
                continue
            begun.add(key)
            waiting += [other for other in reversed(list(edges(key))) if other not in begun]
    return list(ordered)


def is_computed(tx: Transaction, branch: BranchRow) -> bool:
    """Whether commits of the branch are made from others' files, so that nobody writes it from outside.

    A branch under its own spec alone is a spout's: its process writes it, as people do. Another's spec is an input.
    """
    own_spec = replace(branch.branch.repo, type=SPEC)
    upstream = [
        branches.branch_by_key(tx.connection, key) for key, _ in branches.provenance_of(tx.connection, branch.key)
    ]
    return any(other.branch.repo != own_spec for other in upstream)


def missing_provenance(tx: Transaction, branch: BranchRow, head: CommitRow) -> list[BranchRow]:
    """Return what a branch is computed from and its head was not."""
    # What people put there by hand, or what the branch stood at before it was computed, has none.
    if head.origin is not OriginKind.AUTO or head.branch_name != branch.branch.name or _is_empty_head(head):
        return []
    computed_from = {other.repo_key for other in commits.provenance_of(tx.connection, head.key)}
    upstream = [
        branches.find_branch_by_key(tx.connection, key) for key, _ in branches.provenance_of(tx.connection, branch.key)
    ]
    return [other for other in upstream if other is not None and other.repo_key not in computed_from]


def _is_empty_head(head: CommitRow) -> bool:
    return not head.root and head.parent is None and head.started_at == head.finishing_at == head.finished_at


def record_provenance(tx: Transaction, commit: CommitRow, branch: BranchRow) -> None:
    """Note that a commit is made from the heads, as they are now, of what its branch is made from."""
    heads = [
        branches.branch_by_key(tx.connection, key).head for key, _ in branches.provenance_of(tx.connection, branch.key)
    ]
    commits.insert_provenance(tx.connection, commit.key, [head for head in heads if head is not None])


def _open_computed_commit(tx: Transaction, branch: BranchRow) -> CommitRow | None:
    if commits.find_commit(tx.connection, branch.repo_key, tx.id) is not None:
        return None
    commit = commits.insert_commit(
        tx.connection,
        repo_key=branch.repo_key,
        id=tx.id,
        branch_name=branch.branch.name,
        origin=OriginKind.AUTO,
        parent=branch.head,
        now=tx.now,
    )
    record_provenance(tx, commit, branch)
    branches.update_branch(tx.connection, branch.key, head=commit.key, updated_at=tx.now)
    return commit


def check_graph(tx: Transaction) -> None:
    """Raise if a branch whose provenance changed is in a cycle, or in a graph that holds two branches of one repo."""
    for key in tx.checked:
        branch = branches.branch_by_key(tx.connection, key)
        if key in upstream_of(tx, key):
            raise ProvenanceCycleError(f"cycle detected: branch {branch.branch} would be computed from itself")
        _check_one_branch_per_repo(tx, branch)


def _check_one_branch_per_repo(tx: Transaction, branch: BranchRow) -> None:
    def neighbours(key: int) -> list[int]:
        edges = branches.provenance_of(tx.connection, key) + branches.subvenance_of(tx.connection, key)
        return [other for other, _ in edges]

    seen: dict[int, BranchRow] = {branch.repo_key: branch}
    for key in reachable([branch.key], neighbours):
        other = branches.branch_by_key(tx.connection, key)
        first = seen.setdefault(other.repo_key, other)
        if first.key != other.key:
            names = f"{first.branch} and {other.branch}"
            raise ConflictError(f"multiple branches from the same repo, {names}, cannot participate in a DAG")
