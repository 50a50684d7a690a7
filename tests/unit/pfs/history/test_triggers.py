"""Branches that follow others when enough has happened."""

from dataclasses import asdict, replace
from functools import partial

import pytest
from pfs_story import branch, compute, head, make_repos, put, put_between, repos_of_set

from trunkline.errors import InvalidInputError
from trunkline.model.sizes import parse_size
from trunkline.model.versions import BranchKey, RepoKey, Trigger
from trunkline.pfs.cron_triggers import CronTriggers
from trunkline.pfs.history.branches import create_branch
from trunkline.pfs.history.references import find_branch
from trunkline.pfs.history.triggers import Growth, check_trigger, fires
from trunkline.pfs.queries.branches import update_branch
from trunkline.pfs.versioning import Versioning, now
from trunkline.supervision import Supervisor

MINUTE = 60_000_000
DAY = 24 * 60 * MINUTE
NOTHING = Growth(size_bytes=0, commits=0, followed_at=DAY, closed_at=DAY)


def follow(versioning: Versioning, name: str, trigger: Trigger) -> None:
    with versioning.transaction() as tx:
        create_branch(tx, branch(name), trigger=trigger)


@pytest.mark.parametrize(
    ("text", "size"), [("1K", 1000), ("1Ki", 1024), ("10", 10), ("1.5MB", 1_500_000), ("2GiB", 2 * 1024**3)]
)
def test_sizes_have_decimal_units_unless_they_say_otherwise(text: str, size: int) -> None:
    assert parse_size(text) == size


def test_a_size_trigger_fires_from_that_growth_on() -> None:
    trigger = Trigger("master", size="1K")

    assert not fires(trigger, replace(NOTHING, size_bytes=999))
    assert fires(trigger, replace(NOTHING, size_bytes=1000))


def test_a_commit_trigger_fires_from_that_many_commits_on() -> None:
    trigger = Trigger("master", commits=3)

    assert not fires(trigger, replace(NOTHING, commits=2))
    assert fires(trigger, replace(NOTHING, commits=3))


def test_a_rate_limit_fires_only_after_the_next_tick() -> None:
    trigger = Trigger("master", rate_limit_spec="0 * * * *")

    assert not fires(trigger, replace(NOTHING, closed_at=DAY + 60 * MINUTE))
    assert fires(trigger, replace(NOTHING, closed_at=DAY + 61 * MINUTE))


def test_any_condition_is_enough_unless_all_are_asked_for() -> None:
    one_of_two = replace(NOTHING, commits=5)
    trigger = Trigger("master", commits=5, size="1K")

    assert fires(trigger, one_of_two)
    assert not fires(replace(trigger, all=True), one_of_two)
    assert fires(replace(trigger, all=True), replace(one_of_two, size_bytes=1000))


def test_a_trigger_without_conditions_never_fires() -> None:
    assert not fires(Trigger("master"), replace(NOTHING, commits=99, size_bytes=10**9))
    assert not fires(Trigger("master", cron_spec="@never", all=True), NOTHING)


def test_all_of_no_conditions_are_met_by_every_commit() -> None:
    assert fires(Trigger("master", all=True), NOTHING)


@pytest.mark.parametrize(
    ("trigger", "phrase"),
    [
        (Trigger(""), "triggers must specify a branch to trigger on"),
        (Trigger("b"), "triggers cannot form a loop"),
        (Trigger("c"), "triggers cannot form a loop"),
        (Trigger("master", rate_limit_spec="soon"), "invalid trigger rate limit spec"),
        (Trigger("master", size="big"), "invalid trigger size"),
        (Trigger("master", cron_spec="soon"), "invalid trigger cron spec"),
        (Trigger("master", cron_spec="@daily", commits=1), "cannot have other conditions"),
        (Trigger("master", commits=-1), "can't trigger on a negative number of commits"),
    ],
)
def test_impossible_triggers_are_refused(trigger: Trigger, phrase: str) -> None:
    """Where branch c follows branch b."""
    with pytest.raises(InvalidInputError, match=phrase):
        check_trigger(BranchKey(RepoKey("default", "r"), "b"), trigger, {"c": "b"})


def test_the_branch_moves_to_the_same_commit_and_what_depends_on_it_gets_a_new_set(versioning: Versioning) -> None:
    make_repos(versioning, "in", "out")
    put(versioning, "in", {"/a": "1"})
    follow(versioning, "in@staging", Trigger("master", commits=3))
    compute(versioning, "out", "in@staging")

    put(versioning, "in", {"/b": "1"})
    assert head(versioning, "in@staging").parent is None
    third = put(versioning, "in", {"/c": "1"})

    assert head(versioning, "in@staging").commit == third
    output = head(versioning, "out")
    assert output.commit.id != third.id
    assert repos_of_set(versioning, output.commit.id) == ["out"]


def test_triggers_are_followed_in_chains(versioning: Versioning) -> None:
    make_repos(versioning, "in")
    put(versioning, "in", {"/a": "1"})
    follow(versioning, "in@second", Trigger("master", commits=1))
    follow(versioning, "in@third", Trigger("second", size="2"))

    commit = put(versioning, "in", {"/b": "1"})

    assert head(versioning, "in@second").commit == commit
    assert head(versioning, "in@third").commit == commit


def test_commits_with_an_error_fire_nothing(versioning: Versioning) -> None:
    make_repos(versioning, "in")
    put(versioning, "in", {"/a": "1"})
    follow(versioning, "in@staging", Trigger("master", commits=1))

    put_between(versioning, "in", {"/a/b": "a file below a file"})

    assert "collision" in head(versioning, "in").error
    assert head(versioning, "in@staging").parent is None


def test_a_cron_trigger_moves_when_it_is_due_and_makes_up_for_what_was_missed(versioning: Versioning) -> None:
    make_repos(versioning, "in")
    commit = put(versioning, "in", {"/a": "1"})
    follow(versioning, "in@nightly", Trigger("master", cron_spec="0 0 * * *"))
    timer, supervisor = CronTriggers(versioning), Supervisor()

    def look(at: int) -> int | None:
        return timer.look(at, partial(supervisor.attempt, "timer"))[0]

    due_at = look(now())
    assert due_at is not None
    assert head(versioning, "in@nightly").commit != commit

    assert look(due_at + 3 * DAY) == due_at + 4 * DAY
    assert head(versioning, "in@nightly").commit == commit
    newer = put(versioning, "in", {"/b": "1"})
    look(due_at + 3 * DAY + MINUTE)
    assert head(versioning, "in@nightly").commit == commit
    look(due_at + 4 * DAY)
    assert head(versioning, "in@nightly").commit == newer


NOT_TAKEN_ANY_MORE = [
    {"rate_limit_spec": "@every 80000000h"},
    {"rate_limit_spec": "@every 9999999999999999h"},
    {"size": "9" * 400 + "PB"},
    {"rate_limit_spec": "soon", "size": "big"},
]


@pytest.mark.parametrize("rule", NOT_TAKEN_ANY_MORE)
def test_rules_that_reach_beyond_all_bounds_are_refused(rule: dict[str, str]) -> None:
    with pytest.raises(InvalidInputError, match=r"branch default/r@b|invalid trigger"):
        check_trigger(branch("r@b"), Trigger("master", **rule), {})


@pytest.mark.parametrize("rule", NOT_TAKEN_ANY_MORE)
def test_a_rule_that_an_older_version_took_stops_neither_the_commit_nor_other_branches(
    versioning: Versioning, rule: dict[str, str]
) -> None:
    make_repos(versioning, "in")
    put(versioning, "in", {"/a": "1"})
    follow(versioning, "in@bad", Trigger("master", commits=1))
    follow(versioning, "in@good", Trigger("master", commits=1))
    keep_trigger(versioning, "in@bad", rule)

    commit = put(versioning, "in", {"/b": "1"})

    assert head(versioning, "in").finished_at is not None
    assert head(versioning, "in@good").commit == commit
    assert head(versioning, "in@bad").commit != commit


def test_a_cron_rule_that_an_older_version_took_keeps_no_other_branch_from_moving(versioning: Versioning) -> None:
    make_repos(versioning, "in")
    commit = put(versioning, "in", {"/a": "1"})
    follow(versioning, "in@bad", Trigger("master", cron_spec="@daily"))
    follow(versioning, "in@good", Trigger("master", cron_spec="@daily"))
    keep_trigger(versioning, "in@bad", {"cron_spec": "@every 80000000h"})
    supervisor = Supervisor()

    CronTriggers(versioning).look(now() + 2 * DAY, partial(supervisor.attempt, "timer"))

    assert head(versioning, "in@good").commit == commit
    assert [trouble.item for trouble in supervisor.troubles()] == ["cron trigger of branch default/in@bad"]


def keep_trigger(versioning: Versioning, name: str, rule: dict[str, str]) -> None:
    """Store a trigger unchecked."""
    with versioning.transaction() as tx:
        row = find_branch(tx, branch(name))
        update_branch(tx.connection, row.key, trigger=asdict(Trigger("master", **rule)))
