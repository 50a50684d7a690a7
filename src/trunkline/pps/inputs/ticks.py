"""Ticks of cron inputs as commits: those that are due, and those that people ask for."""

from collections.abc import Callable, Sequence
from datetime import MAXYEAR, datetime, timedelta

from trunkline.errors import ConflictError, InvalidInputError
from trunkline.model.names import DEFAULT_BRANCH
from trunkline.model.pipelines import CronInput
from trunkline.model.schedules import parse_schedule
from trunkline.model.versions import BranchKey, CommitReference
from trunkline.pfs.history.commits import finish_commit, start_commit
from trunkline.pfs.history.references import find_repo
from trunkline.pfs.queries import branches
from trunkline.pfs.transaction import Transaction
from trunkline.pfs.versioning import Versioning
from trunkline.pps.inputs.cron import cron_inputs, cron_repo, due_ticks, newest_tick, start_of, tick_path
from trunkline.pps.queries import pipelines
from trunkline.pps.queries.pipelines import PipelineRow
from trunkline.pps.spec.decode import decode_spec

_TRIES = 10
"""How often a tick on request gives way to others that are made at the same time."""


class Ticks:
    """Makes the ticks of cron inputs: in the order of time, each with a name of its own, and none twice."""

    def __init__(self, versioning: Versioning) -> None:
        self._versioning = versioning
        self._newest: dict[str, datetime | None] = {}  # by root of a cron repo's files

    def make_due(
        self, leaf: CronInput, now: datetime, *, is_over: Callable[[], bool] = lambda: False
    ) -> datetime | None:
        """Make the ticks that are due; return when the next one is, None if there is none."""
        try:
            return self._try_due(leaf, now, is_over=is_over)
        except _MovedError:
            return now  # look again

    def _try_due(self, leaf: CronInput, now: datetime, *, is_over: Callable[[], bool]) -> datetime | None:
        head, newest = self._newest_of(leaf)
        last = max(start_of(leaf), newest) if newest is not None else start_of(leaf)
        due = due_ticks(parse_schedule(leaf.spec), last, now)
        for at in due.ticks:
            if is_over():
                break
            head = self._make({leaf: head}, at)[leaf]
        return due.next

    def make_one(self, leaves: Sequence[CronInput], now: datetime, *, is_running: bool) -> None:
        """Let all inputs tick now, in one commit set, after what is due by then where the pipeline runs.

        The tick is named by a later second than those before: two runs in one second are two ticks.
        """
        for _ in range(_TRIES):
            try:
                self._try_to_make_one(leaves, now, is_running=is_running)
            except _MovedError:
                continue
            return
        raise ConflictError(f"the cron repos of {', '.join(leaf.name for leaf in leaves)} keep changing: try again")

    def _try_to_make_one(self, leaves: Sequence[CronInput], now: datetime, *, is_running: bool) -> None:
        at = now.replace(microsecond=0)
        while True:
            if is_running:
                for leaf in leaves:
                    self._make_due_before(leaf, at, now)
            found = {leaf: self._newest_of(leaf) for leaf in leaves}
            newest = max((tick for _, tick in found.values() if tick is not None), default=None)
            if newest is None or newest < at:
                break
            if newest.year == MAXYEAR:
                raise InvalidInputError(f"there is a tick of {newest.isoformat()}, and none can come after it")
            at = newest.replace(microsecond=0) + timedelta(seconds=1)
        self._make({leaf: head for leaf, (head, _) in found.items()}, at)

    def _make_due_before(self, leaf: CronInput, at: datetime, now: datetime) -> None:
        """Make what is due before a tick that gets a name slightly later than now: it would be passed over for good."""
        depends_on_newest = parse_schedule(leaf.spec).every is not None
        self._try_due(leaf, now if depends_on_newest else max(at, now), is_over=lambda: False)

    def _make(self, heads: dict[CronInput, int | None], at: datetime) -> dict[CronInput, int | None]:
        """Let inputs tick at one time on top of these heads, in one commit set; return the new heads."""
        versioning = self._versioning
        with versioning.writes.short():
            layers = {cron_repo(leaf): self._layer(leaf, at) for leaf in heads}
            with versioning.transaction() as tx:
                for leaf, head in heads.items():
                    if _head_of(tx, leaf) != head:
                        raise _MovedError
                commits = {}
                for repo, layer in layers.items():
                    commits[repo] = start_commit(tx, BranchKey(repo, DEFAULT_BRANCH))
                    versioning.append_layer(tx, commits[repo], layer)
                    finish_commit(tx, commits[repo])
            return {leaf: commits[cron_repo(leaf)].key for leaf in heads}

    def _layer(self, leaf: CronInput, at: datetime) -> str:
        writer = self._versioning.file_sets.edit()
        writer.delete("/" if leaf.overwrite else tick_path(at))
        writer.add(tick_path(at))
        return writer.finish()

    def _newest_of(self, leaf: CronInput) -> tuple[int | None, datetime | None]:
        """Return the head of a cron repo, and the newest tick of its files."""
        commit, files = self._versioning.open_good_files(CommitReference(cron_repo(leaf), branch=DEFAULT_BRANCH))
        if files.root not in self._newest:
            if len(self._newest) > 1000:
                self._newest.clear()
            self._newest[files.root] = newest_tick(info.path for info in files.list("/"))
        return commit.key if commit is not None else None, self._newest[files.root]


class _MovedError(ConflictError):
    """Somebody else made a tick meanwhile."""

    def __init__(self) -> None:
        super().__init__("a cron repo changed while a tick was made")


def _head_of(tx: Transaction, leaf: CronInput) -> int | None:
    branch = branches.find_branch(tx.connection, find_repo(tx, cron_repo(leaf)).key, DEFAULT_BRANCH)
    return None if branch is None else branch.head


def run_cron(versioning: Versioning, row: PipelineRow, now: datetime) -> None:
    """Let all cron inputs of a pipeline tick now; raise InvalidInputError if it has none."""
    leaves = cron_inputs(decode_spec(row.spec_json))
    if not leaves:
        raise InvalidInputError(f'pipeline "{row}" doesn\'t have a cron input')
    with versioning.reading() as tx:
        is_running = (row.key, row.version) in pipelines.running_versions(tx.connection)
    Ticks(versioning).make_one(leaves, now, is_running=is_running)
