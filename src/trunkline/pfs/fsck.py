"""Checks that projects, repos, branches and commits agree with each other and with what is stored; repairs them."""

from collections.abc import Iterator

from trunkline.errors import CorruptDataError
from trunkline.pfs.commits import CommitForgottenError
from trunkline.pfs.problems import Problem, find_problems
from trunkline.pfs.queries import commits, file_sets
from trunkline.pfs.transaction import Transaction
from trunkline.pfs.versioning import Versioning
from trunkline.storage.verify import StorageCheck

_PASSES_MAX = 10


def check_versions(versioning: Versioning) -> Iterator[str]:
    """Yield what is wrong with branches, commits and the file sets that they point at."""
    with versioning.reading() as tx:
        problems = [problem.text for problem in find_problems(tx, versioning.file_sets)]
        rows = commits.list_commits(tx.connection)
        layers = [layer for row in rows for layer in commits.layers_of(tx.connection, row.key)]
        layers += [layer for layer in file_sets.all_layers(tx.connection) if layer]
    yield from problems
    check = StorageCheck(versioning.file_sets)
    for row in rows:
        for text in check.check_file_set(row.root or ""):
            yield f"commit {row.commit}: {text}"
    for layer in layers:
        yield from check.check_file_set(layer)


def repair_versions(versioning: Versioning) -> Iterator[str]:
    """Repair what is wrong with branches and commits and has a safe repair, and yield what it was with what was done.

    What is left is what `check_versions` finds afterwards.
    """
    # One repair may uncover another problem, and one transaction gives a repo at most one new commit.
    for _ in range(_PASSES_MAX):
        with versioning.transaction() as tx:
            problems = list(find_problems(tx, versioning.file_sets))
            deeds = [(problem, _repair(tx, problem)) for problem in problems]
        fixes = [f"{problem.text}: {deed}" for problem, deed in deeds if deed is not None]
        if not fixes:
            return
        yield from fixes


def _repair(tx: Transaction, problem: Problem) -> str | None:
    if problem.repair is None:
        return None
    try:
        return problem.repair(tx)
    except (
        CorruptDataError,
        CommitForgottenError,
    ):  # what the repair would have read is broken, too: that is told by the check
        return None


def check_data(versioning: Versioning) -> Iterator[str]:
    """Yield what is wrong with stored objects, after reading all of them."""
    yield from StorageCheck(versioning.file_sets).check_objects()
