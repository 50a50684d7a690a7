"""Checks that projects, repos, branches and commits agree with each other and with what is stored."""

from collections.abc import Iterator

from trunkline.pfs.provenance import upstream_of
from trunkline.pfs.queries import branches, commits, file_sets
from trunkline.pfs.queries.branches import BranchRow
from trunkline.pfs.queries.commits import CommitRow
from trunkline.pfs.transaction import Transaction
from trunkline.pfs.versioning import Versioning
from trunkline.storage.verify import StorageCheck


def check_versions(versioning: Versioning) -> Iterator[str]:
    """Yield what is wrong with branches, commits and the file sets that they point at."""
    with versioning.reading() as tx:
        rows = {row.key: row for row in commits.list_commits(tx.connection)}
        problems = [*_check_branches(tx, rows), *_check_commits(tx, rows)]
        layers = [layer for row in rows.values() for layer in commits.layers_of(tx.connection, row.key)]
        layers += [layer for layer in file_sets.all_layers(tx.connection) if layer]
    yield from problems
    check = StorageCheck(versioning.file_sets)
    for row in rows.values():
        for problem in check.check_file_set(row.root or ""):
            yield f"commit {row.commit}: {problem}"
    for layer in layers:
        yield from check.check_file_set(layer)


def check_data(versioning: Versioning) -> Iterator[str]:
    """Yield what is wrong with stored objects, after reading all of them."""
    yield from StorageCheck(versioning.file_sets).check_objects()


def _check_branches(tx: Transaction, rows: dict[int, CommitRow]) -> Iterator[str]:
    for row in branches.list_branches(tx.connection):
        yield from _check_head(row, rows)
        if row.key in upstream_of(tx, row.key):
            yield f"branch {row.branch} is computed from itself"
        if row.trigger is not None and branches.provenance_of(tx.connection, row.key):
            yield f"branch {row.branch} has both a trigger and provenance"


def _check_head(row: BranchRow, rows: dict[int, CommitRow]) -> Iterator[str]:
    if row.head is None:
        yield f"branch {row.branch} has no head"
    elif row.head not in rows:
        yield f"branch {row.branch} has a head that is missing"
    elif rows[row.head].repo_key != row.repo_key:
        yield f"branch {row.branch} has a head in another repo: {rows[row.head].commit}"


def _check_commits(tx: Transaction, rows: dict[int, CommitRow]) -> Iterator[str]:
    for row in rows.values():
        if row.parent is not None:
            yield from _check_parent(row, rows.get(row.parent))
        if row.finished_at is not None:
            if row.finishing_at is None:
                yield f"commit {row.commit} is finished and was never closed"
            if row.root is None:
                yield f"commit {row.commit} is finished and has no file set"
            if commits.layers_of(tx.connection, row.key):
                yield f"commit {row.commit} is finished and has layers that are not in its file set"
        for other in commits.provenance_of(tx.connection, row.key):
            if row.finished_at is not None and other.finished_at is None and not row.error:
                yield f"commit {row.commit} is finished, and {other.commit}, which it is computed from, is not"


def _check_parent(row: CommitRow, parent: CommitRow | None) -> Iterator[str]:
    if parent is None:
        yield f"commit {row.commit} has a parent that is missing"
    elif parent.repo_key != row.repo_key:
        yield f"commit {row.commit} has a parent in another repo: {parent.commit}"
    elif parent.key >= row.key:
        yield f"commit {row.commit} is older than its parent {parent.commit}"
    elif row.finished_at is not None and parent.finished_at is None and not row.error:
        yield f"commit {row.commit} is finished, and its parent {parent.commit} is not"
