"""What commits lie on: the files of the nearest commit before them that has no error (reference, section 1.6)."""

from collections import deque
from collections.abc import Iterator, Sequence

from trunkline.errors import ConflictError, UnfinishedError
from trunkline.model.versions import CommitKey
from trunkline.pfs.queries import commits
from trunkline.pfs.queries.commits import CommitRow
from trunkline.pfs.transaction import Transaction


class CommitForgottenError(ConflictError):
    """The files of a commit were dropped; what is known about it stays."""

    def __init__(self, commit: CommitKey) -> None:
        super().__init__(f"commit {commit} has no files any more: the commit is forgotten")


class CommitFailedError(ConflictError):
    """A commit has ended with an error: it has a record, and no files that anybody may rely on."""

    def __init__(self, commit: CommitKey, error: str, good: CommitKey | None = None) -> None:
        hint = "" if good is None else f" (the last good one before it is {good})"
        super().__init__(f"commit {commit} finished with an error: {error}{hint}")


def check_good(commit: CommitRow) -> None:
    """Raise CommitFailedError for a commit with an error."""
    if commit.error:
        raise CommitFailedError(commit.commit, commit.error)


def root_of(commit: CommitRow) -> str:
    """Return the file set of a finished commit, or raise CommitForgottenError."""
    if commit.forgotten_at is not None:
        raise CommitForgottenError(commit.commit)
    return commit.root or ""


def good_ancestor(tx: Transaction, commit: CommitRow) -> CommitRow | None:
    """Return the nearest ancestor without an error, finished or not: the one whose files a commit builds on."""
    parent = commit.parent
    while parent is not None:
        row = commits.commit_by_key(tx.connection, parent)
        # A commit that will never hold anything of its own need not wait for others: it shows what there is.
        if not row.error and (row.finished_at is not None or not commit.error):
            return row
        parent = row.parent
    return None


def check_base_of_next(tx: Transaction, head: CommitRow) -> None:
    """Raise CommitForgottenError if a commit on top of this one would lie on files that were dropped."""
    base: CommitRow | None = head
    while base is not None and base.error:
        base = None if base.parent is None else commits.commit_by_key(tx.connection, base.parent)
    if base is not None:
        root_of(base)


def base_root_of(tx: Transaction, commit: CommitRow) -> str:
    """Return the file set that the layers of a commit lie on."""
    if commit.base_root is not None:
        return commit.base_root
    base = good_ancestor(tx, commit)
    return root_of(base) if base is not None else ""


def commits_upon(tx: Transaction, key: int) -> Iterator[CommitRow]:
    """Yield the commits that lie on one: its children, and, as one with an error holds nothing, what lies on those."""
    waiting = deque(commits.children_of(tx.connection, key))
    while waiting:
        child = waiting.popleft()
        yield child
        if child.error:
            waiting.extend(commits.children_of(tx.connection, child.key))


def waiting_commits(tx: Transaction, key: int) -> list[int]:
    """Return the closed commits that lie on this one and are not finished."""
    return [
        child.key for child in commits_upon(tx, key) if child.finished_at is None and child.finishing_at is not None
    ]


def unsettled_ancestors(tx: Transaction, commit: CommitRow) -> Sequence[int]:
    """Return the ancestors that must be settled first, oldest first."""
    keys: list[int] = []
    parent = None if commit.error or commit.finished_at is not None else commit.parent
    while parent is not None:
        row = commits.commit_by_key(tx.connection, parent)
        # One with an error is nobody's base, so what lies below it counts.
        if not row.error:
            if row.finished_at is not None:
                break
            if row.finishing_at is None:
                raise UnfinishedError(f"base commit {row.commit} unfinished")
            keys.append(row.key)
        parent = row.parent
    return keys[::-1]
