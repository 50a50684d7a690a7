"""What is damaged on disk is told, forgotten, and healed by putting the content again."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from pfs_story import head, make_repos
from pfs_story import put as put_files

from trunkline.db.engine import Database
from trunkline.errors import CorruptDataError
from trunkline.model.versions import CommitReference, RepoKey
from trunkline.objects import open_object_store
from trunkline.pfs.checks.fsck import check_data, check_versions, repair_versions
from trunkline.pfs.chunk_index import DatabaseChunkIndex
from trunkline.pfs.garbage import Garbage
from trunkline.pfs.versioning import Versioning
from trunkline.storage.fileset import FileSets, sources
from trunkline.testing.small_borders import small_borders

GOOD = "good" * 300
REPO = RepoKey("default", "in")
MASTER = CommitReference(REPO, branch="master")
Start = Callable[[], Versioning]


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Start]:
    """Starts the server's part that stores, anew each time: it knows nothing of what was read before."""
    opened: list[Database] = []

    def open_versioning() -> Versioning:
        db = Database(f"sqlite:///{tmp_path / 'metadata.db'}")
        opened.append(db)
        objects = open_object_store(f"file://{tmp_path / 'objects'}")
        return Versioning(db, FileSets(objects, DatabaseChunkIndex(db), sources=tmp_path / "sources"))

    make_repos(open_versioning(), "in")
    yield open_versioning
    for db in opened:
        db.close()


def damage_pack(tmp_path: Path, position: int = 8) -> None:
    (pack,) = (path for path in (tmp_path / "objects/packs").rglob("*") if path.is_file())
    data = bytearray(pack.read_bytes())
    data[position] ^= 1
    pack.write_bytes(data)


def content(versioning: Versioning, path: str, reference: CommitReference = MASTER) -> bytes:
    _, files = versioning.open_files(reference)
    return b"".join(files.read(next(row for row in files.files(path))))


@pytest.mark.parametrize("restarted", [False, True])
@pytest.mark.parametrize("others", [0, 60])
def test_content_that_is_put_again_does_not_rest_on_a_damaged_chunk(
    start: Start, tmp_path: Path, caplog: pytest.LogCaptureFixture, restarted: bool, others: int
) -> None:
    """Whether the pack is read whole, or only what of it is wanted."""
    versioning = start()
    files = {f"/x{number}": f"{number}" * 600 for number in range(others)}
    put_files(versioning, "in", {"/a": GOOD} | files)
    damage_pack(tmp_path)
    versioning = start() if restarted else versioning

    put_files(versioning, "in", {"/b": GOOD} | {path: text for path, text in files.items() if path == "/x7"})

    assert content(versioning, "/b").decode() == GOOD
    assert "is damaged" in caplog.text


def test_a_directory_that_looks_as_it_did_is_read_again_where_its_chunks_are_damaged(
    start: Start, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sources, "_TIME_GRAIN_NANOSECONDS", -(10**12))
    source = tmp_path / "source"
    source.mkdir()
    for name in ("a", "b", "c"):
        (source / name).write_bytes(name.encode() * 500)
    versioning = start()

    def put_directory() -> None:
        with versioning.writes.short():
            writer = versioning.file_sets.edit()
            writer.add_tree("/", str(source), replace=True)
            versioning.write_layer(MASTER, writer.finish())

    put_directory()
    damage_pack(tmp_path)
    put_directory()

    assert [content(versioning, f"/{name}") for name in ("a", "b", "c")] == [b"a" * 500, b"b" * 500, b"c" * 500]


def test_a_check_names_the_files_and_commits_that_need_what_is_damaged(start: Start, tmp_path: Path) -> None:
    versioning = start()
    put_files(versioning, "in", {"/a": GOOD})
    put_files(versioning, "in", {"/copy": GOOD})
    damage_pack(tmp_path)

    (problem,) = check_data(versioning)

    commit = str(head(versioning, "in").commit)
    assert problem.startswith("chunk ")
    assert "file /a of default/in@" in problem
    assert f"file /copy of {commit} needs it" in problem


def test_a_damaged_file_is_whole_everywhere_once_it_is_put_again_and_fixed(start: Start, tmp_path: Path) -> None:
    versioning = start()
    put_files(versioning, "in", {"/a": GOOD})
    damaged = CommitReference(REPO, id=head(versioning, "in").commit.id)
    damage_pack(tmp_path)
    with pytest.raises(CorruptDataError):
        content(versioning, "/a", damaged)
    assert list(check_data(versioning))
    assert list(repair_versions(versioning)) == []

    put_files(versioning, "in", {"/again": GOOD, "/b": "another pack"})
    assert list(check_data(versioning))
    (fix,) = repair_versions(versioning)

    assert "uses the copy in pack" in fix
    assert content(versioning, "/a", damaged).decode() == GOOD
    for _ in range(3):
        Garbage(versioning).collect(grace_seconds=0)
    assert content(versioning, "/a", damaged).decode() == GOOD
    assert [*check_data(versioning), *check_versions(versioning)] == []


def test_a_pack_that_is_stored_again_as_it_was_is_whole(start: Start, tmp_path: Path) -> None:
    """It has the same name, and what lies there is not kept."""
    versioning = start()
    put_files(versioning, "in", {"/a": GOOD})
    damage_pack(tmp_path)
    assert list(check_data(versioning))

    put_files(versioning, "in", {"/again": GOOD})

    assert content(versioning, "/a").decode() == GOOD
    assert [*check_data(versioning), *check_versions(versioning), *repair_versions(versioning)] == []


def test_a_pack_that_is_not_rewritten_since_it_is_damaged_keeps_what_is_whole_in_it(
    start: Start, tmp_path: Path
) -> None:
    """Copying a damaged chunk would give it a pack that looks sound."""
    versioning = start()
    put_files(versioning, "in", {f"/{number}": f"{number}" * 900 for number in range(20)})
    damage_pack(tmp_path)
    with versioning.writes.short():
        writer = versioning.file_sets.edit()
        writer.delete("/")
        writer.add("/kept", b"")
        versioning.write_layer(MASTER, writer.finish())

    assert Garbage(versioning).collect(grace_seconds=0).moved_chunks == 0


def test_all_of_it_holds_with_small_borders(start: Start, tmp_path: Path) -> None:
    with small_borders():
        versioning = start()
        put_files(versioning, "in", {f"/{number}": f"{number}-" * 400 for number in range(3)})
        damage_pack(tmp_path)
        put_files(versioning, "in", {f"/again{number}": f"{number}-" * 400 for number in range(3)})
        assert len(list(check_data(versioning))) == 1
        assert len(list(repair_versions(versioning))) == 1
        for number in range(3):
            assert content(versioning, f"/{number}").decode() == f"{number}-" * 400
