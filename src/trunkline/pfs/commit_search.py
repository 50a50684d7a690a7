"""Going through history: which commits changed a file (reference, section 1.6)."""

from collections.abc import Iterator
from dataclasses import dataclass

from trunkline.errors import InvalidInputError, UnfinishedError
from trunkline.model.versions import CommitReference
from trunkline.pfs.history.references import resolve_commit
from trunkline.pfs.queries import commits
from trunkline.pfs.queries.commits import CommitRow
from trunkline.pfs.transaction import Transaction
from trunkline.pfs.versioning import Versioning


@dataclass(frozen=True, slots=True)
class Searched:
    """One step of a search: a commit that was looked at, whether it is one of those sought, how many that makes."""

    commit: CommitRow
    found: bool
    number: int


def find_commits(versioning: Versioning, start: CommitReference, path: str, *, limit: int = 0) -> Iterator[Searched]:
    """Yield each commit from start back to the root, until limit of them had another version of path than their parent.

    Commits with an error hold nothing of their own and are passed over. So are forgotten ones: what they changed counts
    for the next commit that is left.
    """
    if not path:
        raise InvalidInputError("cannot search for an empty path: name a file or directory")
    with versioning.reading() as tx:
        commit: CommitRow | None = resolve_commit(tx, start)
    assert commit is not None
    if commit.finished_at is None:
        raise UnfinishedError(f"commit {commit.commit} not finished: only finished commits can be searched")
    number = found = 0
    version = _version(versioning, commit, path)
    while commit is not None and (not limit or found < limit):
        number += 1
        with versioning.reading() as tx:
            before = _parent(tx, commit)
        older = _version(versioning, before, path) if before is not None else None
        is_change = not commit.error and older != version
        found += is_change
        yield Searched(commit, is_change, number)
        commit, version = before, older


def _parent(tx: Transaction, commit: CommitRow) -> CommitRow | None:
    """Return the commit before, those with an error and those without files passed over."""
    key = commit.parent
    while key is not None:
        row = commits.commit_by_key(tx.connection, key)
        if not row.error and row.forgotten_at is None:
            return row
        key = row.parent
    return None


def _version(versioning: Versioning, commit: CommitRow, path: str) -> tuple[bool, bytes] | None:
    info = versioning.file_sets.open(versioning.root_of(commit)).info(path)
    return None if info is None else (info.is_dir, info.hash)
