"""Forgotten commits have a record and no files; whatever needs the files says so."""

from collections.abc import Callable

import pytest
from pfs_story import at, branch, compute, head, make_repos, put, read

from trunkline.errors import ConflictError
from trunkline.pfs.checks.fsck import check_versions
from trunkline.pfs.commit_search import find_commits
from trunkline.pfs.garbage import Garbage
from trunkline.pfs.history.branches import create_branch
from trunkline.pfs.history.commits import commit_set, finish_commit, start_commit
from trunkline.pfs.history.forgetting import forget_commit
from trunkline.pfs.history.good_ancestors import CommitForgottenError
from trunkline.pfs.history.references import resolve_commit
from trunkline.pfs.history.removal import drop_commit, squash_commit
from trunkline.pfs.queries.commits import CommitRow
from trunkline.pfs.versioning import Versioning


def compute_output(versioning: Versioning, content: str, *, error: str = "") -> None:
    """Write what the open output commit is to hold, and close it."""
    writer = versioning.file_sets.edit()
    writer.add(f"/{content}", content.encode())
    close_output(versioning, writer.finish(), error=error)


def close_output(versioning: Versioning, layer: str, *, error: str = "") -> None:
    with versioning.transaction() as tx:
        row = resolve_commit(tx, at("out"))
        versioning.append_layer(tx, row, layer)
        finish_commit(tx, row, error=error, force=True)


def forget(versioning: Versioning, text: str) -> CommitRow:
    row = head(versioning, text)
    with versioning.transaction() as tx:
        forget_commit(tx, row, [])
    return row


@pytest.fixture
def outputs(versioning: Versioning) -> Versioning:
    """Three commits in ``in``, and in ``out``, whose files are named after the number."""
    make_repos(versioning, "in", "out")
    put(versioning, "in", {"/a": "1"})
    compute(versioning, "out", "in@master")
    compute_output(versioning, "1")
    for number in ("2", "3"):
        put(versioning, "in", {"/a": number})
        compute_output(versioning, number)
    return versioning


def test_only_the_forgotten_commit_loses_its_files(outputs: Versioning) -> None:
    row = forget(outputs, "out@master^")

    with pytest.raises(CommitForgottenError, match="the commit is forgotten"):
        read(outputs, f"out@{row.commit.id}")
    assert read(outputs, "out@master") == {"/1": "1", "/2": "2", "/3": "3"}
    assert read(outputs, "out@master^^") == {"/1": "1"}
    after = head(outputs, "out@master^")
    assert (after.commit, after.size_bytes, after.root) == (row.commit, 2, None)
    with outputs.reading() as tx:
        assert [each.commit.repo.name for each in commit_set(tx, row.commit.id)] == ["in", "out"]
    assert list(check_versions(outputs)) == []
    assert forget(outputs, "out@master^").commit == row.commit


def test_the_alias_of_a_forgotten_commit_is_forgotten_too(outputs: Versioning) -> None:
    """A set without a commit in the repo means the one that it was computed from."""
    make_repos(outputs, "side", "below")
    compute(outputs, "below", "out@master", "side@master")
    with outputs.transaction() as tx:
        finish_commit(tx, resolve_commit(tx, at("below")), force=True)
    later = put(outputs, "side", {"/x": "1"})
    with outputs.transaction() as tx:
        finish_commit(tx, resolve_commit(tx, at("below")), force=True)
    put(outputs, "in", {"/a": "4"})
    compute_output(outputs, "4")
    with outputs.transaction() as tx:
        finish_commit(tx, resolve_commit(tx, at("below")), force=True)
    assert read(outputs, f"out@{later.id}") == read(outputs, "out@master^")

    forget(outputs, "out@master^")

    with pytest.raises(CommitForgottenError):
        read(outputs, f"out@{later.id}")


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("in@master^", "only output commits can be computed again"),
        ("out@master", "it is the head of branch default/out@master"),
    ],
)
def test_inputs_and_heads_are_not_forgotten(outputs: Versioning, text: str, reason: str) -> None:
    with pytest.raises(ConflictError, match=reason):
        forget(outputs, text)

    assert read(outputs, text)


def test_an_open_commit_is_not_forgotten_and_neither_is_what_it_builds_on(outputs: Versioning) -> None:
    put(outputs, "in", {"/a": "4"})

    with pytest.raises(ConflictError, match="until it is finished"):
        forget(outputs, "out@master")
    with pytest.raises(ConflictError, match="is made from it"):
        forget(outputs, "out@master^")


def test_what_an_unfinished_commit_downstream_reads_is_not_forgotten(outputs: Versioning) -> None:
    make_repos(outputs, "below")
    compute(outputs, "below", "out@master")
    put(outputs, "in", {"/a": "4"})
    compute_output(outputs, "4")

    with pytest.raises(ConflictError, match=r"default/below@\w+ is made from it"):
        forget(outputs, "out@master^")


def test_what_a_failed_head_leaves_to_be_built_on_is_not_forgotten(outputs: Versioning) -> None:
    put(outputs, "in", {"/a": "4"})
    compute_output(outputs, "4", error="datum failed")

    with pytest.raises(ConflictError, match="will build on it"):
        forget(outputs, "out@master^")
    forget(outputs, "out@master^^")


def test_nothing_is_removed_that_would_leave_a_branch_upon_a_forgotten_commit(outputs: Versioning) -> None:
    """Neither by a squash below a head that failed, nor by a drop down to one that failed: puts would fail."""
    put(outputs, "in", {"/a": "4"})
    compute_output(outputs, "4", error="datum failed")
    forget(outputs, "out@master^^")
    before = head(outputs, "out")

    with (
        pytest.raises(ConflictError, match=r"the next commit on branch .* will build on it"),
        outputs.transaction() as tx,
    ):
        squash_commit(tx, at("out@master^"), [])

    put(outputs, "in", {"/a": "5"})
    compute_output(outputs, "5")
    forget(outputs, "out@master^^")
    with pytest.raises(ConflictError, match="would be left on a commit that is forgotten"), outputs.transaction() as tx:
        drop_commit(tx, at("out"), [])

    assert head(outputs, "out@master^") == before
    assert read(outputs, "out@master") == {"/1": "1", "/2": "2", "/3": "3", "/5": "5"}


def drop_head(versioning: Versioning) -> None:
    with versioning.transaction() as tx:
        drop_commit(tx, at("out"), [])


def branch_off(versioning: Versioning) -> None:
    with versioning.transaction() as tx:
        create_branch(tx, branch("out@other"), head=at("out@master^"))


def start_on_it(versioning: Versioning) -> None:
    with versioning.transaction() as tx:
        start_commit(tx, branch("out@other"), parent=at("out@master^"))


def take_difference(versioning: Versioning) -> None:
    versioning.difference_layers(at("out@master"))


def search(versioning: Versioning) -> None:
    list(find_commits(versioning, at("out@master^"), "/1"))


@pytest.mark.parametrize("use", [drop_head, branch_off, start_on_it, take_difference, search])
def test_what_would_need_the_files_says_that_they_are_forgotten(
    outputs: Versioning, use: Callable[[Versioning], None]
) -> None:
    before = head(outputs, "out")
    forget(outputs, "out@master^")

    with pytest.raises(ConflictError, match="forgotten"):
        use(outputs)

    assert head(outputs, "out") == before
    assert list(check_versions(outputs)) == []


def test_a_search_passes_over_forgotten_commits(outputs: Versioning) -> None:
    forget(outputs, "out@master^")

    found = [each.commit.commit for each in find_commits(outputs, at("out@master"), "/2") if each.found]

    assert found == [head(outputs, "out@master").commit]


def test_a_forgotten_commit_can_be_squashed(outputs: Versioning) -> None:
    forget(outputs, "out@master^")

    with outputs.transaction() as tx:
        squash_commit(tx, at("out@master^"), [])

    assert read(outputs, "out@master^") == {"/1": "1"}


def test_what_only_a_forgotten_commit_held_is_collected(outputs: Versioning) -> None:
    """The fourth output has a file that the fifth deletes."""
    for write in (True, False):
        put(outputs, "in", {"/a": str(write)})
        writer = outputs.file_sets.edit()
        if write:
            writer.add("/big", b"x" * 100_000)
        else:
            writer.delete("/big")
        close_output(outputs, writer.finish())
    packs = set(outputs.file_sets.chunks.objects.list("packs/"))
    forget(outputs, "out@master^")
    garbage = Garbage(outputs)

    garbage.collect(grace_seconds=0)
    garbage.collect(grace_seconds=0)

    assert len(packs - set(outputs.file_sets.chunks.objects.list("packs/"))) >= 1
    assert read(outputs, "out@master") == {"/1": "1", "/2": "2", "/3": "3"}
    assert list(check_versions(outputs)) == []
