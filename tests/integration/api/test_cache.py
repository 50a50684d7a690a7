"""The cache for clients: values of any type, tags, and file sets that live as long as what speaks of them."""

import grpc
import pytest
from google.protobuf.any_pb2 import Any
from google.protobuf.wrappers_pb2 import Int64Value, StringValue

from trunkline.pfs.garbage import Garbage
from trunkline.pfs.queries import file_sets
from trunkline.proto.pfs_pb2 import ClearCacheRequest, GetCacheRequest, PutCacheRequest
from trunkline.testing.doors import Story, add, in_file_set


def put(story: Story, key: str, value: StringValue | Int64Value, *file_set_ids: str, tag: str = "") -> None:
    packed = Any()
    packed.Pack(value)
    story.pfs.PutCache(PutCacheRequest(key=key, value=packed, file_set_ids=file_set_ids, tag=tag))


def get(story: Story, key: str) -> str | None:
    """Return the text under a key; None if there is no such key."""
    value = StringValue()
    try:
        answer = story.pfs.GetCache(GetCacheRequest(key=key))
    except grpc.RpcError as error:
        if (error.code(), error.details()) != (grpc.StatusCode.NOT_FOUND, f"cache key {key!r} not found"):  # type: ignore[attr-defined]
            raise
        return None
    assert answer.value.Unpack(value)
    return value.value


def expire(story: Story, file_set: str) -> None:
    """Let the time of a file set run out."""
    with story.versioning.transaction() as tx:
        file_sets.update_expiry(tx.connection, file_set.partition(".")[0], tx.now - 1)


def collect(story: Story) -> None:
    for _ in range(3):
        Garbage(story.versioning).collect(grace_seconds=0)


def test_a_value_comes_back_as_it_was_and_is_replaced_by_the_next(story: Story) -> None:
    assert get(story, "k") is None

    put(story, "k", Int64Value(value=7))
    value = Int64Value()
    assert story.pfs.GetCache(GetCacheRequest(key="k")).value.Unpack(value)
    assert value.value == 7

    put(story, "k", StringValue(value="text"))
    assert get(story, "k") == "text"
    assert get(story, "K") is None


def test_tags_are_cleared_by_their_beginning(story: Story) -> None:
    for tag in ("", "job", "job-1", "Job-2", "other", "j%"):
        put(story, f"of {tag}", StringValue(value="v"), tag=tag)

    story.pfs.ClearCache(ClearCacheRequest(tag_prefix="job"))
    left = [tag for tag in ("", "job", "job-1", "Job-2", "other", "j%") if get(story, f"of {tag}")]
    assert left == ["", "Job-2", "other", "j%"]

    story.pfs.ClearCache(ClearCacheRequest())
    assert not any(get(story, f"of {tag}") for tag in left)


def test_a_file_set_lives_as_long_as_an_entry_needs_it(story: Story) -> None:
    needed, other = (story.file_set(add("/a", name * 1000)) for name in ("needed", "other"))
    put(story, "first", StringValue(value=needed), needed, needed)
    put(story, "second", StringValue(value=needed), needed)
    for each in (needed, other):
        expire(story, each)

    collect(story)

    assert story.read(in_file_set(needed)) == {"/a": "needed" * 1000}
    with pytest.raises(grpc.RpcError, match="not found"):
        story.read(in_file_set(other))

    put(story, "first", StringValue(value="without"))
    collect(story)
    assert story.read(in_file_set(needed)) == {"/a": "needed" * 1000}

    story.pfs.ClearCache(ClearCacheRequest())
    collect(story)
    with pytest.raises(grpc.RpcError, match="not found"):
        story.read(in_file_set(needed))


def test_an_entry_without_a_key_or_of_a_file_set_that_is_gone_is_refused(story: Story) -> None:
    gone = story.file_set(add("/a", "1"))
    expire(story, gone)

    for key, ids, code in (("", (), grpc.StatusCode.INVALID_ARGUMENT), ("k", (gone,), grpc.StatusCode.NOT_FOUND)):
        with pytest.raises(grpc.RpcError) as refused:
            put(story, key, StringValue(value="v"), *ids)
        assert refused.value.code() == code  # type: ignore[attr-defined]
    assert get(story, "k") is None
