"""File sets: the methods of ``pfs_v2.API``, and the service ``storage.Fileset`` over the same objects."""

from collections.abc import Callable, Iterable, Iterator
from hashlib import blake2b

import grpc
from google.protobuf.empty_pb2 import Empty
from google.protobuf.wrappers_pb2 import BytesValue

from trunkline.api.wire import pfs as wire
from trunkline.errors import InvalidInputError
from trunkline.model.names import FILE_SETS_REPO
from trunkline.model.versions import CommitReference, RepoKey
from trunkline.pfs.temporary import TTL_SECONDS_DEFAULT, create_file_set, find_file_set, renew_file_set
from trunkline.pfs.versioning import Versioning
from trunkline.proto import cdr_pb2, pfs_pb2, storage_pb2, storage_pb2_grpc
from trunkline.storage.chunk import ChunkRef
from trunkline.storage.fileset import FileRow, FileSet, LayerWriter
from trunkline.storage.fileset.parts import SHARD_BYTES, SHARD_FILES, PathRange, filtered_rows, shards


class FileSetMethods:
    """What ``pfs_v2.API`` does with file sets; they are made in `trunkline.api.pfs.files`."""

    _versioning: Versioning

    def GetFileSet(
        self, request: pfs_pb2.GetFileSetRequest, context: grpc.ServicerContext
    ) -> pfs_pb2.CreateFileSetResponse:
        reference = wire.read_commit_of(request, "commit")
        is_difference = request.type == pfs_pb2.GetFileSetRequest.FileSetType.DIFF
        read = self._versioning.difference_layers if is_difference else self._versioning.total_layers
        with self._versioning.writes.short():
            layers = read(reference)
            with self._versioning.transaction() as tx:
                return pfs_pb2.CreateFileSetResponse(file_set_id=create_file_set(tx, layers))

    def AddFileSet(self, request: pfs_pb2.AddFileSetRequest, context: grpc.ServicerContext) -> Empty:
        target = wire.read_commit_of(request, "commit")
        self._versioning.check_writable(target)
        with self._versioning.writes.short():
            with self._versioning.reading() as tx:
                layers = find_file_set(tx, request.file_set_id)
            self._versioning.write_layer(target, self._versioning.file_sets.merge(layers))
        return Empty()

    def RenewFileSet(self, request: pfs_pb2.RenewFileSetRequest, context: grpc.ServicerContext) -> Empty:
        with self._versioning.transaction() as tx:
            renew_file_set(tx, request.file_set_id, ttl_seconds=request.ttl_seconds)
        return Empty()

    def ComposeFileSet(
        self, request: pfs_pb2.ComposeFileSetRequest, context: grpc.ServicerContext
    ) -> pfs_pb2.CreateFileSetResponse:
        id = _compose(  # noqa: A001 - the field's word
            self._versioning, request.file_set_ids, ttl_seconds=request.ttl_seconds, compact=request.compact
        )
        return pfs_pb2.CreateFileSetResponse(file_set_id=id)

    def ShardFileSet(
        self, request: pfs_pb2.ShardFileSetRequest, context: grpc.ServicerContext
    ) -> pfs_pb2.ShardFileSetResponse:
        ranges = _shards(self._versioning, request.file_set_id, request.num_files, request.size_bytes)
        return pfs_pb2.ShardFileSetResponse(
            shards=[pfs_pb2.PathRange(lower=each.lower, upper=each.upper) for each in ranges]
        )


class FilesetService(storage_pb2_grpc.FilesetServicer):
    """``storage.Fileset``."""

    def __init__(self, versioning: Versioning, chunk_url: Callable[[ChunkRef], str]) -> None:
        """Take where clients get the plain bytes of a chunk over HTTP."""
        self._versioning = versioning
        self._chunk_url = chunk_url

    def CreateFileset(
        self, requests: Iterator[storage_pb2.CreateFilesetRequest], context: grpc.ServicerContext
    ) -> storage_pb2.CreateFilesetResponse:
        with self._versioning.writes.short():
            layer = self._write_layer(requests, context)
            with self._versioning.transaction() as tx:
                return storage_pb2.CreateFilesetResponse(fileset_id=create_file_set(tx, [layer]))

    def _write_layer(self, requests: Iterator[storage_pb2.CreateFilesetRequest], context: grpc.ServicerContext) -> str:
        writer = self._versioning.file_sets.edit()
        try:
            for request in requests:
                self._apply(writer, request)
            if not context.is_active():
                raise InvalidInputError("the stream was cut: nothing of it was kept")
            return writer.finish()
        except BaseException:
            writer.abort()
            raise

    def _apply(self, writer: LayerWriter, request: storage_pb2.CreateFilesetRequest) -> None:
        match request.WhichOneof("modification"):
            case "append_file":
                writer.add(request.append_file.path, request.append_file.data.value)
            case "delete_file":
                writer.delete(request.delete_file.path)
            case "copy_file":
                copy = request.copy_file
                files = _open(self._versioning, copy.fileset_id)
                info = files.info(copy.src)
                if info is not None:
                    writer.copy(copy.dst or copy.src, files.files(info.path), src=info.path)
            case _:
                raise InvalidInputError("a message of the stream says neither what to append, to delete nor to copy")

    def ReadFileset(
        self, request: storage_pb2.ReadFilesetRequest, context: grpc.ServicerContext
    ) -> Iterator[storage_pb2.ReadFilesetResponse]:
        files = _open(self._versioning, request.fileset_id)
        for row in _filtered(files, request):
            pieces = iter(()) if request.empty_files else files.read(row)
            yield storage_pb2.ReadFilesetResponse(path=row.path, data=BytesValue(value=next(pieces, b"")))
            for piece in pieces:
                yield storage_pb2.ReadFilesetResponse(path=row.path, data=BytesValue(value=piece))

    def ReadFilesetCDR(
        self, request: storage_pb2.ReadFilesetRequest, context: grpc.ServicerContext
    ) -> Iterator[storage_pb2.ReadFilesetCDRResponse]:
        """Answer with where the chunks of each file are, and with the hash that the field checks them by."""
        files = _open(self._versioning, request.fileset_id)
        for row in _filtered(files, request):
            pieces = cdr_pb2.Concat(refs=[self._reference(ref) for ref in row.refs])
            yield storage_pb2.ReadFilesetCDRResponse(path=row.path, ref=cdr_pb2.Ref(concat=pieces))

    def _reference(self, ref: ChunkRef) -> cdr_pb2.Ref:
        # Chunks have another hash of their own, so they are read for this one.
        digest = blake2b(self._versioning.file_sets.chunks.read(ref), digest_size=32).digest()
        http = cdr_pb2.Ref(http=cdr_pb2.HTTP(url=self._chunk_url(ref)))
        content = cdr_pb2.ContentHash(inner=http, algo=cdr_pb2.HashAlgo.BLAKE2b_256, hash=digest)
        piece = cdr_pb2.Slice(inner=cdr_pb2.Ref(content_hash=content), start=0, end=ref.length)
        return cdr_pb2.Ref(slice=piece)

    def RenewFileset(self, request: storage_pb2.RenewFilesetRequest, context: grpc.ServicerContext) -> Empty:
        with self._versioning.transaction() as tx:
            renew_file_set(tx, request.fileset_id, ttl_seconds=request.ttl_seconds)
        return Empty()

    def ComposeFileset(
        self, request: storage_pb2.ComposeFilesetRequest, context: grpc.ServicerContext
    ) -> storage_pb2.ComposeFilesetResponse:
        id = _compose(self._versioning, request.fileset_ids, ttl_seconds=request.ttl_seconds)  # noqa: A001
        return storage_pb2.ComposeFilesetResponse(fileset_id=id)

    def ShardFileset(
        self, request: storage_pb2.ShardFilesetRequest, context: grpc.ServicerContext
    ) -> storage_pb2.ShardFilesetResponse:
        ranges = _shards(self._versioning, request.fileset_id, request.num_files, request.size_bytes)
        return storage_pb2.ShardFilesetResponse(
            shards=[storage_pb2.PathRange(lower=each.lower, upper=each.upper) for each in ranges]
        )


def _filtered(files: FileSet, request: storage_pb2.ReadFilesetRequest) -> Iterator[FileRow]:
    kinds = [(each.WhichOneof("filter"), each) for each in request.filters]
    ranges = [PathRange(each.path_range.lower, each.path_range.upper) for kind, each in kinds if kind == "path_range"]
    return filtered_rows(files, ranges, [each.path_regex for kind, each in kinds if kind == "path_regex"])


def _compose(
    versioning: Versioning,
    ids: Iterable[str],
    *,
    ttl_seconds: int,
    compact: bool = False,
) -> str:
    """Put file sets over each other, the first at the bottom; return the id of the result."""
    with versioning.writes.short():
        with versioning.reading() as tx:
            layers = [layer for each in ids for layer in find_file_set(tx, each)]
        if compact:
            layers = [versioning.file_sets.merge(layers)]
        with versioning.transaction() as tx:
            return create_file_set(tx, layers, ttl_seconds=ttl_seconds or TTL_SECONDS_DEFAULT)


def _open(versioning: Versioning, id: str) -> FileSet:  # noqa: A002 - the field's word
    _, files = versioning.open_files(CommitReference(RepoKey("", FILE_SETS_REPO), id=id))
    return files


def _shards(versioning: Versioning, id: str, file_count: int, size_bytes: int) -> list[PathRange]:  # noqa: A002
    return shards(_open(versioning, id), file_count=file_count or SHARD_FILES, size_bytes=size_bytes or SHARD_BYTES)
