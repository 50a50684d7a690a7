import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pfs_story import branch, compute, head, make_repos, provenance, put, read, repos_of_set

from trunkline.errors import ConflictError
from trunkline.model.jobs import OriginKind
from trunkline.model.names import SPEC
from trunkline.model.versions import BranchKey, CommitReference, RepoKey
from trunkline.pfs.history.branches import create_branch, inspect_branch
from trunkline.pfs.history.commits import abandon_head, start_commit
from trunkline.pfs.history.provenance import ProvenanceCycleError, upstream_first
from trunkline.pfs.repos import create_repo
from trunkline.pfs.versioning import Versioning


def test_a_commit_opens_one_commit_on_every_branch_computed_from_it(versioning: Versioning) -> None:
    """A diamond: whatever the number of paths, the bottom gets one commit, with the id of the top."""
    make_repos(versioning, "top", "left", "right", "bottom")
    compute(versioning, "left", "top")
    compute(versioning, "right", "top")
    compute(versioning, "bottom", "left", "right")

    commit = put(versioning, "top", {"/a": "1"})

    assert repos_of_set(versioning, commit.id) == ["top", "left", "right", "bottom"]
    below = head(versioning, "bottom")
    assert below.origin is OriginKind.AUTO
    assert below.finishing_at is None
    assert provenance(versioning, "bottom") == [f"left@{commit.id}", f"right@{commit.id}"]


def test_unchanged_inputs_keep_their_older_commits(versioning: Versioning) -> None:
    make_repos(versioning, "images", "scripts", "out")
    compute(versioning, "out", "images", "scripts")
    script = put(versioning, "scripts", {"/s": "1"})

    image = put(versioning, "images", {"/a": "1"})

    assert sorted(provenance(versioning, "out")) == sorted([f"images@{image.id}", f"scripts@{script.id}"])


def test_a_new_computed_branch_gets_an_open_commit_at_once(versioning: Versioning) -> None:
    make_repos(versioning, "images", "out")
    image = put(versioning, "images", {"/a": "1"})

    compute(versioning, "out", "images")

    assert head(versioning, "out").finishing_at is None
    assert provenance(versioning, "out") == [f"images@{image.id}"]


def test_missing_input_branches_are_made_with_an_empty_finished_commit(versioning: Versioning) -> None:
    make_repos(versioning, "images", "out")

    compute(versioning, "out", "images@new")

    assert head(versioning, "images@new").finished_at is not None


def test_an_edge_that_never_propagates_is_read_but_starts_nothing(versioning: Versioning) -> None:
    make_repos(versioning, "images", "model", "out")
    with versioning.transaction() as tx:
        create_branch(
            tx,
            branch("out"),
            provenance=[branch("images"), branch("model")],
            never_propagates=[branch("model")],
        )

    model = put(versioning, "model", {"/m": "1"})
    assert repos_of_set(versioning, model.id) == ["model"]

    image = put(versioning, "images", {"/a": "1"})
    assert repos_of_set(versioning, image.id) == ["images", "out"]
    assert f"model@{model.id}" in provenance(versioning, "out")


def test_a_cycle_is_refused_and_nothing_of_it_stays(versioning: Versioning) -> None:
    make_repos(versioning, "a", "b")
    compute(versioning, "b", "a")

    with pytest.raises(ProvenanceCycleError, match="cycle detected"):
        compute(versioning, "a", "b")

    with versioning.reading() as tx:
        assert inspect_branch(tx, branch("a")).direct_provenance == ()


def test_two_branches_of_one_repo_cannot_meet(versioning: Versioning) -> None:
    make_repos(versioning, "images", "left", "right", "bottom")
    compute(versioning, "left", "images@one")
    compute(versioning, "right", "images@two")

    with pytest.raises(ConflictError, match=r"multiple branches from the same repo, .+, cannot participate in a DAG"):
        compute(versioning, "bottom", "left", "right")


def test_branches_know_all_that_is_up_and_downstream(versioning: Versioning) -> None:
    make_repos(versioning, "a", "b", "c")
    compute(versioning, "b", "a")
    compute(versioning, "c", "b")

    with versioning.reading() as tx:
        top, bottom = inspect_branch(tx, branch("a")), inspect_branch(tx, branch("c"))
    assert [key.repo.name for key in top.subvenance] == ["b", "c"]
    assert [key.repo.name for key in bottom.provenance] == ["a", "b"]
    assert [key.repo.name for key in bottom.direct_provenance] == ["b"]


def make_spout(versioning: Versioning, name: str) -> None:
    """Make a repo whose master is computed from its specification alone."""
    spec = RepoKey("default", name, SPEC)
    with versioning.transaction() as tx:
        create_repo(tx, RepoKey("default", name))
        create_repo(tx, spec)
        create_branch(tx, branch(name), provenance=[BranchKey(spec, "master")])


def test_a_branch_under_a_specification_alone_stands_at_an_empty_commit_and_can_be_written(
    versioning: Versioning,
) -> None:
    make_spout(versioning, "spout")
    make_repos(versioning, "below")
    compute(versioning, "below", "spout")
    assert head(versioning, "spout").finished_at is not None

    commit = put(versioning, "spout", {"/a": "1"})

    written = head(versioning, "spout")
    assert (written.commit, written.origin) == (commit, OriginKind.USER)
    assert provenance(versioning, "spout")[0].startswith("spout@")
    assert provenance(versioning, "below") == [f"spout@{commit.id}"]


def test_a_new_specification_opens_no_commit_that_nobody_would_write(versioning: Versioning) -> None:
    make_spout(versioning, "spout")
    before = head(versioning, "spout")
    writer = versioning.file_sets.edit()
    writer.add("/spec", b"2")

    versioning.write_layer(CommitReference(RepoKey("default", "spout", SPEC), id="master"), writer.finish())

    assert head(versioning, "spout") == before


def test_an_abandoned_commit_is_closed_with_an_error_and_nothing_of_it_is_seen(versioning: Versioning) -> None:
    make_spout(versioning, "spout")
    put(versioning, "spout", {"/a": "1"})
    with versioning.transaction() as tx:
        start_commit(tx, branch("spout"))
    put(versioning, "spout", {"/half": "1"})

    with versioning.transaction() as tx:
        abandon_head(tx, branch("spout"), "gone")

    assert head(versioning, "spout").error == "gone"
    put(versioning, "spout", {"/b": "1"})
    assert read(versioning, "spout") == {"/a": "1", "/b": "1"}


def test_only_a_commit_that_somebody_opened_can_be_abandoned(versioning: Versioning) -> None:
    make_repos(versioning, "top", "below")
    compute(versioning, "below", "top")

    with versioning.transaction() as tx:
        abandon_head(tx, branch("top"), "gone")
        abandon_head(tx, branch("below"), "gone")

    assert (head(versioning, "top").error, head(versioning, "below").error) == ("", "")


def test_upstream_comes_first_in_a_chain_of_any_length() -> None:
    """Longer than functions of Python may be nested."""
    length = 10 * sys.getrecursionlimit()

    assert upstream_first(range(length), lambda key: [key + 1] if key + 1 < length else []) == list(range(length))[::-1]


@given(st.lists(st.tuples(st.integers(0, 9), st.integers(0, 9)).filter(lambda edge: edge[0] > edge[1]), max_size=30))
def test_upstream_comes_first_in_any_graph(edges: list[tuple[int, int]]) -> None:
    ordered = upstream_first(range(10), lambda key: [upstream for below, upstream in edges if below == key])

    assert sorted(ordered) == list(range(10))
    assert all(ordered.index(upstream) < ordered.index(below) for below, upstream in edges)
