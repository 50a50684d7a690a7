"""File sets through both of their services."""

import hashlib
import random
import urllib.error
import urllib.request

import grpc
import pytest
from google.protobuf.wrappers_pb2 import BytesValue

from trunkline.pfs.temporary import create_file_set
from trunkline.proto import cdr_pb2, pfs_pb2, storage_pb2
from trunkline.proto.pfs_pb2 import GetFileSetRequest
from trunkline.testing.doors import Story, add, at, copy, delete, in_file_set

TOTAL, DIFF = GetFileSetRequest.FileSetType.TOTAL, GetFileSetRequest.FileSetType.DIFF


def two_commits(story: Story) -> None:
    story.put(at("in"), add("/kept", "1"), add("/gone", "1"), add("/grown", "1"))
    story.put(at("in"), delete("/gone"), add("/grown", "2"), add("/new", "3"))


def get_file_set(story: Story, kind: GetFileSetRequest.FileSetType) -> str:
    return story.pfs.GetFileSet(GetFileSetRequest(commit=at("in"), type=kind)).file_set_id


def test_the_total_of_a_commit_has_all_its_files(story: Story) -> None:
    two_commits(story)

    assert story.read(in_file_set(get_file_set(story, TOTAL))) == {"/kept": "1", "/grown": "12", "/new": "3"}


def test_the_difference_of_a_commit_turns_its_parent_into_it(story: Story) -> None:
    two_commits(story)
    difference = get_file_set(story, DIFF)
    assert story.read(in_file_set(difference)) == {"/grown": "12", "/new": "3"}
    story.put(at("in@fork"), add("/kept", "1"), add("/gone", "1"), add("/grown", "1"))

    story.pfs.AddFileSet(pfs_pb2.AddFileSetRequest(commit=at("in@fork"), file_set_id=difference))

    assert story.read(at("in@fork")) == story.read(at("in@master"))


def test_the_difference_of_an_open_commit_is_what_was_written_so_far(story: Story) -> None:
    two_commits(story)
    open_commit = story.start()
    story.put(open_commit, add("/more", "4"))

    file_set = story.pfs.GetFileSet(GetFileSetRequest(commit=open_commit, type=DIFF)).file_set_id

    assert story.read(in_file_set(file_set)) == {"/more": "4"}


def test_a_file_set_is_added_to_an_open_commit_but_not_to_a_finished_one(story: Story) -> None:
    file_set = story.file_set(add("/a", "1"))
    commit = story.start()
    request = pfs_pb2.AddFileSetRequest(commit=commit, file_set_id=file_set)

    story.pfs.AddFileSet(request)
    story.finish(commit)

    assert story.read(commit) == {"/a": "1"}
    with pytest.raises(grpc.RpcError, match="has already finished"):
        story.pfs.AddFileSet(request)


@pytest.mark.parametrize("compact", [False, True])
def test_composed_file_sets_lie_over_each_other(story: Story, compact: bool) -> None:
    lower = story.file_set(add("/a", "1"), add("/b", "1"))
    upper = story.file_set(delete("/a"), add("/a", "2"), add("/b", "2"))
    request = pfs_pb2.ComposeFileSetRequest(file_set_ids=[lower, upper], ttl_seconds=60, compact=compact)

    composed = story.pfs.ComposeFileSet(request).file_set_id

    assert story.read(in_file_set(composed)) == {"/a": "2", "/b": "12"}


def test_every_reading_method_reads_file_sets(story: Story) -> None:
    commit = in_file_set(story.file_set(add("/d/a", "1"), add("/b", "23")))
    file = pfs_pb2.File(commit=commit, path="/d/a")

    inspected = story.pfs.InspectFile(pfs_pb2.InspectFileRequest(file=file))
    listed = story.pfs.ListFile(pfs_pb2.ListFileRequest(file=pfs_pb2.File(commit=commit, path="/")))
    globbed = story.pfs.GlobFile(pfs_pb2.GlobFileRequest(commit=commit, pattern="/d/*"))
    older = pfs_pb2.File(commit=in_file_set(story.file_set(add("/b", "23"))), path="/")
    newer = pfs_pb2.File(commit=commit, path="/")
    differing = story.pfs.DiffFile(pfs_pb2.DiffFileRequest(new_file=newer, old_file=older))
    tar = b"".join(piece.value for piece in story.pfs.GetFileTAR(pfs_pb2.GetFileRequest(file=newer)))
    assert (inspected.size_bytes, inspected.file.commit.id) == (1, commit.id)
    assert [info.file.path for info in listed] == ["/b", "/d/"]
    assert [info.file.path for info in globbed] == ["/d/a"]
    assert [pair.new_file.file.path for pair in differing] == ["/", "/d/", "/d/a"]
    assert b"/d/a" in tar
    assert story.info(commit).HasField("finished")
    story.put(at("in"), copy(commit, "/d", "/copied"))
    assert story.read(at("in")) == {"/copied/a": "1"}


def test_file_sets_expire_and_renewing_is_bounded(story: Story) -> None:
    with story.versioning.transaction() as tx:
        tx.now -= 3_600_000_000
        expired = create_file_set(tx, [])
    current = story.file_set(add("/a", "1"))

    story.pfs.RenewFileSet(pfs_pb2.RenewFileSetRequest(file_set_id=current, ttl_seconds=1800))
    for id, ttl_seconds, phrase in (  # noqa: A001 - the field's word
        (expired, 60, "not found"),
        (current, 0, "must be at least one second"),
        (current, 1801, "exceeds max ttl"),
    ):
        with pytest.raises(grpc.RpcError, match=phrase):
            story.pfs.RenewFileSet(pfs_pb2.RenewFileSetRequest(file_set_id=id, ttl_seconds=ttl_seconds))
    with pytest.raises(grpc.RpcError, match="not found"):
        story.read(in_file_set(expired))


def test_shards_cover_everything_and_end_where_they_are_full(story: Story) -> None:
    file_set = story.file_set(*(add(f"/{name}", "12345") for name in "abcdef"))

    def shard(**limits: int) -> list[tuple[str, str]]:
        request = pfs_pb2.ShardFileSetRequest(file_set_id=file_set, **limits)
        return [(each.lower, each.upper) for each in story.pfs.ShardFileSet(request).shards]

    assert shard() == [("", "")]
    assert shard(num_files=4) == [("", "/e"), ("/e", "")]
    assert shard(size_bytes=10) == [("", "/c"), ("/c", "/e"), ("/e", "")]


def test_the_storage_service_makes_reads_composes_and_shards_the_same_file_sets(story: Story) -> None:
    large = bytes(range(256)) * 40_000
    requests = [
        storage_pb2.CreateFilesetRequest(append_file=storage_pb2.AppendFile(path=path, data=BytesValue(value=data)))
        for path, data in (
            ("/a.txt", b"1"),
            ("/b.txt", b"2"),
            ("/c.bin", large[:5_000_000]),
            ("/c.bin", large[5_000_000:]),
        )
    ]
    requests.append(storage_pb2.CreateFilesetRequest(delete_file=storage_pb2.DeleteFile(path="/b.txt")))
    first = story.storage.CreateFileset(iter(requests)).fileset_id
    copied = storage_pb2.CopyFile(fileset_id=first, src="/a.txt", dst="/d.txt")
    second = story.storage.CreateFileset(iter([storage_pb2.CreateFilesetRequest(copy_file=copied)])).fileset_id
    composed = story.storage.ComposeFileset(
        storage_pb2.ComposeFilesetRequest(fileset_ids=[first, second], ttl_seconds=60)
    ).fileset_id

    def read(*filters: storage_pb2.FileFilter, empty_files: bool = False) -> dict[str, bytes]:
        request = storage_pb2.ReadFilesetRequest(fileset_id=composed, filters=filters, empty_files=empty_files)
        found: dict[str, bytes] = {}
        for message in story.storage.ReadFileset(request):
            found[message.path] = found.get(message.path, b"") + message.data.value
        return found

    assert read() == {"/a.txt": b"1", "/c.bin": large, "/d.txt": b"1"}
    assert read(empty_files=True) == {"/a.txt": b"", "/c.bin": b"", "/d.txt": b""}
    assert list(read(storage_pb2.FileFilter(path_regex=r"txt$"))) == ["/a.txt", "/d.txt"]
    after_a = storage_pb2.FileFilter(path_range=storage_pb2.PathRange(lower="/b", upper="/d"))
    assert list(read(after_a)) == ["/c.bin"]
    with pytest.raises(grpc.RpcError, match="is no regular expression"):
        read(storage_pb2.FileFilter(path_regex="("))
    shards = story.storage.ShardFileset(storage_pb2.ShardFilesetRequest(fileset_id=composed, num_files=2)).shards
    assert [(each.lower, each.upper) for each in shards] == [("", "/d.txt"), ("/d.txt", "")]
    story.storage.RenewFileset(storage_pb2.RenewFilesetRequest(fileset_id=composed, ttl_seconds=60))
    assert story.read(in_file_set(second)) == {"/d.txt": "1"}


def test_clients_put_files_together_from_chunks_that_they_get_over_http(story: Story) -> None:
    large = random.Random(1).randbytes(9_000_000)
    file_set = story.file_set(add("/empty", ""), add("/large", large), add("/small", "1"))

    def resolve(ref: cdr_pb2.Ref) -> bytes:
        match ref.WhichOneof("body"):
            case "concat":
                return b"".join(map(resolve, ref.concat.refs))
            case "slice":
                return resolve(ref.slice.inner)[ref.slice.start : ref.slice.end]
            case "content_hash":
                content = resolve(ref.content_hash.inner)
                assert hashlib.blake2b(content, digest_size=32).digest() == ref.content_hash.hash
                return content
            case _:
                with urllib.request.urlopen(ref.http.url) as response:
                    return bytes(response.read())

    request = storage_pb2.ReadFilesetRequest(fileset_id=file_set)
    refs = {message.path: message.ref for message in story.storage.ReadFilesetCDR(request)}
    assert len(refs["/large"].concat.refs) > 1
    assert {path: resolve(ref) for path, ref in refs.items()} == {"/empty": b"", "/large": large, "/small": b"1"}
    url = refs["/small"].concat.refs[0].slice.inner.content_hash.inner.http.url
    base, _, token = url.rpartition("/")
    for wrong in (token[:-2], token[:-2] + "zz", ("1" if token[0] == "0" else "0") + token[1:]):
        with pytest.raises(urllib.error.HTTPError, match="404") as answer:
            urllib.request.urlopen(f"{base}/{wrong}")
        answer.value.close()
