"""Garbage goes, all of it in the end, and nothing else ever."""

import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from trunkline.db.engine import Database
from trunkline.errors import CorruptDataError
from trunkline.model.versions import BranchKey, CommitReference, RepoKey
from trunkline.objects import open_object_store
from trunkline.objects.memory import MemoryObjectStore
from trunkline.pfs.checks.fsck import check_data, check_versions
from trunkline.pfs.chunk_index import DatabaseChunkIndex
from trunkline.pfs.garbage import Collected, Garbage
from trunkline.pfs.history.removal import drop_commit, squash_commit
from trunkline.pfs.queries import chunks
from trunkline.pfs.queries import garbage as queries
from trunkline.pfs.repos import create_repo, delete_repo
from trunkline.pfs.temporary import create_file_set
from trunkline.pfs.versioning import Versioning
from trunkline.storage.fileset import FileSets, sources
from trunkline.testing.object_keys import object_keys

REPO = RepoKey("default", "r")
MASTER = CommitReference(REPO, branch="master")


@pytest.fixture
def versioning(tmp_path: Path) -> Iterator[Versioning]:
    db = Database(f"sqlite:///{tmp_path / 'metadata.db'}")
    objects = open_object_store(f"file://{tmp_path / 'objects'}")
    versioning = Versioning(db, FileSets(objects, DatabaseChunkIndex(db), sources=tmp_path / "sources"))
    with versioning.transaction() as tx:
        create_repo(tx, REPO)
    yield versioning
    db.close()


def _put(versioning: Versioning, files: dict[str, bytes], *, instead: bool = False) -> CommitReference:
    with versioning.writes.short():
        writer = versioning.file_sets.edit()
        if instead:
            writer.delete("/")
        for path, data in files.items():
            writer.delete(path)
            writer.add(path, data)
        return CommitReference(REPO, id=versioning.write_layer(MASTER, writer.finish()).id)


def _files(versioning: Versioning, reference: CommitReference = MASTER) -> dict[str, bytes]:
    _, files = versioning.open_files(reference)
    return {row.path: b"".join(files.read(row)) for row in files.files("/")}


def _keys(versioning: Versioning, prefix: str = "") -> set[str]:
    return set(versioning.file_sets.chunks.objects.list(prefix))


def _needed(versioning: Versioning) -> set[str]:
    with versioning.reading() as tx:
        return set(object_keys(versioning.file_sets, queries.used_roots(tx.connection)))


def _collect(versioning: Versioning) -> Collected:
    return Garbage(versioning).collect(grace_seconds=0)


def _sound(versioning: Versioning) -> bool:
    return not [*check_versions(versioning), *check_data(versioning)]


def test_what_a_dropped_commit_had_goes_in_two_passes(versioning) -> None:
    _put(versioning, {"/a": b"1" * 5000})
    before = _keys(versioning)
    dropped = _put(versioning, {"/b": b"2" * 9000})
    with versioning.transaction() as tx:
        drop_commit(tx, dropped, versioning.listeners)

    first, second, third = (_collect(versioning) for _ in range(3))

    assert first.condemned_objects == second.deleted_objects > 0
    assert first.deleted_objects == 0
    assert third == Collected()
    assert _keys(versioning) == before & _needed(versioning) == _needed(versioning)
    assert _files(versioning) == {"/a": b"1" * 5000}


def test_nothing_goes_before_its_grace_period_is_over(versioning) -> None:
    dropped = _put(versioning, {"/b": b"2"})
    with versioning.transaction() as tx:
        drop_commit(tx, dropped, versioning.listeners)
    before = _keys(versioning)

    for _ in range(3):
        assert Garbage(versioning).collect().deleted_objects == 0

    assert _keys(versioning) == before


def test_squashing_keeps_what_children_need(versioning) -> None:
    parent = _put(versioning, {"/a": b"a" * 3000})
    child = _put(versioning, {"/b": b"b" * 3000})
    with versioning.transaction() as tx:
        squash_commit(tx, parent, versioning.listeners)

    for _ in range(4):
        _collect(versioning)

    assert _files(versioning, child) == {"/a": b"a" * 3000, "/b": b"b" * 3000}
    assert _keys(versioning) == _needed(versioning)


def test_an_expired_file_set_goes_and_another_stays(versioning) -> None:
    layers = []
    for data in (b"kept", b"expired"):
        writer = versioning.file_sets.edit()
        writer.add("/f", data)
        layers.append(writer.finish())
    with versioning.transaction() as tx:
        create_file_set(tx, layers[:1], ttl_seconds=1000)
        queries_expired = create_file_set(tx, layers[1:], ttl_seconds=1)
        tx.connection.exec_driver_sql(f"UPDATE file_sets SET expires_at = 1 WHERE id = '{queries_expired}'")

    for _ in range(4):
        _collect(versioning)

    assert _keys(versioning) == set(object_keys(versioning.file_sets, layers[:1]))


def test_content_that_comes_back_after_it_was_condemned_is_there(versioning) -> None:
    """Stored again, it is renewed; the index has forgotten it, so nothing relies on what is about to go."""
    dropped = _put(versioning, {"/a": b"same" * 1000})
    with versioning.transaction() as tx:
        drop_commit(tx, dropped, versioning.listeners)
    _collect(versioning)

    _put(versioning, {"/a": b"same" * 1000})
    for _ in range(4):
        _collect(versioning)

    assert _files(versioning) == {"/a": b"same" * 1000}
    assert _sound(versioning)


def test_what_a_write_has_stored_and_not_named_yet_is_safe(versioning) -> None:
    with ThreadPoolExecutor(1) as pool:
        with versioning.writes.short():
            writer = versioning.file_sets.edit()
            writer.add("/a", b"x" * 5000)
            layer = writer.finish()
            pool.submit(lambda: _collect(versioning)).result()  # condemns: nothing leads to it
            collected = pool.submit(lambda: _collect(versioning))  # would delete, and waits for this write
            versioning.write_layer(MASTER, layer)
        collected.result()

    for _ in range(3):
        _collect(versioning)
    assert _files(versioning) == {"/a": b"x" * 5000}
    assert _sound(versioning)
    assert _keys(versioning) == _needed(versioning)


def test_what_was_condemned_while_datum_sets_ran_stays_until_they_have_ended(versioning) -> None:
    with versioning.writes.long():
        writer = versioning.file_sets.edit()
        writer.add("/a", b"x" * 5000)
        layer = writer.finish()
        for _ in range(3):
            assert _in_thread(lambda: _collect(versioning)).deleted_objects == 0
        _in_thread(lambda: versioning.write_layer(MASTER, layer))

    for _ in range(3):
        _collect(versioning)
    assert _files(versioning) == {"/a": b"x" * 5000}


def _in_thread(act):
    with ThreadPoolExecutor(1) as pool:
        return pool.submit(act).result()


def test_chunks_move_out_of_a_pack_that_is_mostly_dead(versioning) -> None:
    first = _put(versioning, {f"/{n}": bytes([n]) * 2000 + b"%d" % n for n in range(100)})
    second = _put(versioning, {"/0": b"0" * 2000, "/1": b"1"}, instead=True)
    third = _put(versioning, {"/50": bytes([50]) * 2000 + b"50", "/60": bytes([60]) * 2000 + b"60"})
    packs = _keys(versioning, "packs/")
    with versioning.transaction() as tx:
        squash_commit(tx, first, versioning.listeners)
    expected = {each: _files(versioning, each) for each in (second, third)}

    done = [_collect(versioning) for _ in range(4)]

    assert sum(each.moved_chunks for each in done) == 2
    assert packs - _keys(versioning, "packs/")
    assert _keys(versioning) == _needed(versioning)
    assert {each: _files(versioning, each) for each in expected} == expected
    assert _sound(versioning)
    again = _put(versioning, {"/copy": bytes([50]) * 2000 + b"50"})
    assert _files(versioning, again)["/copy"] == bytes([50]) * 2000 + b"50"
    assert len(_keys(versioning, "packs/")) == len({key for key in _needed(versioning) if key.startswith("packs/")})


def test_a_damaged_store_loses_nothing_more(versioning) -> None:
    _put(versioning, {"/a": b"1"})
    dropped = _put(versioning, {"/b": b"2"})
    with versioning.transaction() as tx:
        drop_commit(tx, dropped, versioning.listeners)
    objects = versioning.file_sets.chunks.objects
    victim = next(key for key in _needed(versioning) if key.startswith("tables/"))
    objects.delete(victim)
    before = _keys(versioning)

    for _ in range(3):
        with pytest.raises(CorruptDataError):
            _collect(versioning)

    assert _keys(versioning) == before


def test_an_object_that_was_taken_away_when_the_process_ended_comes_back(tmp_path: Path) -> None:
    objects = open_object_store(f"file://{tmp_path / 'objects'}")
    objects.put("packs/ab/cd", b"bytes")
    (tmp_path / "objects/packs/ab/cd").rename(tmp_path / "objects/.tmp/doomed/packs%ab%cd")

    again = open_object_store(f"file://{tmp_path / 'objects'}")
    again.recover()

    assert again.get("packs/ab/cd") == b"bytes"
    assert list(again.list("")) == ["packs/ab/cd"]


def test_writers_and_deleters_beside_the_collector_lose_nothing(versioning) -> None:
    """Contents recur, so that what was condemned by one pass is wanted again by a later write."""
    stop = threading.Event()

    def collect() -> int:
        passes = 0
        while not stop.is_set():
            _collect(versioning)
            passes += 1
        return passes

    def write(worker: int) -> dict[str, bytes]:
        repo = RepoKey("default", f"w{worker}")
        branch = CommitReference(repo, branch="master")
        expected: dict[str, bytes] = {}
        for turn in range(25):
            if turn % 8 == 0:
                with versioning.transaction() as tx:
                    if turn:
                        delete_repo(tx, repo, force=True)
                    create_repo(tx, repo)
                expected = {}
            files = {f"/{turn % 5}": b"%d" % (turn % 3) * 700, "/shared": b"s" * (turn % 4 * 500)}
            with versioning.writes.short():
                writer = versioning.file_sets.edit()
                for path, data in files.items():
                    writer.delete(path)
                    writer.add(path, data)
                versioning.write_layer(branch, writer.finish())
            expected |= files
        assert BranchKey(repo, "master").repo == repo
        _, found = versioning.open_files(branch)
        assert {row.path: b"".join(found.read(row)) for row in found.files("/")} == expected
        return expected

    with ThreadPoolExecutor(5) as pool:
        passes = pool.submit(collect)
        writers = [pool.submit(write, worker) for worker in range(4)]
        try:
            results = [writer.result() for writer in writers]
        finally:
            stop.set()

    assert passes.result() > 0
    assert all(results)
    assert _sound(versioning)
    for _ in range(5):
        _collect(versioning)
    assert _keys(versioning) == _needed(versioning)


@pytest.mark.parametrize("passes", [0, 1, 2])
def test_a_remembered_directory_is_whole_whatever_became_of_its_packs(
    versioning: Versioning, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, passes: int
) -> None:
    """Its files are not read again while their packs are used, and are once those are condemned or gone."""
    monkeypatch.setattr(sources, "_TIME_GRAIN_NANOSECONDS", -(10**12))
    source = tmp_path / "source"
    source.mkdir()
    for name in ("a", "b"):
        (source / name).write_bytes(name.encode() * 5000)

    def put_directory() -> CommitReference:
        with versioning.writes.short():
            writer = versioning.file_sets.edit()
            writer.add_tree("/", str(source), replace=True)
            return CommitReference(REPO, id=versioning.write_layer(MASTER, writer.finish()).id)

    dropped = put_directory()
    with versioning.transaction() as tx:
        drop_commit(tx, dropped, versioning.listeners)
    for _ in range(passes):
        _collect(versioning)

    put_directory()
    for _ in range(2):
        _collect(versioning)

    assert _files(versioning) == {"/a": b"a" * 5000, "/b": b"b" * 5000}
    assert _sound(versioning)


def _drop(versioning: Versioning, reference: CommitReference) -> None:
    with versioning.transaction() as tx:
        drop_commit(tx, reference, versioning.listeners)


def test_what_a_job_enters_late_does_not_lie_in_the_index_once_its_pack_is_gone(versioning, tmp_path) -> None:
    """A worker stores a pack, a pass condemns it, the job keeps it, what names it goes: the content is put again."""

    class LateIndex(DatabaseChunkIndex):
        def record(self, refs) -> None:
            pass

    worker = FileSets(versioning.file_sets.chunks.objects, LateIndex(versioning.db)).edit()
    with versioning.writes.long():
        worker.add("/a", b"same" * 2000)
        layer = worker.finish()
        _collect(versioning)
        with versioning.transaction() as tx:
            chunks.insert_chunks(tx.connection, worker.new_refs)
            kept = create_file_set(tx, [layer], ttl_seconds=1000)
    with versioning.transaction() as tx:
        tx.connection.exec_driver_sql(f"DELETE FROM file_sets WHERE id = '{kept}'")
    for _ in range(3):
        _collect(versioning)

    _put(versioning, {"/a": b"same" * 2000})

    assert _files(versioning) == {"/a": b"same" * 2000}
    assert _sound(versioning)


def test_files_that_are_no_objects_stay_and_keep_nothing_else(versioning, tmp_path, caplog) -> None:
    foreign = [
        tmp_path / "objects" / name for name in ("packs/README", "packs/ab/copy of x", "tables/ab/cd", "logs/a.b")
    ]
    for path in foreign:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"?")
    _drop(versioning, _put(versioning, {"/a": b"1" * 5000}))

    first, second = _collect(versioning), _collect(versioning)

    assert first.condemned_objects == second.deleted_objects > 0
    assert all(path.read_bytes() == b"?" for path in foreign)
    assert "4 files in the store are no objects" in caplog.text


@pytest.mark.parametrize("place", [-50, -1, 0])
def test_a_damaged_pack_that_nobody_uses_goes_like_any_other(versioning, tmp_path, place) -> None:
    dropped = _put(versioning, {"/a": b"1" * 5000})
    (key,) = _keys(versioning, "packs/")
    _put(versioning, {"/a": b"2" * 5000})
    data = bytearray((tmp_path / "objects" / key).read_bytes())
    data[place] ^= 1
    (tmp_path / "objects" / key).write_bytes(data)
    with versioning.transaction() as tx:
        squash_commit(tx, dropped, versioning.listeners)

    for _ in range(3):
        _collect(versioning)
    _put(versioning, {"/again": b"1" * 5000})

    assert _files(versioning) == {"/a": b"2" * 5000, "/again": b"1" * 5000}
    assert _sound(versioning)


def test_a_damaged_pack_that_is_used_keeps_no_other_from_going(versioning, tmp_path) -> None:
    _put(versioning, {"/a": b"1" * 5000})
    (key,) = _keys(versioning, "packs/")
    data = bytearray((tmp_path / "objects" / key).read_bytes())
    data[-1] ^= 1
    (tmp_path / "objects" / key).write_bytes(data)
    _drop(versioning, _put(versioning, {"/b": b"2" * 5000}))

    first, second = _collect(versioning), _collect(versioning)

    assert first.condemned_objects == second.deleted_objects > 0
    assert key in _keys(versioning)


def test_uploads_that_overlap_and_one_that_hangs_do_not_keep_garbage_for_ever(versioning) -> None:
    """What was condemned before they began goes while they are under way, and none of them waits for a pass."""
    _drop(versioning, _put(versioning, {"/a": b"1" * 5000}))
    condemned = _collect(versioning).condemned_objects
    begun, end = threading.Event(), threading.Event()

    def hang() -> None:
        with versioning.writes.short():
            begun.set()
            end.wait()

    with ThreadPoolExecutor(1) as pool:
        hanging = pool.submit(hang)
        begun.wait()
        deleted = _collect(versioning).deleted_objects
        _put(versioning, {"/b": b"2"})
        end.set()
        hanging.result()

    assert deleted == condemned > 0


class BusyStore(MemoryObjectStore):
    """A store in which others put while a pass lists and deletes."""

    meanwhile: Callable[[], object] | None = None

    def list(self, prefix: str) -> Iterator[str]:
        self._put_by_another()
        return super().list(prefix)

    def delete_unless_renewed(self, key: str, since: int) -> bool:
        self._put_by_another()
        return super().delete_unless_renewed(key, since)

    def _put_by_another(self) -> None:
        if self.meanwhile is not None:
            _in_thread(self.meanwhile)


def test_writes_go_on_while_a_pass_looks_and_deletes(tmp_path) -> None:
    db = Database(f"sqlite:///{tmp_path / 'metadata.db'}")
    store = BusyStore()
    versioning = Versioning(db, FileSets(store, DatabaseChunkIndex(db)))
    with versioning.transaction() as tx:
        create_repo(tx, REPO)
    _drop(versioning, _put(versioning, {"/a": b"1" * 5000}))
    turns = iter(range(100))
    store.meanwhile = lambda: _put(versioning, {f"/{next(turns)}": b"1" * 5000})

    done = [_collect(versioning) for _ in range(2)]
    store.meanwhile = None

    assert done[1].deleted_objects > 0
    assert set(_files(versioning).values()) == {b"1" * 5000}
    assert _sound(versioning)
    db.close()
