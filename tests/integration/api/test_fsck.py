import json

import grpc
import pytest
from sqlalchemy import update

from trunkline.db.tables import jobs
from trunkline.model.datums import DatumState
from trunkline.pps.datums.datum_table import DatumRecord, DatumTables
from trunkline.proto import pfs_pb2, pps_pb2
from trunkline.proto.pps_pb2_grpc import APIStub as PpsStub
from trunkline.testing.doors import Story, add, at


def test_a_sound_server_reports_nothing_and_a_damaged_one_the_chunk(story: Story) -> None:
    story.put(at("in"), add("/a", "1" * 1000))
    request = pfs_pb2.CheckStorageRequest(read_chunk_data=True)

    assert not list(story.pfs.Fsck(pfs_pb2.FsckRequest()))
    assert story.pfs.CheckStorage(request).chunk_object_count == 1
    (pack,) = (path for path in (story.directory / "home" / "objects" / "packs").rglob("*") if path.is_file())
    pack.chmod(0o600)
    content = pack.read_bytes()
    pack.write_bytes(content[:5] + bytes([content[5] ^ 1]) + content[6:])

    with pytest.raises(grpc.RpcError, match=r"chunk [0-9a-f]{64}") as caught:
        story.pfs.CheckStorage(request)
    assert caught.value.code() == grpc.StatusCode.DATA_LOSS


def test_damage_that_a_reader_meets_is_told_to_who_keeps_the_server(
    story: Story, caplog: pytest.LogCaptureFixture
) -> None:
    story.put(at("in"), add("/a", "1" * 1000))
    (pack,) = (path for path in (story.directory / "home" / "objects" / "packs").rglob("*") if path.is_file())
    pack.chmod(0o600)
    content = pack.read_bytes()
    pack.write_bytes(content[:5] + bytes([content[5] ^ 1]) + content[6:])

    with pytest.raises(grpc.RpcError, match=r"chunk [0-9a-f]{64}"):
        story.read(at("in"))

    assert "/pfs_v2.API/GetFile met damage: chunk " in caplog.text


def test_a_file_of_a_datum_that_the_job_does_not_know_is_a_zombie(story: Story) -> None:
    """As if a job had forgotten to take it away: here the job forgets its datums."""
    story.put(at("in"), add("/a", "1"))
    spec = {
        "pipeline": {"name": "copy"},
        "input": {"pfs": {"repo": "in", "glob": "/*"}},
        "transform": {"cmd": ["sh"], "stdin": ["cp /pfs/in/* /pfs/out/"]},
    }
    request = pps_pb2.CreatePipelineV2Request(create_pipeline_request_json=json.dumps(spec))
    PpsStub(story.channel).CreatePipelineV2(request)
    finished = pfs_pb2.InspectCommitRequest(commit=at("copy"), wait=pfs_pb2.CommitState.FINISHED)
    story.pfs.InspectCommit(finished)
    zombies = pfs_pb2.FsckRequest(zombie_all=True)
    assert not list(story.pfs.Fsck(zombies))
    other = DatumRecord(id="0" * 64, hash="", state=DatumState.SUCCESS, job="", inputs=())

    with story.versioning.db.write() as connection:
        root = DatumTables(story.versioning.file_sets.tables).write([other])
        connection.execute(update(jobs).values(datums=root))

    (problem,) = story.pfs.Fsck(zombies)
    assert "file /a is of datum" in problem.error
