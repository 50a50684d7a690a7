"""Making the file sets of closed commits, now or, where the machine is at fault, later (decision 0017)."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Sequence
from typing import TYPE_CHECKING

from trunkline.db.changes import Changes
from trunkline.errors import CorruptDataError, Error, UnfinishedError
from trunkline.pfs.history.good_ancestors import base_root_of, unsettled_ancestors, waiting_commits
from trunkline.pfs.history.triggers import follow_finished_commit
from trunkline.pfs.queries import commits
from trunkline.pfs.queries.commits import CommitRow
from trunkline.supervision import Supervisor

if TYPE_CHECKING:
    from trunkline.pfs.versioning import Versioning

THREAD = "settling"
"""What the supervisor knows it as."""
DAMAGED = "what was written to it, or what it lies on, is damaged"
"""How the error of a commit begins that has no file set because bytes that it is made of are not as they were."""
_LOCKS = 64
_ERROR_MAX = 2000


class Settling:
    """Settles commits, and knows which could not be settled and why. Safe for use from many threads."""

    def __init__(self, versioning: Versioning, supervisor: Supervisor) -> None:
        self.failed = Changes()
        """Announced when a commit could not be settled."""
        self._versioning = versioning
        self._supervisor = supervisor
        self._locks = [threading.Lock() for _ in range(_LOCKS)]
        self._failures: dict[int, str] = {}

    def settle(self, key: int) -> None:
        """Settle a commit and what waits for it. Doing it twice is harmless.

        Never raises: a fault of the machine is logged, readers are told, and `try_again` does it later. A commit whose
        base is still open is left to the settling of that.
        """
        waiting = deque([key])
        seen: set[int] = set()
        while waiting:
            key = waiting.popleft()
            if key not in seen:
                seen.add(key)
                waiting.extend(self._attempt(key))

    def settle_all(self) -> None:
        """Settle what is closed and not finished, as far as that is possible."""
        with self._versioning.reading() as tx:
            left = commits.unsettled_commits(tx.connection)
        for commit in left:
            self.settle(commit.key)

    def try_again(self) -> None:
        """Settle what could not be settled and is not left alone for a while: for a background thread."""
        with self._versioning.reading() as tx:
            left = commits.commits_by_key(tx.connection, list(self._failures))
        for key in list(self._failures):
            if not any(each.key == key for each in left):
                self._failures.pop(key, None)
        self._supervisor.keep_only(THREAD, [_name(each) for each in left])
        for commit in left:
            self.settle(commit.key)

    def failure(self, key: int) -> str:
        """Return why a commit could not be settled so far; empty if nothing is in the way."""
        return self._failures.get(key, "")

    def _attempt(self, key: int) -> Sequence[int]:
        """Settle one commit with what it waits for; return the keys of those that wait for it."""
        with self._versioning.reading() as tx:
            found = commits.commits_by_key(tx.connection, [key])
        if not found:  # deleted by what closed it
            return []

        def act() -> list[int]:
            try:
                settled = self._settle_line(found[0])
            except UnfinishedError:
                return []
            except BaseException as error:
                self._note(key, error)
                raise
            with self._versioning.reading() as tx:
                return [other for each in settled for other in waiting_commits(tx, each)]

        return self._supervisor.attempt(THREAD, _name(found[0]), act, vital=True) or []

    def _note(self, key: int, error: BaseException) -> None:
        is_new = key not in self._failures
        self._failures[key] = str(error) if isinstance(error, Error) else f"{type(error).__name__}: {error}"
        if is_new:  # of the others the thread knows when to try them again
            self.failed.announce()

    def _settle_line(self, commit: CommitRow) -> list[int]:
        """Settle a commit after those that it lies on; return them all."""
        with self._versioning.reading() as tx:
            line = [*unsettled_ancestors(tx, commit), commit.key]
        for key in line:
            self._settle_one(key)
            self._failures.pop(key, None)
        return line

    def _settle_one(self, key: int) -> None:
        versioning = self._versioning
        with versioning.writes.short(), self._locks[key % _LOCKS]:
            with versioning.reading() as tx:
                found = commits.commits_by_key(tx.connection, [key])
                if not found or found[0].finished_at is not None:
                    return
                commit = found[0]
                layers = commits.layers_of(tx.connection, key)
                base_root = "" if commit.commit.repo.type in versioning.derived else base_root_of(tx, commit)
            values = self._file_set_of(commit, base_root, layers)
            with versioning.transaction() as tx:
                if not commits.commits_by_key(tx.connection, [key]):  # deleted meanwhile
                    return
                commits.update_commit(tx.connection, key, finished_at=tx.now, **values)
                if values["root"] is not None:
                    commits.delete_layers(tx.connection, key)
                finished = commits.commit_by_key(tx.connection, key)
                for listener in versioning.listeners:
                    listener.commit_finished(tx, finished)
                tx.makes_work = True
                if not finished.error:
                    follow_finished_commit(tx, finished)

    def _file_set_of(self, commit: CommitRow, base_root: str, layers: Sequence[str]) -> dict[str, object]:
        """Return the columns of a commit that say what its files are, or why it has none.

        Where what it is made of is damaged it has no root, and keeps its layers, so that what is left of them stays.
        """
        file_sets = self._versioning.file_sets
        try:
            root = file_sets.compose(base_root, layers)
            error = commit.error or file_sets.collision(root, layers) or ""
            size = file_sets.open(root).size_bytes
        except CorruptDataError as damage:
            error = commit.error or f"{DAMAGED}: {damage}"
            return {"root": None, "error": error[:_ERROR_MAX]}
        return {"root": root, "error": error, "size_bytes": size, "size_bytes_upper_bound": size}


def _name(commit: CommitRow) -> str:
    return f"commit {commit.commit}"
