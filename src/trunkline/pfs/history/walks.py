"""Walks along provenance, breadth first (reference, section 1.6)."""

from collections.abc import Callable, Sequence
from typing import TypeVar

from trunkline.pfs.queries import branches, commits
from trunkline.pfs.queries.branches import BranchRow
from trunkline.pfs.queries.commits import CommitRow
from trunkline.pfs.transaction import Transaction

WALK_ITEMS_MAX = 10_000
WALK_DEPTH_MAX = 1_000

_Row = TypeVar("_Row", BranchRow, CommitRow)


def walk_commit_provenance(
    tx: Transaction, start: Sequence[CommitRow], *, items_max: int = 0, depth_max: int = 0
) -> list[CommitRow]:
    """Return what commits are computed from, nearest first."""
    return _walk(start, lambda key: commits.provenance_of(tx.connection, key), items_max, depth_max)


def walk_commit_subvenance(
    tx: Transaction, start: Sequence[CommitRow], *, items_max: int = 0, depth_max: int = 0
) -> list[CommitRow]:
    """Return what is computed from commits, nearest first."""
    return _walk(start, lambda key: commits.subvenance_of(tx.connection, key), items_max, depth_max)


def walk_branch_provenance(
    tx: Transaction, start: Sequence[BranchRow], *, items_max: int = 0, depth_max: int = 0
) -> list[BranchRow]:
    """Return what branches are computed from, nearest first."""

    def edges(key: int) -> list[BranchRow]:
        found = branches.provenance_of(tx.connection, key)
        return [branches.branch_by_key(tx.connection, other) for other, _ in found]

    return _walk(start, edges, items_max, depth_max)


def walk_branch_subvenance(
    tx: Transaction, start: Sequence[BranchRow], *, items_max: int = 0, depth_max: int = 0
) -> list[BranchRow]:
    """Return what is computed from branches, nearest first."""

    def edges(key: int) -> list[BranchRow]:
        found = branches.subvenance_of(tx.connection, key)
        return [branches.branch_by_key(tx.connection, other) for other, _ in found]

    return _walk(start, edges, items_max, depth_max)


def _walk(start: Sequence[_Row], edges: Callable[[int], Sequence[_Row]], items_max: int, depth_max: int) -> list[_Row]:
    """Return what edges lead to from start, breadth first, start itself left out."""
    found: dict[int, _Row] = {}
    items_max = items_max or WALK_ITEMS_MAX
    frontier: Sequence[_Row] = start
    for _ in range(depth_max or WALK_DEPTH_MAX):
        further: dict[int, _Row] = {}
        for row in frontier:
            further.update((other.key, other) for other in edges(row.key) if other.key not in found)
        for key, row in further.items():
            if len(found) == items_max:
                return list(found.values())
            found[key] = row
        frontier = list(further.values())
        if not frontier:
            break
    return list(found.values())
