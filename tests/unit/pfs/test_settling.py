"""What cannot be settled now is settled later, and keeps nobody waiting; what is damaged keeps nothing else from it."""

import errno
import os
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from pfs_story import at, branch, head, make_repos, put, read

from trunkline.db.engine import Database
from trunkline.errors import CorruptDataError, UnavailableError, UnfinishedError
from trunkline.model.ids import new_id
from trunkline.model.jobs import CommitState, OriginKind
from trunkline.objects import open_object_store
from trunkline.objects.memory import MemoryObjectStore
from trunkline.pfs.checks.fsck import check_versions, repair_versions
from trunkline.pfs.chunk_index import DatabaseChunkIndex
from trunkline.pfs.history.commits import finish_commit, start_commit
from trunkline.pfs.history.good_ancestors import CommitFailedError
from trunkline.pfs.queries import commits
from trunkline.pfs.versioning import Versioning
from trunkline.storage.fileset import FileSets
from trunkline.supervision import Supervisor

NO_SPACE = r"No space left on device"


class SmallDisk(MemoryObjectStore):
    """Keeps objects as long as there is space."""

    is_full = False
    refused = 0

    def put(self, key: str, data: bytes | memoryview) -> None:
        if self.is_full:
            self.refused += 1
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        super().put(key, data)


class Machine:
    """Versioning on a disk that can be full, with a clock that is told the time."""

    def __init__(self, directory: Path) -> None:
        self.seconds = 0.0
        self.disk = SmallDisk()
        self.db = Database(f"sqlite:///{directory / 'metadata.db'}")
        self.supervisor = Supervisor(monotonic=lambda: self.seconds)
        self.versioning = Versioning(self.db, FileSets(self.disk, DatabaseChunkIndex(self.db)), self.supervisor)
        make_repos(self.versioning, "in")

    def later(self) -> None:
        """Let time pass until all is tried again, and try it."""
        self.seconds += 3600
        self.versioning.settling.try_again()


@pytest.fixture
def machine(tmp_path: Path) -> Iterator[Machine]:
    made = Machine(tmp_path)
    yield made
    made.db.close()


def write(versioning: Versioning, files: dict[str, str]) -> None:
    """Open a commit and write files to it."""
    with versioning.transaction() as tx:
        start_commit(tx, branch("in"))
    put(versioning, "in", files)


def close(versioning: Versioning) -> None:
    with versioning.transaction() as tx:
        finish_commit(tx, commits.commits_of_set(tx.connection, head(versioning, "in").commit.id)[0])


def test_a_put_that_a_full_disk_cannot_make_readable_is_taken_back(machine: Machine) -> None:
    versioning = machine.versioning
    put(versioning, "in", {"/a": "1"})
    before = head(versioning, "in").commit
    writer = versioning.file_sets.edit()
    writer.add("/b", b"2")
    layer = writer.finish()

    machine.disk.is_full = True
    with pytest.raises(UnavailableError, match=f"{NO_SPACE}: nothing was put"):
        versioning.write_layer(at("in"), layer)

    assert head(versioning, "in").commit == before
    machine.disk.is_full = False
    versioning.write_layer(at("in"), layer)
    assert read(versioning, "in") == {"/a": "1", "/b": "2"}


def test_a_commit_that_a_full_disk_cannot_make_readable_is_settled_when_there_is_space(machine: Machine) -> None:
    """Its reader is told at once, and so is who asks for what is wrong; the one on top of it waits with it."""
    versioning = machine.versioning
    write(versioning, {"/a": "1"})
    machine.disk.is_full = True
    close(versioning)
    machine.disk.is_full = False
    write(versioning, {"/b": "2"})
    machine.disk.is_full = True
    close(versioning)

    for reference in ("in@master", "in@master^"):
        with pytest.raises(UnavailableError, match=NO_SPACE):
            read(versioning, reference)
        with pytest.raises(UnavailableError, match=NO_SPACE):
            versioning.wait(at(reference), CommitState.FINISHED)
    problems = list(check_versions(versioning))
    assert len(problems) == 2
    assert all("cannot be made readable, and is tried again" in problem for problem in problems)
    machine.later()
    assert machine.supervisor.troubles()[0].is_vital

    machine.disk.is_full = False
    machine.later()

    assert read(versioning, "in@master") == {"/a": "1", "/b": "2"}
    assert read(versioning, "in@master^") == {"/a": "1"}
    assert list(check_versions(versioning)) == []
    machine.later()
    assert machine.supervisor.troubles() == []


def test_what_cannot_be_settled_is_left_alone_for_a_while(machine: Machine) -> None:
    versioning = machine.versioning
    write(versioning, {"/a": "1"})
    machine.disk.is_full = True
    close(versioning)
    refused = machine.disk.refused

    for _ in range(10):
        versioning.settling.settle_all()
        versioning.settling.try_again()
    assert machine.disk.refused == refused
    machine.later()
    assert machine.disk.refused == refused + 1


def test_a_commit_that_cannot_be_settled_may_be_dropped(machine: Machine) -> None:
    versioning = machine.versioning
    write(versioning, {"/a": "1"})
    machine.disk.is_full = True
    close(versioning)

    with versioning.transaction() as tx:
        commits.delete_commits(tx.connection, [head(versioning, "in").key])
    machine.later()

    assert machine.supervisor.troubles() == []


def test_a_reader_does_not_wait_for_what_somebody_still_writes(machine: Machine) -> None:
    """A closed commit on an open one: only computed branches have those."""
    versioning = machine.versioning
    write(versioning, {"/a": "1"})
    below = head(versioning, "in")
    with versioning.transaction() as tx:
        commits.insert_commit(
            tx.connection,
            repo_key=below.repo_key,
            id=tx.id,
            branch_name="master",
            origin=OriginKind.AUTO,
            parent=below.key,
            now=tx.now,
        )
        finish_commit(tx, commits.commits_of_set(tx.connection, tx.id)[0])
        id = tx.id  # noqa: A001 - the field's word

    with pytest.raises(UnfinishedError, match="unfinished"):
        read(versioning, f"in@{id}")
    close(versioning)
    assert read(versioning, f"in@{id}") == {"/a": "1"}


def test_a_history_of_failed_commits_is_as_long_as_it_likes(machine: Machine) -> None:
    """Longer than functions of Python may be nested."""
    versioning = machine.versioning
    write(versioning, {"/a": "1"})
    last = first = head(versioning, "in")
    with versioning.db.write() as connection:
        for number in range(sys.getrecursionlimit() + 200):
            last = commits.insert_commit(
                connection,
                repo_key=first.repo_key,
                id=new_id(),
                branch_name="master",
                origin=OriginKind.USER,
                parent=last.key,
                now=number,
            )
            commits.update_commit(
                connection, last.key, finishing_at=number, finished_at=number, root="", error="made to fail"
            )
        commits.update_commit(connection, last.key, finished_at=None, error="")

    close(versioning)

    assert read(versioning, f"in@{last.commit.id}") == {"/a": "1"}


# Damage


class Files:
    """Versioning over files, of which a byte can be changed."""

    def __init__(self, directory: Path) -> None:
        self.objects = directory / "objects"
        self.db = Database(f"sqlite:///{directory / 'metadata.db'}")
        self.versioning = self.open()
        make_repos(self.versioning, "in")

    def open(self) -> Versioning:
        """Return versioning as a server that starts sees it: with nothing in memory."""
        return Versioning(self.db, FileSets(open_object_store(f"file://{self.objects}"), DatabaseChunkIndex(self.db)))

    def tables(self) -> set[Path]:
        """Return the files of tables."""
        return {path for path in (self.objects / "tables").rglob("*") if path.is_file()}


@pytest.fixture
def files(tmp_path: Path) -> Iterator[Files]:
    made = Files(tmp_path)
    yield made
    made.db.close()


def flip(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.chmod(0o600)
    path.write_bytes(content)


def close_unsettled(files: Files) -> None:
    """Close the head as a server that is killed does, before it can settle it."""
    with files.db.write() as connection:
        commits.update_commit(connection, head(files.versioning, "in").key, finishing_at=1)


def test_a_damaged_layer_of_a_closed_commit_fails_that_commit_and_nothing_else(files: Files) -> None:
    put(files.versioning, "in", {"/a": "1"})
    before = files.tables()
    write(files.versioning, {"/b": "2"})
    layers = files.tables() - before
    close_unsettled(files)
    for path in layers:
        flip(path)

    versioning = files.open()
    versioning.settling.settle_all()

    failed = head(versioning, "in")
    assert failed.finished_at is not None
    assert failed.error.startswith("what was written to it, or what it lies on, is damaged: ")
    with pytest.raises(CommitFailedError, match=r"finished with an error: .* is damaged"):
        read(versioning, "in")
    assert read(versioning, "in@master^") == {"/a": "1"}
    assert any(failed.commit.id in problem for problem in check_versions(versioning))
    put(versioning, "in", {"/c": "3"})
    assert read(versioning, "in") == {"/a": "1", "/c": "3"}

    for path in layers:  # as when they are brought back from a copy
        flip(path)
    versioning = files.open()
    assert any("made its file set again" in fix for fix in repair_versions(versioning))
    assert read(versioning, f"in@{failed.commit.id}") == {"/a": "1", "/b": "2"}
    assert list(check_versions(versioning)) == []


def test_a_put_on_damaged_files_says_so_and_is_taken_back(files: Files) -> None:
    put(files.versioning, "in", {"/a": "1"})
    before = head(files.versioning, "in").commit
    for path in files.tables():
        flip(path)

    with pytest.raises(CorruptDataError, match=r"is damaged: .*: nothing was put"):
        put(files.open(), "in", {"/b": "2"})

    assert head(files.versioning, "in").commit == before
