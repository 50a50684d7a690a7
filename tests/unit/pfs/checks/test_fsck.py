"""A check finds what is broken, and nothing where nothing is."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from pfs_story import compute, head, make_repos, put
from sqlalchemy import delete, update

from trunkline.db.engine import Database
from trunkline.db.tables import branches, commits
from trunkline.objects import open_object_store
from trunkline.pfs.checks.fsck import check_data, check_versions
from trunkline.pfs.chunk_index import DatabaseChunkIndex
from trunkline.pfs.versioning import Versioning
from trunkline.storage.fileset import FileSets


@pytest.fixture
def objects(tmp_path: Path) -> Path:
    return tmp_path / "objects"


@pytest.fixture
def versioning(objects: Path, tmp_path: Path) -> Iterator[Versioning]:
    """Two commits in one repo and an open one that is computed from them."""
    db = Database(f"sqlite:///{tmp_path / 'metadata.db'}")
    versioning = Versioning(db, FileSets(open_object_store(f"file://{objects}"), DatabaseChunkIndex(db)))
    make_repos(versioning, "in", "out")
    put(versioning, "in", {"/a": "1" * 1000})
    put(versioning, "in", {"/b": "2" * 1000})
    compute(versioning, "out", "in@master")
    yield versioning
    db.close()


def files_below(directory: Path) -> list[Path]:
    return sorted(path for path in directory.rglob("*") if path.is_file())


def damage(path: Path, position: int) -> None:
    content = bytearray(path.read_bytes())
    content[position] ^= 1
    path.chmod(0o600)
    path.write_bytes(content)


def test_what_is_sound_has_no_problems(versioning: Versioning) -> None:
    assert list(check_versions(versioning)) == []
    assert list(check_data(versioning)) == []


def test_a_changed_byte_of_a_chunk_is_found_by_reading_the_data(versioning: Versioning, objects: Path) -> None:
    damage(files_below(objects / "packs")[0], 8)

    assert list(check_versions(versioning)) == []
    (problem,) = check_data(versioning)
    assert problem.startswith("chunk ")


def test_a_changed_list_of_chunks_is_found(versioning: Versioning, objects: Path) -> None:
    damage(files_below(objects / "packs")[0], -50)

    assert any("has a damaged list of chunks" in problem for problem in check_versions(versioning))
    assert any("has a damaged list of chunks" in problem for problem in check_data(versioning))


def test_a_missing_pack_is_found_once(versioning: Versioning, objects: Path) -> None:
    for pack in files_below(objects / "packs"):
        pack.unlink()

    problems = list(check_versions(versioning))

    assert len(problems) == 2
    assert all("is missing or cut short" in problem for problem in problems)


@pytest.mark.parametrize("kind", ["damaged", "missing"])
def test_a_broken_table_is_found(versioning: Versioning, objects: Path, kind: str) -> None:
    root = head(versioning, "in").root
    assert root
    table = objects / "tables" / root[:2] / root
    if kind == "damaged":
        damage(table, 20)
    else:
        table.unlink()

    (problem,) = check_versions(versioning)
    assert problem.endswith(f"table object {root} is {kind}")


def test_rows_that_contradict_each_other_are_found(versioning: Versioning) -> None:
    master, out = head(versioning, "in"), head(versioning, "out")
    assert master.parent is not None
    with versioning.db.write() as connection:
        connection.execute(update(branches).where(branches.c.head == out.key).values(head=master.key))
        connection.execute(update(commits).where(commits.c.key == master.key).values(root=None))
        connection.execute(delete(commits).where(commits.c.key == master.parent))

    assert sorted(check_versions(versioning)) == [
        f"branch default/out@master has a head in another repo: {master.commit}",
        f"commit {master.commit} has a parent that is missing",
        f"commit {master.commit} is finished and has no file set",
    ]
