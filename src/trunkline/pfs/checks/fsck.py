"""Checks that projects, repos, branches and commits agree with each other and with what is stored; repairs them."""

from collections.abc import Iterator, Mapping

from trunkline.errors import CorruptDataError
from trunkline.pfs.checks.damage import read_all, repair_data
from trunkline.pfs.checks.problems import find_problems
from trunkline.pfs.history.good_ancestors import CommitForgottenError, base_root_of
from trunkline.pfs.queries import commits, file_sets
from trunkline.pfs.versioning import Versioning
from trunkline.storage.verify import StorageCheck

_PASSES_MAX = 10


def check_versions(versioning: Versioning) -> Iterator[str]:
    """Yield what is wrong with branches, commits and the file sets that they point at."""
    with versioning.reading() as tx:
        problems = [problem.text for problem in find_problems(tx, {})]
        rows = commits.list_commits(tx.connection)
        layers = [
            (f"commit {row.commit}", layer) for row in rows for layer in commits.layers_of(tx.connection, row.key)
        ]
        layers += [("a file set", layer) for layer in file_sets.all_layers(tx.connection) if layer]
    yield from problems
    for row in rows:
        if row.finished_at is None and (reason := versioning.settling.failure(row.key)):
            yield f"commit {row.commit} cannot be made readable, and is tried again: {reason}"
    check = StorageCheck(versioning.file_sets)
    for row in rows:
        for text in check.check_file_set(row.root or ""):
            yield f"commit {row.commit}: {text}"
    for owner, layer in layers:
        for text in check.check_file_set(layer):
            yield f"{owner}: {text}"


def repair_versions(versioning: Versioning) -> Iterator[str]:
    """Repair what is wrong with branches and commits and has a safe repair, and yield what it was with what was done.

    What is left is what `check_versions` finds afterwards. Damaged chunks are those that were met since the server
    began, as by `check_data`.
    """
    yield from repair_data(versioning)
    yield from _repair(versioning, {})
    # File sets are composed along parents, so those have to be sound, and outside of the transaction, as that stores.
    composed = dict(_composed(versioning))
    if composed:
        yield from _repair(versioning, composed)


def _repair(versioning: Versioning, composed: Mapping[int, str]) -> Iterator[str]:
    # One repair may uncover another problem, and one transaction gives a repo at most one new commit.
    for _ in range(_PASSES_MAX):
        with versioning.transaction() as tx:
            fixes = [
                f"{problem.text}: {problem.repair(tx)}"
                for problem in list(find_problems(tx, composed))
                if problem.repair is not None
            ]
        if not fixes:
            return
        yield from fixes


def _composed(versioning: Versioning) -> Iterator[tuple[int, str]]:
    """Yield the key of each finished commit that has layers left, and the file set that they give, where they can."""
    with versioning.reading() as tx:
        found = [
            (row, layers)
            for row in commits.list_commits(tx.connection)
            if row.finished_at is not None and (layers := commits.layers_of(tx.connection, row.key))
        ]
    for row, layers in found:
        try:
            with versioning.reading() as tx:
                base = base_root_of(tx, row)
            yield row.key, versioning.file_sets.compose(base, layers)
        except (CorruptDataError, CommitForgottenError):  # what it is made of is not there: the check tells
            continue


def check_data(versioning: Versioning) -> Iterator[str]:
    """Yield what is wrong with stored objects, after reading all of them, and the files that need what is damaged."""
    yield from read_all(versioning)
