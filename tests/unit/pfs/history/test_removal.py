"""Squashing and dropping single commits; sets are in test_commits."""

import pytest
from pfs_story import at, branch, compute, head, make_repos, provenance, put, put_between, read

from trunkline.errors import ConflictError, NotFoundError
from trunkline.pfs.checks.fsck import check_versions
from trunkline.pfs.history.branches import create_branch, delete_branch
from trunkline.pfs.history.commits import finish_commit
from trunkline.pfs.history.removal import drop_commit, squash_commit
from trunkline.pfs.versioning import Versioning


def finish(versioning: Versioning, text: str) -> None:
    with versioning.transaction() as tx:
        finish_commit(tx, head(versioning, text), force=True)


def two_computed_commits(versioning: Versioning) -> tuple[str, str]:
    """Make out@master be computed from in@master, with two finished commits in both; return the ids."""
    make_repos(versioning, "in", "out")
    first = put(versioning, "in", {"/a": "1"})
    compute(versioning, "out", "in@master")
    finish(versioning, "out")
    second = put(versioning, "in", {"/b": "2"})
    finish(versioning, "out")
    return first.id, second.id


def test_a_squashed_commit_leaves_its_files_to_its_child(versioning: Versioning) -> None:
    make_repos(versioning, "in")
    first = put(versioning, "in", {"/a": "1"})
    second = put(versioning, "in", {"/b": "2"})

    with versioning.transaction() as tx:
        squash_commit(tx, at(f"in@{first.id}"), [])

    assert read(versioning, "in") == {"/a": "1", "/b": "2"}
    assert head(versioning, "in").commit == second
    assert head(versioning, "in").parent is None


def test_a_commit_that_others_are_computed_from_goes_only_with_them(versioning: Versioning) -> None:
    _, second = two_computed_commits(versioning)

    with (
        pytest.raises(ConflictError, match="with subvenance without recursive"),
        versioning.transaction() as tx,
    ):
        drop_commit(tx, at(f"in@{second}"), [])
    with versioning.transaction() as tx:
        drop_commit(tx, at(f"in@{second}"), [], recursive=True)

    assert read(versioning, "in") == {"/a": "1"}
    assert head(versioning, "out").commit.id != second
    with versioning.reading() as tx, pytest.raises(NotFoundError):
        versioning.open_files(at(f"in@{second}"))


def test_a_commit_is_squashed_with_what_is_computed_from_it(versioning: Versioning) -> None:
    """The output's first commit has an id of its own, as it was made when the branch was."""
    first, second = two_computed_commits(versioning)

    with versioning.transaction() as tx:
        squash_commit(tx, at(f"in@{first}"), [], recursive=True)

    assert read(versioning, "in") == {"/a": "1", "/b": "2"}
    assert (head(versioning, "in").parent, head(versioning, "out").parent) == (None, None)
    assert head(versioning, "out").commit.id == second


def test_the_newest_commit_cannot_be_squashed_nor_an_older_one_dropped(versioning: Versioning) -> None:
    make_repos(versioning, "in")
    first = put(versioning, "in", {"/a": "1"})
    second = put(versioning, "in", {"/b": "2"})

    with (
        pytest.raises(ConflictError, match="cannot squash a commit that has no children"),
        versioning.transaction() as tx,
    ):
        squash_commit(tx, at(f"in@{second.id}"), [])
    with pytest.raises(ConflictError, match="cannot drop a commit that has children"), versioning.transaction() as tx:
        drop_commit(tx, at(f"in@{first.id}"), [])


def test_branches_that_lose_their_last_commit_get_new_ones(versioning: Versioning) -> None:
    """A computed branch gets an open commit, as it would if it were new: otherwise its pipeline would never run."""
    make_repos(versioning, "in", "out")
    first = put(versioning, "in", {"/a": "1"})
    compute(versioning, "out", "in@master")

    with versioning.transaction() as tx:
        drop_commit(tx, at(f"in@{first.id}"), [], recursive=True)

    assert read(versioning, "in") == {}
    assert head(versioning, "in").finished_at is not None
    assert head(versioning, "out").finishing_at is None
    assert head(versioning, "out").commit.id == head(versioning, "in").commit.id


def test_a_branch_that_falls_back_to_before_its_provenance_changed_is_computed_anew(versioning: Versioning) -> None:
    _, second = two_computed_commits(versioning)
    make_repos(versioning, "more")
    put(versioning, "more", {"/m": "1"})
    compute(versioning, "out", "in@master", "more@master")
    finish(versioning, "out")
    dropped = head(versioning, "out")

    with versioning.transaction() as tx:
        drop_commit(tx, at(f"out@{dropped.commit.id}"), [])

    new = head(versioning, "out")
    assert new.commit.id not in (second, dropped.commit.id)
    assert new.finished_at is None
    assert sorted(each.partition("@")[0] for each in provenance(versioning, "out")) == ["in", "more"]
    assert list(check_versions(versioning)) == []


def test_a_commit_below_one_with_an_error_is_squashed_only_when_a_good_one_has_its_files(
    versioning: Versioning,
) -> None:
    make_repos(versioning, "in")
    first = put(versioning, "in", {"/a": "1"})
    put_between(versioning, "in", {"/a/below": "2"})  # ends with an error
    assert head(versioning, "in").error

    with (
        pytest.raises(ConflictError, match="data loss: the next commit on branch default/in@master will build on it"),
        versioning.transaction() as tx,
    ):
        squash_commit(tx, at(f"in@{first.id}"), [])
    with versioning.transaction() as tx:
        create_branch(tx, branch("in@other"), head=at(f"in@{first.id}"))
    put(versioning, "in@other", {"/b": "3"})
    with pytest.raises(ConflictError, match="data loss"), versioning.transaction() as tx:
        squash_commit(tx, at(f"in@{first.id}"), [])
    put(versioning, "in", {"/c": "4"})
    with versioning.transaction() as tx:
        squash_commit(tx, at(f"in@{first.id}"), [])

    assert read(versioning, "in") == {"/a": "1", "/c": "4"}
    assert read(versioning, "in@other") == {"/a": "1", "/b": "3"}


def test_a_commit_is_not_squashed_while_one_with_an_error_is_all_that_lies_on_it(versioning: Versioning) -> None:
    make_repos(versioning, "in")
    first = put(versioning, "in", {"/a": "1"})
    put_between(versioning, "in", {"/a/below": "2"})
    with versioning.transaction() as tx:
        create_branch(tx, branch("in@side"), head=at(f"in@{first.id}"))
        delete_branch(tx, branch("in@master"))

    with pytest.raises(ConflictError, match="has no children"), versioning.transaction() as tx:
        squash_commit(tx, at(f"in@{first.id}"), [])

    assert read(versioning, "in@side") == {"/a": "1"}


def test_a_commit_with_an_error_is_squashed_out_of_the_middle(versioning: Versioning) -> None:
    make_repos(versioning, "in")
    put(versioning, "in", {"/a": "1"})
    put_between(versioning, "in", {"/a/below": "2"})
    failed = head(versioning, "in").commit.id
    put(versioning, "in", {"/c": "4"})

    with versioning.transaction() as tx:
        squash_commit(tx, at(f"in@{failed}"), [])

    assert read(versioning, "in") == {"/a": "1", "/c": "4"}
