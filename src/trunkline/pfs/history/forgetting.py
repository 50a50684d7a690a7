"""Forgetting the files of commits that can be computed again; the record of them stays (reference, section 1.7)."""

from collections.abc import Iterator, Sequence

from trunkline.errors import ConflictError
from trunkline.model.names import USER
from trunkline.pfs.history.good_ancestors import commits_upon
from trunkline.pfs.queries import branches, commits
from trunkline.pfs.queries.commits import CommitRow
from trunkline.pfs.transaction import Listener, Transaction


def forget_commit(tx: Transaction, commit: CommitRow, listeners: Sequence[Listener]) -> None:
    """Drop the file set of a closed output commit that is no head; doing it twice is harmless.

    Other file sets stand on their own, so only this pointer goes. Refused while something unfinished builds on it.
    """
    if commit.forgotten_at is not None:
        return
    if commit.commit.repo.type != USER or not commits.provenance_of(tx.connection, commit.key):
        raise ConflictError(f"cannot forget commit {commit.commit}: only output commits can be computed again")
    if commit.finished_at is None:
        raise ConflictError(f"cannot forget commit {commit.commit} until it is finished")
    heads = branches.branches_with_head(tx.connection, commit.key)
    if heads:
        raise ConflictError(f"cannot forget commit {commit.commit}: it is the head of branch {heads[0].branch}")
    for other in _readers(tx, commit):
        if other.finished_at is None:
            raise ConflictError(f"cannot forget commit {commit.commit} while {other.commit} is made from it")
    commits.update_commit(tx.connection, commit.key, root=None, base_root=None, forgotten_at=tx.now)
    for listener in listeners:
        listener.commit_forgotten(tx, commit)


def _readers(tx: Transaction, commit: CommitRow) -> Iterator[CommitRow]:
    """Yield the commits whose making reads the files of this one."""
    yield from commits.subvenance_of(tx.connection, commit.key)
    for child in commits_upon(tx, commit.key):
        yield child
        if child.error:  # what comes after it builds on what it would have been built on
            heads = branches.branches_with_head(tx.connection, child.key)
            if heads:
                raise ConflictError(
                    f"cannot forget commit {commit.commit}: the next commit on branch {heads[0].branch} will build on "
                    f"it, as {child.commit} has an error"
                )
