import pytest
from pfs_story import at, branch, compute, head, make_repos, put, read, repo

from trunkline.errors import ConflictError, InvalidInputError, NotFoundError
from trunkline.model.jobs import CommitState
from trunkline.model.names import SPEC
from trunkline.model.versions import RepoKey
from trunkline.pfs.history.commits import (
    AlreadyFinishedError,
    clear_commit,
    finish_commit,
    list_commits,
    start_commit,
)
from trunkline.pfs.history.references import resolve_commit
from trunkline.pfs.history.removal import drop_commit_set, squash_commit_set
from trunkline.pfs.repos import create_repo
from trunkline.pfs.versioning import Versioning


def start(versioning: Versioning, text: str, parent: str = "") -> str:
    with versioning.transaction() as tx:
        return start_commit(tx, branch(text), parent=at(parent) if parent else None).commit.id


def finish(versioning: Versioning, text: str) -> None:
    with versioning.transaction() as tx:
        commit = resolve_commit(tx, at(text))
        finish_commit(tx, commit)
    versioning.settling.settle(commit.key)


def test_each_put_makes_one_finished_commit_on_top_of_the_last(versioning: Versioning) -> None:
    make_repos(versioning, "images")
    first = put(versioning, "images", {"/a": "1", "/d/b": "2"})

    second = put(versioning, "images", {"/a": None, "/c": "3"})

    assert read(versioning, "images") == {"/c": "3", "/d/b": "2"}
    assert read(versioning, f"images@{first.id}") == {"/a": "1", "/d/b": "2"}
    assert head(versioning, "images").commit == second
    assert head(versioning, "images").size_bytes == 2


def test_an_open_commit_shows_what_was_written_so_far_and_others_do_not(versioning: Versioning) -> None:
    make_repos(versioning, "images")
    before = put(versioning, "images", {"/a": "1"})
    open_id = start(versioning, "images")

    put(versioning, f"images@{open_id}", {"/b": "2"})
    put(versioning, "images@master", {"/c": "3"})

    assert read(versioning, "images@master") == {"/a": "1", "/b": "2", "/c": "3"}
    assert read(versioning, f"images@{before.id}") == {"/a": "1"}
    finish(versioning, "images@master")
    assert read(versioning, f"images@{open_id}") == {"/a": "1", "/b": "2", "/c": "3"}


def test_a_finished_commit_is_closed_to_writing_and_finishing(versioning: Versioning) -> None:
    make_repos(versioning, "images")
    commit = put(versioning, "images", {"/a": "1"})

    with pytest.raises(AlreadyFinishedError, match="has already finished"):
        put(versioning, f"images@{commit.id}", {"/b": "2"})
    with pytest.raises(AlreadyFinishedError, match="has already finished"):
        finish(versioning, f"images@{commit.id}")


def test_two_commits_cannot_be_open_on_one_branch(versioning: Versioning) -> None:
    make_repos(versioning, "images")
    start(versioning, "images")

    with pytest.raises(ConflictError, match=r"parent commit .* has not been finished"):
        start(versioning, "images")


def test_the_output_branch_of_a_pipeline_takes_no_writes(versioning: Versioning) -> None:
    make_repos(versioning, "images", "out")
    with versioning.transaction() as tx:
        create_repo(tx, RepoKey("default", "out", SPEC))
    compute(versioning, "out", "images")

    for write in (lambda: start(versioning, "out"), lambda: put(versioning, "out", {"/a": "1"})):
        with pytest.raises(ConflictError, match="cannot start a commit on an output branch"):
            write()
    with pytest.raises(ConflictError, match="use 'stop job' instead"):
        finish(versioning, "out")


def test_without_a_pipeline_people_write_and_finish_what_is_computed(versioning: Versioning) -> None:
    make_repos(versioning, "images", "out")
    put(versioning, "images", {"/a": "1"})
    compute(versioning, "out", "images")

    put(versioning, "out", {"/made": "by hand"})
    finish(versioning, "out")

    assert read(versioning, "out") == {"/made": "by hand"}
    for write in (lambda: start(versioning, "out"), lambda: put(versioning, "out", {"/a": "1"})):
        with pytest.raises(ConflictError, match="cannot start a commit on an output branch"):
            write()
    put(versioning, "images", {"/b": "2"})
    finish(versioning, "out")
    assert read(versioning, "out") == {"/made": "by hand"}


def test_a_parent_on_another_branch_starts_a_fork(versioning: Versioning) -> None:
    make_repos(versioning, "images")
    put(versioning, "images", {"/a": "1"})

    start(versioning, "images@fork", parent="images@master")
    put(versioning, "images@fork", {"/b": "2"})
    finish(versioning, "images@fork")

    assert read(versioning, "images@fork") == {"/a": "1", "/b": "2"}
    assert read(versioning, "images@master") == {"/a": "1"}


def test_clearing_forgets_what_was_written(versioning: Versioning) -> None:
    make_repos(versioning, "images")
    start(versioning, "images")
    put(versioning, "images", {"/a": "1"})

    with versioning.transaction() as tx:
        clear_commit(tx, resolve_commit(tx, at("images")))

    assert read(versioning, "images") == {}


@pytest.mark.parametrize(
    ("reference", "content"),
    [("master", "4"), ("master^", "3"), ("master~2", "2"), ("master^^^", "1"), ("master.1", "1"), ("master.3", "3")],
)
def test_ancestry_names_commits(versioning: Versioning, reference: str, content: str) -> None:
    make_repos(versioning, "images")
    for number in "1234":
        put(versioning, "images", {"/n": number})

    assert read(versioning, f"images@{reference}") == {"/n": content}


@pytest.mark.parametrize(
    ("reference", "error", "phrase"),
    [
        ("master^4", NotFoundError, "not found"),
        ("master.9", NotFoundError, "not found"),
        ("master^~", InvalidInputError, "not mixed"),
        ("master.2^2", InvalidInputError, "less ancestors than descendants"),
        ("nobranch", NotFoundError, r'branch "nobranch" not found in repo default/images'),
        ("0123456789ab4def0123456789abcdef", NotFoundError, r"commit default/images@0123.* not found"),
    ],
)
def test_references_that_name_nothing_are_refused(
    versioning: Versioning, reference: str, error: type[Exception], phrase: str
) -> None:
    make_repos(versioning, "images")
    for number in "1234":
        put(versioning, "images", {"/n": number})

    with pytest.raises(error, match=phrase):
        read(versioning, f"images@{reference}")


def test_a_set_id_names_the_input_that_the_set_was_computed_from(versioning: Versioning) -> None:
    make_repos(versioning, "images", "scripts", "out")
    put(versioning, "scripts", {"/s": "script"})
    compute(versioning, "out", "images", "scripts")

    image = put(versioning, "images", {"/a": "1"})

    assert read(versioning, f"scripts@{image.id}") == {"/s": "script"}


def test_lists_are_newest_first_and_follow_ancestry_from_a_commit(versioning: Versioning) -> None:
    make_repos(versioning, "images")
    ids = [put(versioning, "images", {"/n": number}).id for number in "123"]

    with versioning.reading() as tx:
        everything = [row.commit.id for row in list_commits(tx, repo("images"))]
        line = [row.commit.id for row in list_commits(tx, repo("images"), to=at("images@master^"))]
        newest = [row.commit.id for row in list_commits(tx, repo("images"), number=1)]
    assert everything == ids[::-1]
    assert line == ids[1::-1]
    assert newest == ids[2:]


def test_dropping_takes_the_newest_commit_away(versioning: Versioning) -> None:
    make_repos(versioning, "images")
    first = put(versioning, "images", {"/a": "1"})
    second = put(versioning, "images", {"/b": "2"})

    with pytest.raises(ConflictError, match="cannot drop a commit that has children"), versioning.transaction() as tx:
        drop_commit_set(tx, first.id, [])
    with versioning.transaction() as tx:
        drop_commit_set(tx, second.id, [])

    assert read(versioning, "images") == {"/a": "1"}


def test_squashing_keeps_the_content_in_the_child(versioning: Versioning) -> None:
    make_repos(versioning, "images")
    first = put(versioning, "images", {"/a": "1"})
    second = put(versioning, "images", {"/b": "2"})

    with (
        pytest.raises(ConflictError, match="cannot squash a commit that has no children"),
        versioning.transaction() as tx,
    ):
        squash_commit_set(tx, second.id, [])
    with versioning.transaction() as tx:
        squash_commit_set(tx, first.id, [])

    assert read(versioning, "images") == {"/a": "1", "/b": "2"}
    with versioning.reading() as tx:
        assert len(list_commits(tx, repo("images"))) == 1


def test_two_writers_of_one_path_finish_the_commit_with_an_error(versioning: Versioning) -> None:
    make_repos(versioning, "images")
    put(versioning, "images", {"/kept": "1"})
    start(versioning, "images")
    for tag in "ab":
        writer = versioning.file_sets.edit()
        writer.add("/x", tag.encode(), tag=tag * 64)
        versioning.write_layer(at("images"), writer.finish())

    finish(versioning, "images")

    commit = head(versioning, "images")
    assert "duplicate path output by different datums (/x from" in commit.error
    put(versioning, "images", {"/next": "2"})
    assert read(versioning, "images") == {"/kept": "1", "/next": "2"}


def test_a_put_whose_files_do_not_go_together_is_taken_back_downstream_too(versioning: Versioning) -> None:
    make_repos(versioning, "images", "out")
    compute(versioning, "out", "images")
    finish(versioning, "out")
    put(versioning, "images", {"/a": "1"})
    finish(versioning, "out")
    before = head(versioning, "images"), head(versioning, "out")

    with pytest.raises(InvalidInputError, match=r"file / directory path collision \(/a\): nothing was put"):
        put(versioning, "images", {"/a/b": "2"})

    assert (head(versioning, "images"), head(versioning, "out")) == before


def test_waiting_returns_once_the_state_is_reached(versioning: Versioning) -> None:
    make_repos(versioning, "images")
    put(versioning, "images", {"/a": "1"})

    assert versioning.wait(at("images"), CommitState.FINISHED).finished_at is not None


def test_a_killed_server_leaves_commits_that_settle_later(versioning: Versioning) -> None:
    """Closed but not settled, as after a kill between the two transactions; two in a row."""
    make_repos(versioning, "images")
    for number in "12":
        writer = versioning.file_sets.edit()
        writer.add(f"/{number}", b"x")
        layer = writer.finish()
        with versioning.transaction() as tx:
            commit = start_commit(tx, branch("images"))
            versioning.append_layer(tx, commit, layer)
            finish_commit(tx, commit)

    versioning.settling.settle_all()

    assert read(versioning, "images") == {"/1": "x", "/2": "x"}
