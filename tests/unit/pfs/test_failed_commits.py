"""A commit that has ended with an error has a record, and no files that anybody may rely on."""

import pytest
from pfs_story import at, branch, head, make_repos, put, put_between, read

from trunkline.pfs.commit_search import find_commits
from trunkline.pfs.history.commits import finish_commit, start_commit
from trunkline.pfs.history.good_ancestors import CommitFailedError
from trunkline.pfs.history.references import resolve_commit
from trunkline.pfs.versioning import Versioning


@pytest.fixture
def failed(versioning: Versioning) -> str:
    """Return the id of a commit in which two tags wrote one path, after a good one."""
    make_repos(versioning, "in")
    put(versioning, "in", {"/a": "1"})
    with versioning.transaction() as tx:
        start_commit(tx, branch("in"))
    writer = versioning.file_sets.edit()
    writer.add("/b", b"of s", tag="s")
    writer.add("/b", b"of t", tag="t")
    versioning.write_layer(at("in"), writer.finish())
    with versioning.transaction() as tx:
        finish_commit(tx, resolve_commit(tx, at("in")))
    return head(versioning, "in").commit.id


def test_every_read_of_it_gives_its_error_and_names_the_last_good_one(versioning: Versioning, failed: str) -> None:
    good = head(versioning, "in@master^").commit
    told = rf"commit default/in@{failed} finished with an error: duplicate path .*the last good one before it is {good}"

    for reference in (at("in"), at(f"in@{failed}")):
        for door in (versioning.open_files, versioning.total_layers, versioning.difference_layers):
            with pytest.raises(CommitFailedError, match=told):
                door(reference)


def test_what_is_made_on_it_lies_on_the_last_good_one(versioning: Versioning, failed: str) -> None:
    with versioning.transaction() as tx:
        start_commit(tx, branch("in"))
    assert read(versioning, "in") == {"/a": "1"}  # open, and on top of it
    put(versioning, "in", {"/c": "3"})
    with versioning.transaction() as tx:
        finish_commit(tx, resolve_commit(tx, at("in")))

    assert read(versioning, "in") == {"/a": "1", "/c": "3"}
    _, files = versioning.open_good_files(at(f"in@{failed}"))
    assert [row.path for row in files.files()] == ["/a"]
    assert versioning.base_of(head(versioning, "in")) == head(versioning, "in@master^^")


def test_the_search_of_a_history_passes_over_it(versioning: Versioning, failed: str) -> None:
    found = [each.commit.commit.id for each in find_commits(versioning, at(f"in@{failed}"), "/a") if each.found]

    assert found == [head(versioning, "in@master^").commit.id]


def test_one_that_is_closed_with_an_error_has_no_files_either(versioning: Versioning) -> None:
    make_repos(versioning, "in")
    put_between(versioning, "in", {"/a": "1"})
    with versioning.transaction() as tx:
        commit = start_commit(tx, branch("in"))
    put(versioning, "in", {"/b": "2"})
    with versioning.transaction() as tx:
        finish_commit(tx, commit, error="made to fail")

    with pytest.raises(CommitFailedError, match="made to fail"):
        read(versioning, "in")
