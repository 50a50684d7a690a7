"""Branches that follow another one at fixed times."""

from collections.abc import Callable
from functools import partial
from typing import Protocol, TypeVar

from trunkline.pfs.history.triggers import move_head, next_tick, trigger_of
from trunkline.pfs.queries import branches, commits
from trunkline.pfs.queries.branches import BranchRow
from trunkline.pfs.transaction import Transaction
from trunkline.pfs.versioning import Versioning

T = TypeVar("T")


class Attempt(Protocol):
    """Does one thing among many, and keeps its error to itself: see `trunkline.supervision`."""

    def __call__(self, item: str, act: Callable[[], T], /) -> T | None:
        """Return what act returns, None where it fails or is not tried."""


class CronTriggers:
    """Moves branches with cron triggers when they are due. A tick that was missed is made up for, once."""

    def __init__(self, versioning: Versioning) -> None:
        self._versioning = versioning
        self._looked_at: dict[int, int] = {}  # branch -> the time up to which its ticks were seen

    def look(self, at: int, attempt: Attempt) -> tuple[int | None, list[str]]:
        """Move what is due at that time; return when the next one is due, or None, and what each attempt is called."""
        with self._versioning.reading() as tx:
            triggered = branches.list_triggered_branches(tx.connection)
        rows = [row for row in triggered if (row.trigger or {}).get("cron_spec")]
        self._looked_at = {row.key: self._looked_at[row.key] for row in rows if row.key in self._looked_at}
        items = [f"cron trigger of branch {row.branch.repo}@{row.branch.name}" for row in rows]
        ticks = [attempt(item, partial(self._follow, row, at)) for item, row in zip(items, rows, strict=True)]
        return min((tick for tick in ticks if tick is not None), default=None), items

    def _follow(self, row: BranchRow, at: int) -> int | None:
        trigger = trigger_of(row)
        assert trigger is not None
        tick = next_tick(trigger, self._looked_at.get(row.key, row.updated_at))
        if tick is None or tick > at:
            return tick
        with self._versioning.transaction() as tx:
            _follow_source(tx, row.key)
        self._looked_at[row.key] = at
        return next_tick(trigger, at)


def _follow_source(tx: Transaction, key: int) -> None:
    row = branches.find_branch_by_key(tx.connection, key)
    trigger = None if row is None else trigger_of(row)
    if row is None or trigger is None:  # changed since the look
        return
    source = branches.find_branch(tx.connection, row.repo_key, trigger.branch)
    if source is None or source.head is None or source.head == row.head:
        return
    commit = commits.commit_by_key(tx.connection, source.head)
    if commit.finished_at is not None and not commit.error:
        move_head(tx, row, commit)
