"""Searching history and walking provenance."""

import pytest
from pfs_story import at, compute, head, make_repos, put, put_between

from trunkline.errors import UnfinishedError
from trunkline.model.versions import BranchKey
from trunkline.pfs.commit_search import find_commits
from trunkline.pfs.history.commits import start_commit
from trunkline.pfs.history.references import find_branch
from trunkline.pfs.history.walks import (
    walk_branch_provenance,
    walk_branch_subvenance,
    walk_commit_provenance,
)
from trunkline.pfs.versioning import Versioning


def found(versioning: Versioning, path: str, *, limit: int = 0) -> list[str]:
    return [step.commit.commit.id for step in find_commits(versioning, at("in"), path, limit=limit) if step.found]


def test_a_search_finds_the_commits_that_added_changed_or_deleted_a_file(versioning: Versioning) -> None:
    make_repos(versioning, "in")
    added = put(versioning, "in", {"/d/a": "1"})
    put(versioning, "in", {"/b": "1"})
    changed = put(versioning, "in", {"/d/a": "2"})
    deleted = put(versioning, "in", {"/d/a": None})

    assert found(versioning, "/d/a") == [deleted.id, changed.id, added.id]
    assert found(versioning, "/d/") == [deleted.id, changed.id, added.id]
    assert found(versioning, "/d/a", limit=2) == [deleted.id, changed.id]
    assert found(versioning, "/absent") == []


def test_a_search_passes_over_commits_with_an_error(versioning: Versioning) -> None:
    make_repos(versioning, "in")
    first = put(versioning, "in", {"/a": "1"})
    put_between(versioning, "in", {"/a/b": "a file below a file"})
    put(versioning, "in", {"/c": "1"})

    assert found(versioning, "/a") == [first.id]
    assert [step.number for step in find_commits(versioning, at("in"), "/a")] == [1, 2]


def test_open_commits_cannot_be_searched(versioning: Versioning) -> None:
    make_repos(versioning, "in")
    with versioning.transaction() as tx:
        start_commit(tx, BranchKey(at("in").repo, "master"))

    with pytest.raises(UnfinishedError, match="not finished"):
        next(find_commits(versioning, at("in"), "/a"))


def test_walks_go_breadth_first_and_end_at_their_limits(versioning: Versioning) -> None:
    """In is read by left and right, both are read by out."""
    make_repos(versioning, "in", "left", "right", "out")
    put(versioning, "in", {"/a": "1"})
    compute(versioning, "left", "in@master")
    compute(versioning, "right", "in@master")
    compute(versioning, "out", "left@master", "right@master")

    with versioning.reading() as tx:
        out = find_branch(tx, BranchKey(at("out").repo, "master"))
        source = find_branch(tx, BranchKey(at("in").repo, "master"))
        up = [row.branch.repo.name for row in walk_branch_provenance(tx, [out])]
        shallow = [row.branch.repo.name for row in walk_branch_provenance(tx, [out], depth_max=1)]
        down = [row.branch.repo.name for row in walk_branch_subvenance(tx, [source], items_max=2)]
        commits = [row.commit.repo.name for row in walk_commit_provenance(tx, [head(versioning, "out")])]
    assert up == ["left", "right", "in"]
    assert shallow == ["left", "right"]
    assert down == ["left", "right"]
    assert sorted(commits) == ["in", "left", "right"]
