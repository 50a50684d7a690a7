"""Triggers: branches that follow another branch of their repo once enough has happened there (reference, 1.5)."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime

from trunkline.errors import InvalidInputError
from trunkline.model.jobs import OriginKind
from trunkline.model.schedules import parse_schedule
from trunkline.model.sizes import parse_size
from trunkline.model.versions import BranchKey, Trigger
from trunkline.pfs.queries import branches, commits
from trunkline.pfs.queries.branches import BranchRow
from trunkline.pfs.queries.commits import CommitRow
from trunkline.pfs.transaction import Transaction
from trunkline.telemetry import log


@dataclass(frozen=True, slots=True)
class Growth:
    """What happened on a source branch since the branch that follows it was moved last. Times are microseconds."""

    size_bytes: int
    commits: int
    followed_at: int
    """When the commit that the branch stands at was closed; 0 if it stands nowhere."""
    closed_at: int
    """When the newest commit of the source was closed."""


def check_trigger(branch: BranchKey, trigger: Trigger, sources: Mapping[str, str]) -> None:
    """Raise InvalidInputError unless the branch may have that trigger.

    ``sources`` says of each branch of the repo that has a trigger which branch it follows.
    """
    if not trigger.branch:
        raise InvalidInputError(f"branch {branch}: triggers must specify a branch to trigger on")
    if trigger.commits < 0:
        raise InvalidInputError(f"branch {branch}: can't trigger on a negative number of commits")
    if trigger.size:
        try:
            parse_size(trigger.size)
        except ValueError as error:
            raise InvalidInputError(f"branch {branch}: invalid trigger size: {error}") from None
    for kind, spec in (("rate limit", trigger.rate_limit_spec), ("cron", trigger.cron_spec)):
        try:
            if spec:
                parse_schedule(spec)
        except InvalidInputError as error:
            raise InvalidInputError(f"branch {branch}: invalid trigger {kind} spec: {error}") from None
    if trigger.cron_spec and (trigger.all or trigger.rate_limit_spec or trigger.size or trigger.commits):
        raise InvalidInputError(f"branch {branch}: a cron trigger cannot have other conditions")
    source: str | None = trigger.branch
    seen = {branch.name}
    while source is not None:
        if source in seen:
            raise InvalidInputError(f"branch {branch}: triggers cannot form a loop")
        seen.add(source)
        source = sources.get(source)


def fires(trigger: Trigger, growth: Growth) -> bool:
    """Tell whether so much growth moves the branch. Cron triggers wait for their time, see `is_due`."""
    held = []
    if trigger.size:
        held.append(growth.size_bytes >= parse_size(trigger.size))
    if trigger.rate_limit_spec:
        tick = parse_schedule(trigger.rate_limit_spec).next_after(_moment(growth.followed_at))
        held.append(tick is not None and tick < _moment(growth.closed_at))
    if trigger.commits:
        held.append(growth.commits >= trigger.commits)
    return not trigger.cron_spec and (all(held) if trigger.all else any(held))


def next_tick(trigger: Trigger, after: int) -> int | None:
    """Return when a cron trigger is due next after that time; None for never and for other triggers."""
    if not trigger.cron_spec:
        return None
    tick = parse_schedule(trigger.cron_spec).next_after(_moment(after))
    return None if tick is None else int(tick.timestamp() * 1_000_000)


def _moment(microseconds: int) -> datetime:
    return datetime.fromtimestamp(microseconds / 1_000_000, UTC)


def follow_finished_commit(tx: Transaction, commit: CommitRow) -> None:
    """Move the branches whose triggers a commit fires that has finished without an error, then their followers."""
    rows = branches.list_branches(tx.connection, commit.repo_key)
    moved = {commit.branch_name}
    while moved:
        source = moved.pop()
        for row in rows:
            trigger = trigger_of(row)
            if trigger is None or trigger.branch != source or trigger.cron_spec:
                continue
            growth = _growth(tx, row, commit, commits_max=trigger.commits)
            if growth is not None and _fires_as_kept(trigger, growth, row.branch):
                move_head(tx, row, commit)
                moved.add(row.branch.name)


def _fires_as_kept(trigger: Trigger, growth: Growth, branch: BranchKey) -> bool:
    """Tell whether a trigger fires that was kept, maybe by a version that took more: what it cannot read never does.

    A commit finishes whatever rules people have made.
    """
    try:
        return fires(trigger, growth)
    except Exception as error:  # noqa: BLE001 - see above
        log("triggers").warning("branch %s does not follow %s: its trigger: %s", branch, trigger.branch, error)
        return False


def trigger_of(row: BranchRow) -> Trigger | None:
    """Return the trigger of a branch, if it has one."""
    return None if row.trigger is None else Trigger(**row.trigger)


def move_head(tx: Transaction, row: BranchRow, commit: CommitRow) -> None:
    """Make a branch stand at a commit of its repo; what is computed from it gets new commits."""
    branches.update_branch(tx.connection, row.key, head=commit.key, updated_at=tx.now)
    tx.moved[row.key] = None


def _growth(tx: Transaction, row: BranchRow, new: CommitRow, *, commits_max: int) -> Growth | None:
    """Return what came between a branch's head and a commit; None if the head is that commit or comes after it.

    Not more than commits_max commits are counted.
    """
    old = None if row.head is None else commits.commit_by_key(tx.connection, row.head)
    ancestor = old
    # A commit's key is greater than its parent's.
    while ancestor is not None and ancestor.key > new.key:
        ancestor = _parent(tx, ancestor)
    if ancestor is not None and ancestor.key == new.key:
        return None
    between = 0
    commit: CommitRow | None = new
    while commit is not None and between < commits_max and (old is None or commit.key != old.key):
        between += commit.parent is not None or commit.origin != OriginKind.AUTO
        commit = _parent(tx, commit)
    return Growth(
        size_bytes=new.size_bytes - (old.size_bytes if old else 0),
        commits=between,
        followed_at=(old.finishing_at or 0) if old else 0,
        closed_at=new.finishing_at or 0,
    )


def _parent(tx: Transaction, commit: CommitRow) -> CommitRow | None:
    return None if commit.parent is None else commits.commit_by_key(tx.connection, commit.parent)


def sources_of(tx: Transaction, repo_key: int, *, but: str) -> dict[str, str]:
    """Return which branch each branch of a repo follows, of those that follow one, except the one of that name."""
    rows = branches.list_branches(tx.connection, repo_key)
    return {row.branch.name: row.trigger["branch"] for row in rows if row.trigger and row.branch.name != but}
