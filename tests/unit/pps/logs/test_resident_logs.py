"""Lines of long-running processes: durable in pieces, packed, bounded, followed by number."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from trunkline.db.engine import Database
from trunkline.objects import ObjectStore, open_object_store
from trunkline.pfs.chunk_index import DatabaseChunkIndex
from trunkline.pfs.garbage import Garbage
from trunkline.pfs.versioning import Versioning
from trunkline.pps.jobs.moves import JobMaker
from trunkline.pps.logs.resident_logs import ResidentLogs
from trunkline.pps.queries import pipelines, residents
from trunkline.storage.fileset import FileSets


@pytest.fixture
def objects() -> ObjectStore:
    return open_object_store("memory://")


@pytest.fixture
def versioning(tmp_path: Path, objects: ObjectStore) -> Iterator[Versioning]:
    db = Database(f"sqlite:///{tmp_path / 'metadata.db'}")
    yield Versioning(db, FileSets(objects, DatabaseChunkIndex(db)))
    db.close()


@pytest.fixture
def pipeline(versioning: Versioning) -> int:
    """The key of a pipeline."""
    with versioning.transaction() as tx:
        return pipelines.insert_pipeline(tx.connection, project="default", name="p", now=tx.now)


def record(message: object) -> str:
    return json.dumps({"ts": "2026-01-02T03:04:05.000006Z", "message": str(message), "user": True, "jobId": "spout"})


def messages(logs: ResidentLogs, pipeline: int, *, from_line: int = 0) -> list[str]:
    return [line.message for _, line in logs.read(pipeline, from_line=from_line)]


def keys(objects: ObjectStore) -> list[str]:
    return list(objects.list("logs/"))


def test_lines_are_read_as_they_were_added_in_pieces_and_in_objects(
    versioning: Versioning, objects: ObjectStore, pipeline: int
) -> None:
    logs = ResidentLogs(versioning, objects, loose_bytes_max=1000)
    for number in range(50):
        logs.add(pipeline, [record(number), record(f"{number}!")])

    expected = [text for number in range(50) for text in (f"{number}", f"{number}!")]
    assert messages(logs, pipeline) == expected
    assert len(keys(objects)) == 8
    with versioning.reading() as tx:
        assert len(residents.loose_pieces(tx.connection, pipeline)) == 50 - 8 * 6


def test_a_follower_goes_on_where_it_was_whatever_was_packed_meanwhile(
    versioning: Versioning, objects: ObjectStore, pipeline: int
) -> None:
    logs = ResidentLogs(versioning, objects, loose_bytes_max=1000)
    logs.add(pipeline, [record(1), record(2)])
    seen = [number for number, _ in logs.read(pipeline)]

    for number in range(3, 20):
        logs.add(pipeline, [record(number)])

    assert seen == [0, 1]
    assert keys(objects)
    assert messages(logs, pipeline, from_line=seen[-1] + 1) == [str(number) for number in range(3, 20)]


def test_the_oldest_lines_go_when_there_are_too_many(
    versioning: Versioning, objects: ObjectStore, pipeline: int
) -> None:
    logs = ResidentLogs(versioning, objects, loose_bytes_max=1000, kept_bytes_max=3000)
    for number in range(200):
        logs.add(pipeline, [record(number)])

    kept = messages(logs, pipeline)
    assert kept == [str(number) for number in range(200 - len(kept), 200)]
    assert 20 <= len(kept) <= 50
    assert len(keys(objects)) <= 4


def test_nothing_is_kept_for_a_pipeline_that_is_gone(versioning: Versioning, objects: ObjectStore) -> None:
    logs = ResidentLogs(versioning, objects)

    logs.add(4711, [record("late")])

    assert messages(logs, 4711) == []


def test_packed_lines_are_no_garbage_until_their_pipeline_goes(
    versioning: Versioning, objects: ObjectStore, pipeline: int
) -> None:
    versioning.listeners.append(JobMaker())
    garbage = Garbage(versioning)
    logs = ResidentLogs(versioning, objects, loose_bytes_max=1000)
    logs.add(pipeline, [record(number) for number in range(50)])
    before = keys(objects)

    for _ in range(3):
        garbage.collect(grace_seconds=0)

    assert before == keys(objects) != []
    with versioning.transaction() as tx:
        residents.delete_logs(tx.connection, pipeline)
    for _ in range(3):
        garbage.collect(grace_seconds=0)
    assert keys(objects) == []
