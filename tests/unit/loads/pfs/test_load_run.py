"""Load tests write what they say, notice when something else is there, and go on where they were cut off."""

from collections.abc import Callable
from itertools import count

import pytest
from pfs_story import at, head, make_repos, put, read

from trunkline.errors import CorruptDataError, Error, NotFoundError, UnavailableError
from trunkline.loads.pfs.run import LoadRun, begin, carry_out, resume
from trunkline.model.versions import BranchKey, RepoKey
from trunkline.pfs.checks.fsck import check_versions
from trunkline.pfs.history.commits import list_commits
from trunkline.pfs.versioning import Versioning

SPEC = """
count: 3
modifications:
- {count: 2, putFile: {count: 4, source: it}}
fileSources:
- {name: it, random: {sizes: [{min: 0, max: 50, prob: 100}]}}
validator: {frequency: {count: 1}}
"""
BRANCH = BranchKey(RepoKey("default", "in"), "master")


def after(calls: int) -> Callable[[], bool]:
    """Return what gives up after so many looks."""
    looks = count()
    return lambda: next(looks) >= calls


def test_a_test_writes_its_commits_and_checks_them(versioning: Versioning) -> None:
    run = carry_out(versioning, begin(versioning, SPEC, seed=1))

    assert run.commits_done == 3
    with versioning.reading() as tx:
        rows = list_commits(tx, run.branch.repo)
    assert [row.description for row in rows] == [f"load test {run.id}, commit {n} of 3" for n in (3, 2, 1)]
    _, files = versioning.open_files(at(run.repo))
    assert files.file_count == run.files == 24


def test_the_same_seed_writes_the_same_bytes(versioning: Versioning) -> None:
    runs = [carry_out(versioning, begin(versioning, SPEC, seed=seed)) for seed in (1, 1, 2)]

    one, same, other = ({row.path: row.hash for row in versioning.open_files(at(run.repo))[1].files()} for run in runs)
    assert one == same
    assert one != other


def test_files_that_were_there_before_must_stay(versioning: Versioning) -> None:
    make_repos(versioning, "in")
    put(versioning, "in", {"/mine": "1"})

    run = carry_out(versioning, begin(versioning, SPEC, seed=1, branch=BRANCH))

    assert run.files == 25
    assert "/mine" in [row.path for row in versioning.open_files(at("in"))[1].files()]


def test_a_file_that_should_not_be_there_is_noticed(versioning: Versioning) -> None:
    make_repos(versioning, "in")
    run = begin(versioning, SPEC, seed=1, branch=BRANCH)
    put(versioning, "in", {"/stray": "1"})

    with pytest.raises(CorruptDataError, match=r"holds 9 files .* and 8 files"):
        carry_out(versioning, run)


@pytest.mark.parametrize("calls", [0, 5, 9, 13, 20])
def test_a_test_that_was_cut_off_goes_on_and_ends_as_if_nothing_had_been(versioning: Versioning, calls: int) -> None:
    whole = carry_out(versioning, begin(versioning, SPEC, seed=5))
    run = begin(versioning, SPEC, seed=5)
    with pytest.raises(UnavailableError, match="called off"):
        carry_out(versioning, run, give_up=after(calls))

    ended = carry_out(versioning, resume(versioning, run.id))

    assert (ended.expected, ended.commits_done) == (whole.expected, 3)
    assert contents(versioning, ended) == contents(versioning, whole)
    with versioning.reading() as tx:
        assert len(list_commits(tx, ended.branch.repo)) == 3
    assert list(check_versions(versioning)) == []


def contents(versioning: Versioning, run: LoadRun) -> dict[str, bytes]:
    return {row.path: row.hash for row in versioning.open_files(at(run.repo))[1].files()}


def test_a_test_that_has_ended_has_nothing_left_to_do(versioning: Versioning) -> None:
    run = carry_out(versioning, begin(versioning, SPEC, seed=5))
    before = head(versioning, run.repo)

    assert carry_out(versioning, resume(versioning, run.id)) == run

    assert head(versioning, run.repo) == before


@pytest.mark.parametrize(
    ("begun", "error"),
    [
        (lambda versioning: resume(versioning, "x"), NotFoundError),
        (lambda versioning: begin(versioning, SPEC, seed=1, branch=BRANCH), NotFoundError),
        (lambda versioning: begin(versioning, "count: 1", seed=1), Error),
    ],
)
def test_a_test_that_cannot_begin_makes_nothing(
    versioning: Versioning, begun: Callable[[Versioning], LoadRun], error: type[Error]
) -> None:
    with pytest.raises(error):
        begun(versioning)

    with versioning.reading() as tx:
        assert list_commits(tx, None) == []


def test_what_a_test_wrote_can_be_read(versioning: Versioning) -> None:
    run = carry_out(versioning, begin(versioning, SPEC.replace("max: 50", "max: 0"), seed=5))

    assert set(read(versioning, run.repo).values()) == {""}
