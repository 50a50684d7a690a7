"""What damage to the database is told, mended, and gone afterwards. Keys are not checked when it is made."""

import sqlite3
from collections.abc import Iterator
from pathlib import Path

import pytest
from pfs_story import at, branch, compute, head, make_repos, provenance, put, read

from trunkline.db.engine import Database
from trunkline.model.jobs import OriginKind
from trunkline.model.versions import CommitKey
from trunkline.objects import open_object_store
from trunkline.pfs.checks.fsck import check_versions, repair_versions
from trunkline.pfs.chunk_index import DatabaseChunkIndex
from trunkline.pfs.history.branches import inspect_branch
from trunkline.pfs.history.commits import finish_commit, start_commit
from trunkline.pfs.history.references import resolve_commit
from trunkline.pfs.projects import inspect_project
from trunkline.pfs.versioning import Versioning
from trunkline.storage.fileset import FileSets


class Damaged:
    """Three commits in ``in``, a fourth without files on a branch, and ``out``, which is computed from ``in``."""

    def __init__(self, directory: Path) -> None:
        self.path = directory / "metadata.db"
        self.db = Database(f"sqlite:///{self.path}")
        self.versioning = Versioning(self.db, FileSets(open_object_store("memory://"), DatabaseChunkIndex(self.db)))
        make_repos(self.versioning, "in", "out")
        self.first = put(self.versioning, "in", {"/a": "1"})
        compute(self.versioning, "out", "in@master")
        self.finish_output()
        self.second = put(self.versioning, "in", {"/b": "2"})
        self.finish_output()
        self.third = put(self.versioning, "in", {"/c": "3"})
        self.finish_output()

    def finish_output(self) -> None:
        with self.versioning.transaction() as tx:
            finish_commit(tx, resolve_commit(tx, at("out")), force=True)

    def key(self, commit: CommitKey) -> int:
        return head(self.versioning, f"{commit.repo.name}@{commit.id}").key

    def run(self, statement: str, *values: object) -> None:
        with sqlite3.connect(self.path) as connection:
            connection.execute("PRAGMA foreign_keys=OFF")
            connection.execute(statement, values)
        connection.close()

    def lose(self, commit: CommitKey) -> None:
        self.run("DELETE FROM commits WHERE key = ?", self.key(commit))

    def problems(self) -> list[str]:
        return list(check_versions(self.versioning))

    def repair(self) -> list[str]:
        """Mend, and return what was done; what can be mended is mended at once."""
        fixes = list(repair_versions(self.versioning))
        assert not list(repair_versions(self.versioning))
        return fixes


@pytest.fixture
def damaged(tmp_path: Path) -> Iterator[Damaged]:
    story = Damaged(tmp_path)
    assert story.problems() == []
    yield story
    story.db.close()


def test_nothing_is_mended_where_nothing_is_wrong(damaged: Damaged) -> None:
    assert damaged.repair() == []
    assert head(damaged.versioning, "in").commit == damaged.third


def test_a_branch_without_its_head_goes_back_to_the_newest_commit_that_is_left(damaged: Damaged) -> None:
    damaged.lose(damaged.third)
    assert "branch default/in@master has a head that is missing" in damaged.problems()

    fixes = damaged.repair()

    assert any(
        fix.startswith("branch default/in@master has a head that is missing: ") and str(damaged.second) in fix
        for fix in fixes
    )
    assert damaged.problems() == []
    assert head(damaged.versioning, "in").commit == damaged.second
    assert read(damaged.versioning, "in") == {"/a": "1", "/b": "2"}
    assert provenance(damaged.versioning, "out") == [f"in@{damaged.second.id}"]  # a new commit, to be computed


def test_a_branch_that_lost_all_commits_gets_an_empty_one(damaged: Damaged) -> None:
    with damaged.versioning.transaction() as tx:
        start_commit(tx, branch("in@other"))
    damaged.run("DELETE FROM commits WHERE branch_name = 'other'")

    damaged.repair()

    assert damaged.problems() == []
    assert head(damaged.versioning, "in@other").origin is OriginKind.FSCK
    assert read(damaged.versioning, "in@other") == {}


@pytest.mark.parametrize("wrong", ["none", "in another repo"])
def test_a_wrong_head_is_replaced_and_a_computed_branch_computed_anew(damaged: Damaged, wrong: str) -> None:
    before = head(damaged.versioning, "out")
    value = None if wrong == "none" else head(damaged.versioning, "in").key
    damaged.run("UPDATE branches SET head = ? WHERE head = ?", value, before.key)
    assert len(damaged.problems()) == 1

    (fix,) = damaged.repair()

    assert "default/out@master has" in fix
    assert damaged.problems() == []
    after = head(damaged.versioning, "out")
    assert (after.parent, after.finishing_at) == (before.key, None)
    assert provenance(damaged.versioning, "out") == [f"in@{damaged.third.id}"]


@pytest.mark.parametrize("wrong", ["missing", "in another repo", "younger"])
def test_a_commit_with_a_wrong_parent_follows_the_one_before_it(damaged: Damaged, wrong: str) -> None:
    value = {"missing": 9999, "in another repo": head(damaged.versioning, "out").key}.get(wrong)
    damaged.run("UPDATE commits SET parent = ? WHERE id = ?", value or damaged.key(damaged.third), damaged.second.id)
    # The output of the same set has the id, too: it is damaged alike.
    assert damaged.problems()

    damaged.repair()

    assert damaged.problems() == []
    assert head(damaged.versioning, "in@master^").commit == damaged.second
    assert head(damaged.versioning, "in@master^^").commit == damaged.first
    assert read(damaged.versioning, "in") == {"/a": "1", "/b": "2", "/c": "3"}


def test_the_children_of_a_lost_commit_keep_their_files_and_follow_the_one_before(damaged: Damaged) -> None:
    damaged.lose(damaged.second)

    fixes = damaged.repair()

    assert any("has a parent that is missing" in fix for fix in fixes)
    assert any("provenance between commits of which one is missing" in fix for fix in fixes)
    assert damaged.problems() == []
    assert head(damaged.versioning, "in@master^").commit == damaged.first
    assert read(damaged.versioning, "in") == {"/a": "1", "/b": "2", "/c": "3"}


def test_a_head_that_forgot_what_it_was_computed_from_is_told_by_its_set(damaged: Damaged) -> None:
    before = head(damaged.versioning, "out")
    damaged.run('DELETE FROM commit_provenance WHERE "commit" = ?', before.key)
    (problem,) = damaged.problems()
    assert "does not say which commit of default/in@master it was computed from" in problem

    damaged.repair()

    assert damaged.problems() == []
    assert head(damaged.versioning, "out") == before
    assert provenance(damaged.versioning, "out") == [f"in@{damaged.third.id}"]


def test_a_head_whose_set_does_not_tell_what_it_was_computed_from_is_computed_anew(damaged: Damaged) -> None:
    before = head(damaged.versioning, "out")
    damaged.run('DELETE FROM commit_provenance WHERE "commit" = ?', before.key)
    damaged.run("UPDATE commits SET id = ? WHERE key = ?", "0" * 12 + "4" + "0" * 19, before.key)

    damaged.repair()

    assert damaged.problems() == []
    assert head(damaged.versioning, "out").parent == before.key
    assert provenance(damaged.versioning, "out") == [f"in@{damaged.third.id}"]


def test_provenance_that_leads_nowhere_is_forgotten(damaged: Damaged) -> None:
    damaged.run("UPDATE branch_provenance SET upstream = 9999")
    assert len(damaged.problems()) == 1

    damaged.repair()

    assert damaged.problems() == []
    with damaged.versioning.reading() as tx:
        assert inspect_branch(tx, branch("out")).direct_provenance == ()


def test_a_project_that_repos_are_in_is_made_again(damaged: Damaged) -> None:
    damaged.run("DELETE FROM projects")

    assert damaged.repair() == [
        "project default, which has repos, is missing: made the project anew, without its description"
    ]

    assert damaged.problems() == []
    with damaged.versioning.reading() as tx:
        assert inspect_project(tx, "default").name == "default"


def test_a_finished_commit_that_was_never_closed_is_closed(damaged: Damaged) -> None:
    damaged.run("UPDATE commits SET finishing_at = NULL WHERE key = ?", damaged.key(damaged.second))

    damaged.repair()

    assert damaged.problems() == []
    row = head(damaged.versioning, "in@master^")
    assert row.finishing_at == row.finished_at


def test_a_lost_file_set_is_made_again_from_what_was_written(damaged: Damaged) -> None:
    writer = damaged.versioning.file_sets.edit()
    writer.add("/c", b"3")
    layer = writer.finish()
    key = damaged.key(damaged.third)
    damaged.run("UPDATE commits SET root = NULL WHERE key = ?", key)
    damaged.run('INSERT INTO commit_layers ("commit", layer) VALUES (?, ?)', key, layer)

    damaged.repair()

    assert damaged.problems() == []
    assert read(damaged.versioning, "in") == {"/a": "1", "/b": "2", "/c": "3"}


def test_content_that_has_to_be_joined_again_is_stored_again(damaged: Damaged) -> None:
    """Its chunks are not known any more, so that making the file set writes."""
    writer = damaged.versioning.file_sets.edit()
    writer.add("/a", b"more")
    layer = writer.finish()
    commit = damaged.versioning.write_layer(at("in"), layer)
    key = damaged.key(commit)
    damaged.run("UPDATE commits SET root = NULL WHERE key = ?", key)
    damaged.run('INSERT INTO commit_layers ("commit", layer) VALUES (?, ?)', key, layer)
    damaged.run("DELETE FROM chunks")

    damaged.repair()

    assert damaged.problems() == []
    assert read(damaged.versioning, "in") == {"/a": "1more", "/b": "2", "/c": "3"}


def test_layers_are_forgotten_only_if_the_file_set_has_them(damaged: Damaged) -> None:
    writer = damaged.versioning.file_sets.edit()
    writer.add("/c", b"3")
    layer = writer.finish()
    writer = damaged.versioning.file_sets.edit()
    writer.add("/new", b"4")
    new = writer.finish()
    damaged.run('INSERT INTO commit_layers ("commit", layer) VALUES (?, ?)', damaged.key(damaged.third), layer)
    damaged.run('INSERT INTO commit_layers ("commit", layer) VALUES (?, ?)', damaged.key(damaged.second), new)

    (fix,) = damaged.repair()

    assert str(damaged.third) in fix
    assert damaged.problems() == [
        f"commit {damaged.second} is finished and has layers that are not in its file set",
    ]


@pytest.mark.parametrize(
    ("statement", "problem"),
    [
        ("UPDATE commits SET root = NULL WHERE branch_name = 'master' AND parent IS NULL", "has no file set"),
        ("INSERT INTO branch_provenance SELECT branch, branch, 0 FROM branch_provenance", "is computed from itself"),
        ("INSERT INTO commit_layers (\"commit\", layer) VALUES (9999, '')", "what was written to a commit that is"),
        (
            "INSERT INTO branches (repo, name, created_at, updated_at, metadata) VALUES (99, 'b', 1, 1, '{}')",
            "in a repo",
        ),
        ("UPDATE commits SET repo = 99 WHERE parent IS NULL", "is in a repo that is missing"),
        ('UPDATE branches SET "trigger" = \'{"branch": "x"}\' WHERE repo = 2', "both a trigger and provenance"),
        ("UPDATE commits SET finished_at = NULL, finishing_at = NULL WHERE repo = 1 AND parent IS NULL", "is not"),
    ],
)
def test_what_cannot_be_mended_stays_an_error(damaged: Damaged, statement: str, problem: str) -> None:
    damaged.run(statement)
    assert any(problem in text for text in damaged.problems())

    damaged.repair()

    assert any(problem in text for text in damaged.problems())
