"""Edits of metadata through the door."""

import grpc
import pytest

from trunkline.proto import metadata_pb2, pfs_pb2
from trunkline.testing.doors import Story


def test_an_edit_of_what_is_not_there_is_unknown_and_undoes_those_before_it(story: Story) -> None:
    key = metadata_pb2.Edit.EditKey(key="owner", value="ada")
    edits = [
        metadata_pb2.Edit(repo=pfs_pb2.RepoPicker(name=pfs_pb2.RepoPicker.RepoName(name=name)), edit_key=key)
        for name in ("in", "absent")
    ]

    with pytest.raises(grpc.RpcError) as refused:
        story.metadata.EditMetadata(metadata_pb2.EditMetadataRequest(edits=edits))

    assert refused.value.code() == grpc.StatusCode.UNKNOWN  # type: ignore[attr-defined]
    words = refused.value.details()  # type: ignore[attr-defined]
    assert words.startswith("edit 2 of 2: repo: ")
    assert words.endswith("repo default/absent not found")
    info = story.pfs.InspectRepo(pfs_pb2.InspectRepoRequest(repo=pfs_pb2.Repo(name="in")))
    assert not info.metadata
