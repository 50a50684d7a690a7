"""One action of a client: one database transaction, one global id."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from sqlalchemy import Connection

from trunkline.pfs.queries.commits import CommitRow


@dataclass(slots=True)
class Transaction:
    """What the functions of this package work on. All commits that it makes have its id."""

    connection: Connection
    id: str
    now: int
    """Microseconds since 1970, UTC."""
    moved: dict[int, None] = field(default_factory=dict)
    """Keys of branches whose head changed: what is computed from them gets new commits at the end."""
    lacking: dict[int, None] = field(default_factory=dict)
    """Keys of computed branches that get a new commit at the end in any case."""
    made: dict[int, None] = field(default_factory=dict)
    """Keys of branches that are new."""
    closed: list[int] = field(default_factory=list)
    """Keys of commits that were closed: they are settled after the transaction."""
    makes_work: bool = False
    """Whether jobs may be ready, or have ended, because of it."""
    checked: dict[int, None] = field(default_factory=dict)
    """Keys of branches whose provenance changed: their part of the graph is checked at the end."""


class Listener(Protocol):
    """Told, inside the transaction that does it, what was opened or is about to vanish."""

    def branches_made(self, tx: Transaction, keys: Iterable[int]) -> None:
        """These branches are new; changes travel downstream after this."""

    def commits_opened(self, tx: Transaction, commits: Sequence[CommitRow]) -> None:
        """Computed branches have got these open commits."""

    def commit_finished(self, tx: Transaction, commit: CommitRow) -> None:
        """This commit is readable from now on, or ended with an error."""

    def commit_forgotten(self, tx: Transaction, commit: CommitRow) -> None:
        """This commit has no files any more; its record stays."""

    def commits_deleted(self, tx: Transaction, commits: Sequence[CommitRow]) -> None:
        """These commits go; their rows are still there."""

    def used_objects(self, tx: Transaction) -> tuple[Sequence[str], Sequence[str]]:
        """Return the roots of the tables that rows of the listener's own point at, and the keys of other objects."""

    def objects_replaced(self, tx: Transaction, new: Mapping[str, str]) -> None:
        """These roots have others of the same content: point at those."""
