"""The one thread for what happens at fixed times: ticks of cron inputs, and branches with cron triggers."""

from datetime import UTC, datetime, timedelta
from functools import partial

from trunkline.model.pipelines import CronInput
from trunkline.pfs.cron_triggers import CronTriggers
from trunkline.pfs.versioning import Versioning, now
from trunkline.pps.inputs.cron import cron_inputs
from trunkline.pps.inputs.ticks import Ticks
from trunkline.pps.queries import pipelines
from trunkline.pps.queries.pipelines import PipelineRow
from trunkline.pps.spec.decode import decode_spec
from trunkline.supervision import BackgroundThread, Supervisor

_QUIET_SECONDS = 0.2
"""How long to leave the database alone between two looks, however often it changes."""


class Timer:
    """Lets the cron inputs of running pipelines tick, and branches follow others, when they are due.

    Each input and each branch is looked at on its own: what is wrong with one delays no other.
    """

    def __init__(self, versioning: Versioning, supervisor: Supervisor) -> None:
        self._versioning = versioning
        self._triggers = CronTriggers(versioning)
        self._ticks = Ticks(versioning)
        self._inputs: dict[tuple[int, int], dict[str, CronInput]] = {}  # by pipeline and version, then by name
        self._thread = BackgroundThread(
            supervisor, "timer", self._look, wakes=versioning.db.changes, quiet_seconds=_QUIET_SECONDS
        )

    def start(self) -> None:
        """Make up for missed ticks, then tick on."""
        self._thread.start()

    def close(self) -> None:
        """Stop ticking."""
        self._thread.close()

    def _look(self) -> float | None:
        trigger_at, items = self._triggers.look(now(), self._thread.attempt)
        times = [] if trigger_at is None else [datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=trigger_at)]
        inputs = self._running_inputs(items)
        for item, leaf in inputs.items():
            due = self._thread.attempt(item, partial(self._make_due, leaf))
            if due is not None:
                times.append(due)
        self._thread.keep_only({*items, *inputs})
        return max(0.0, (min(times) - datetime.now(UTC)).total_seconds()) if times else None

    def _make_due(self, leaf: CronInput) -> datetime | None:
        return self._ticks.make_due(leaf, datetime.now(UTC), is_over=lambda: self._thread.is_closing)

    def _running_inputs(self, items: list[str]) -> dict[str, CronInput]:
        """Return the cron inputs of running pipelines by their names as items, and add the names of other items."""
        with self._versioning.reading() as tx:
            running = pipelines.running_versions(tx.connection)
            unread = [pipelines.find_version(tx.connection, *key) for key in running if key not in self._inputs]
        known = {key: self._inputs[key] for key in running if key in self._inputs}
        for row in unread:
            if row is None:  # deleted meanwhile
                continue
            item = f"cron inputs of pipeline {row}"
            items.append(item)
            found = self._thread.attempt(item, partial(_inputs_of, row))
            if found is not None:
                known[row.key, row.version] = found
        self._inputs = known
        return {item: leaf for leaves in known.values() for item, leaf in leaves.items()}


def _inputs_of(row: PipelineRow) -> dict[str, CronInput]:
    return {f"cron input {leaf.name} of pipeline {row}": leaf for leaf in cron_inputs(decode_spec(row.spec_json))}
