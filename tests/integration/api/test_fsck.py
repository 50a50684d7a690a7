import grpc
import pytest

from trunkline.proto import pfs_pb2
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
