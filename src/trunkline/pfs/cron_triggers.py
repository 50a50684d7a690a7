"""The timer of branches that follow another one at fixed times."""

import threading

from trunkline.pfs.queries import branches, commits
from trunkline.pfs.transaction import Transaction
from trunkline.pfs.triggers import move_head, next_tick, trigger_of
from trunkline.pfs.versioning import Versioning, now
from trunkline.telemetry import log

_LOOK_SECONDS = 60.0


class CronTriggers:
    """Moves branches with cron triggers when they are due. A tick that was missed is made up for, once."""

    def __init__(self, versioning: Versioning) -> None:
        self._versioning = versioning
        self._looked_at: dict[int, int] = {}  # branch -> the time up to which its ticks were seen
        self._closing = threading.Event()
        self._thread = threading.Thread(target=self._run, name="cron-triggers", daemon=True)

    def start(self) -> None:
        """Begin to look."""
        self._thread.start()

    def close(self) -> None:
        """Stop looking."""
        self._closing.set()
        self._versioning.db.changes.announce()
        if self._thread.is_alive():
            self._thread.join()

    def _run(self) -> None:
        while not self._closing.is_set():
            seen = self._versioning.db.changes.count
            seconds = _LOOK_SECONDS
            try:
                due_at = self.look(now())
                if due_at is not None:
                    seconds = min(max((due_at - now()) / 1_000_000, 0.05), _LOOK_SECONDS)
            except Exception:  # noqa: BLE001 - one bad look must not stop the loop
                log("cron-triggers").exception("could not look for triggers")
            self._versioning.db.changes.wait(seen, seconds=seconds)

    def look(self, at: int) -> int | None:
        """Move what is due at that time; return when the next one is due, or None."""
        upcoming = []
        due = []
        with self._versioning.reading() as tx:
            for row in branches.list_triggered_branches(tx.connection):
                trigger = trigger_of(row)
                assert trigger is not None
                tick = next_tick(trigger, self._looked_at.get(row.key, row.updated_at))
                if tick is not None and tick <= at:
                    due.append(row.key)
                    tick = next_tick(trigger, at)
                if tick is not None:
                    upcoming.append(tick)
        for key in due:
            with self._versioning.transaction() as tx:
                _follow_source(tx, key)
            self._looked_at[key] = at
        return min(upcoming, default=None)


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
