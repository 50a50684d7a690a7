"""Ticks as commits: each has a name of its own, in the order of time, and none that is due is lost."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from trunkline.db.engine import Database
from trunkline.errors import InvalidInputError
from trunkline.model.pipelines import CronInput
from trunkline.model.versions import BranchKey, CommitReference
from trunkline.objects import open_object_store
from trunkline.pfs.chunk_index import DatabaseChunkIndex
from trunkline.pfs.history.branches import create_branch
from trunkline.pfs.repos import create_repo
from trunkline.pfs.versioning import Versioning
from trunkline.pps.inputs.cron import cron_repo
from trunkline.pps.inputs.ticks import Ticks
from trunkline.storage.fileset import FileSets

NOW = datetime(2026, 3, 1, 12, 0, 59, 900_000, tzinfo=UTC)


@pytest.fixture
def versioning(tmp_path: Path) -> Iterator[Versioning]:
    db = Database(f"sqlite:///{tmp_path / 'metadata.db'}")
    yield Versioning(db, FileSets(open_object_store("memory://"), DatabaseChunkIndex(db)))
    db.close()


def ticking(versioning: Versioning, spec: str, *, start: datetime = NOW, name: str = "tick", **more: bool) -> CronInput:
    leaf = CronInput(name=name, project="default", repo=name, spec=spec, start=start.isoformat(), **more)
    with versioning.transaction() as tx:
        create_repo(tx, cron_repo(leaf))
        create_branch(tx, BranchKey(cron_repo(leaf), "master"))
    return leaf


def ticks(versioning: Versioning, leaf: CronInput) -> list[str]:
    _, files = versioning.open_files(CommitReference(cron_repo(leaf), branch="master"))
    return sorted(info.path.removeprefix("/") for info in files.list("/"))


@pytest.mark.parametrize("is_running", [True, False])
def test_two_runs_in_one_second_are_two_ticks_in_order(versioning: Versioning, is_running: bool) -> None:
    leaf = ticking(versioning, "@never")

    for _ in range(3):
        Ticks(versioning).make_one([leaf], NOW, is_running=is_running)

    assert ticks(versioning, leaf) == ["2026-03-01T12:00:59Z", "2026-03-01T12:01:00Z", "2026-03-01T12:01:01Z"]


def test_with_overwrite_each_run_leaves_a_later_tick(versioning: Versioning) -> None:
    leaf = ticking(versioning, "@never", overwrite=True)

    seen = []
    for _ in range(3):
        Ticks(versioning).make_one([leaf], NOW, is_running=True)
        seen += ticks(versioning, leaf)

    assert len(set(seen)) == 3
    assert seen == sorted(seen)


def test_runs_just_before_a_tick_is_due_do_not_take_its_place(versioning: Versioning) -> None:
    leaf = ticking(versioning, "* * * * *")
    for _ in range(2):
        Ticks(versioning).make_one([leaf], NOW, is_running=True)
    Ticks(versioning).make_due(leaf, NOW + timedelta(seconds=70))

    times = ticks(versioning, leaf)

    assert times == ["2026-03-01T12:00:59Z", "2026-03-01T12:01:00Z", "2026-03-01T12:01:01Z", "2026-03-01T12:02:00Z"]


def test_a_run_comes_after_what_is_due_by_then(versioning: Versioning) -> None:
    leaf = ticking(versioning, "@every 10s", start=NOW - timedelta(seconds=29))

    Ticks(versioning).make_one([leaf], NOW, is_running=True)

    assert ticks(versioning, leaf) == ["2026-03-01T12:00:40Z", "2026-03-01T12:00:50Z", "2026-03-01T12:00:59Z"]


def test_a_run_finds_its_place_among_ticks_of_every_second(versioning: Versioning) -> None:
    leaf = ticking(versioning, "@every 1s", start=NOW - timedelta(seconds=2))

    Ticks(versioning).make_one([leaf], NOW, is_running=True)

    assert ticks(versioning, leaf) == ["2026-03-01T12:00:58Z", "2026-03-01T12:00:59Z", "2026-03-01T12:01:00Z"]


def test_inputs_that_tick_together_get_one_name(versioning: Versioning) -> None:
    first, second = ticking(versioning, "@never"), ticking(versioning, "@never", name="tock")
    Ticks(versioning).make_one([first], NOW, is_running=True)

    Ticks(versioning).make_one([first, second], NOW, is_running=True)

    assert ticks(versioning, second) == ["2026-03-01T12:01:00Z"] == ticks(versioning, first)[1:]


def test_ticks_of_the_first_years_are_known_again(versioning: Versioning) -> None:
    leaf = ticking(versioning, "@every 2562047h", start=datetime(1, 1, 1, tzinfo=UTC))

    Ticks(versioning).make_due(leaf, NOW)
    made = ticks(versioning, leaf)
    Ticks(versioning).make_due(leaf, NOW)

    assert len(made) == 6
    assert made[0].startswith("0293-")
    assert ticks(versioning, leaf) == made


@pytest.mark.parametrize("spec", ["* * * * *", "0 0 29 2 */7", "@every 1s", "@every 2562047h"])
@pytest.mark.parametrize("start", [datetime(9999, 12, 31, 23, 59, 59, tzinfo=UTC), datetime(1, 1, 1, tzinfo=UTC)])
def test_any_start_that_there_is_can_be_looked_at(versioning: Versioning, spec: str, start: datetime) -> None:
    leaf = ticking(versioning, spec, start=start)

    due = Ticks(versioning).make_due(leaf, NOW)

    assert due is None or due > NOW
    assert len(ticks(versioning, leaf)) <= 100


def test_files_of_people_that_name_no_time_or_an_impossible_one_are_no_ticks(versioning: Versioning) -> None:
    leaf = ticking(versioning, "@never")
    writer = versioning.file_sets.edit()
    writer.add("/9999-12-31T23:59:59-10:00")
    writer.add("/notes")
    versioning.write_layer(CommitReference(cron_repo(leaf), branch="master"), writer.finish())

    Ticks(versioning).make_one([leaf], NOW, is_running=True)

    assert "2026-03-01T12:00:59Z" in ticks(versioning, leaf)


def test_after_a_tick_of_the_last_second_there_is_no_other(versioning: Versioning) -> None:
    leaf = ticking(versioning, "@never")
    writer = versioning.file_sets.edit()
    writer.add("/9999-12-31T23:59:59Z")
    versioning.write_layer(CommitReference(cron_repo(leaf), branch="master"), writer.finish())

    with pytest.raises(InvalidInputError, match="none can come after it"):
        Ticks(versioning).make_one([leaf], NOW, is_running=True)
