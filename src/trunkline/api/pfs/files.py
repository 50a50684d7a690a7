"""The file methods of ``pfs_v2.API``: streams in, streams out."""

from collections.abc import Iterable, Iterator
from itertools import chain

import grpc
from google.protobuf.empty_pb2 import Empty
from google.protobuf.wrappers_pb2 import BytesValue

from trunkline.api.pfs.local_directory import opened_directory, write_files
from trunkline.api.pfs.tar import joined, tar_stream
from trunkline.api.wire import pfs as wire
from trunkline.api.wire.validation import check_present
from trunkline.errors import InvalidInputError, NotFoundError
from trunkline.model.globs.dialect import compile_glob
from trunkline.model.paths import clean, clean_keeping_directory
from trunkline.model.versions import CommitReference
from trunkline.objects.export import Export
from trunkline.objects.local_files import LocalFiles
from trunkline.objects.urls import local_directory, read_url
from trunkline.pfs.queries.commits import CommitRow
from trunkline.pfs.temporary import create_file_set
from trunkline.pfs.versioning import Versioning
from trunkline.proto import pfs_pb2
from trunkline.storage.fileset import FileInfo, FileRow, FileSet, LayerWriter

_MESSAGE_BYTES = 2 * 1024 * 1024
_PAGE_FILES_MAX = 100_000
_URL_CONCURRENCY_MAX = 1000
_TAG = "default"


class FileMethods:
    """What reads and writes files; `trunkline.api.pfs.service` has the rest of the service."""

    def __init__(self, versioning: Versioning) -> None:
        self._versioning = versioning

    # Writing

    def ModifyFile(self, requests: Iterator[pfs_pb2.ModifyFileRequest], context: grpc.ServicerContext) -> Empty:
        first = next(requests, None)
        if first is None or first.WhichOneof("body") != "set_commit":
            raise InvalidInputError("first message must be a commit")
        target = wire.read_commit(first.set_commit)
        with self._versioning.writes.short():
            self._versioning.check_writable(target)
            self._versioning.write_layer(target, self._write_layer(requests, context))
        return Empty()

    def CreateFileSet(
        self, requests: Iterator[pfs_pb2.ModifyFileRequest], context: grpc.ServicerContext
    ) -> pfs_pb2.CreateFileSetResponse:
        with self._versioning.writes.short():
            layer = self._write_layer(requests, context)
            with self._versioning.transaction() as tx:
                id = create_file_set(tx, [layer])  # noqa: A001 - the field's word
        return pfs_pb2.CreateFileSetResponse(file_set_id=id)

    def _write_layer(self, requests: Iterator[pfs_pb2.ModifyFileRequest], context: grpc.ServicerContext) -> str:
        writer = self._versioning.file_sets.edit()
        try:
            stream = _Pushback(requests)
            local_files = self._versioning.local_files.for_caller(context.invocation_metadata() or ())
            for request in stream:
                self._apply(writer, request, stream, local_files)
            layer = writer.finish()
            # Looked at last: the end of a stream that was cut can be seen a moment before the cut itself.
            if not context.is_active():
                raise InvalidInputError("the stream was cut: nothing of it was kept")
            return layer
        except BaseException:
            writer.abort()
            raise

    def _apply(
        self, writer: LayerWriter, request: pfs_pb2.ModifyFileRequest, stream: "_Pushback", local_files: LocalFiles
    ) -> None:
        match request.WhichOneof("body"):
            case "add_file":
                add = request.add_file
                if add.WhichOneof("source") == "url":
                    _add_from_url(writer, add, local_files)
                else:
                    writer.add(add.path, _content(add, stream), tag=add.datum or _TAG)
            case "delete_file":
                writer.delete(request.delete_file.path, tag=request.delete_file.datum or _TAG)
            case "copy_file":
                self._copy(writer, request.copy_file)
            case "set_commit":
                raise InvalidInputError("cannot set commit: only the first message of a stream may")
            case _:
                raise InvalidInputError("a message of the stream says neither what to add, to delete nor to copy")

    def _copy(self, writer: LayerWriter, copy: pfs_pb2.CopyFile) -> None:
        check_present(copy, "src")
        reference, path = wire.read_file(copy.src)
        _, files = self._versioning.open_files(reference)
        info = _find(files, path, reference)
        tag = copy.datum or _TAG
        if not copy.append:
            writer.delete(copy.dst.rstrip("/") or "/", tag=tag)
            writer.delete(copy.dst.rstrip("/") + "/", tag=tag)
        writer.copy(copy.dst, files.files(info.path), src=info.path, tag=tag)

    # Reading

    def InspectFile(self, request: pfs_pb2.InspectFileRequest, context: grpc.ServicerContext) -> pfs_pb2.FileInfo:
        reference, path = wire.read_file_of(request)
        row, files = self._versioning.open_files(reference)
        return _one(_find(files, path, reference), row, reference)

    def ListFile(self, request: pfs_pb2.ListFileRequest, context: grpc.ServicerContext) -> Iterator[pfs_pb2.FileInfo]:
        reference, path = wire.read_file_of(request)
        _check_page(request.number, reverse=request.reverse)
        row, files = self._versioning.open_files(reference)
        infos = files.list(path, after=request.paginationMarker.path, number=request.number, reverse=request.reverse)
        yield from wire.file_infos(infos, row, reference.id)

    def WalkFile(self, request: pfs_pb2.WalkFileRequest, context: grpc.ServicerContext) -> Iterator[pfs_pb2.FileInfo]:
        reference, path = wire.read_file_of(request)
        _check_page(request.number, reverse=request.reverse)
        row, files = self._versioning.open_files(reference)
        if clean(path) != "/" and files.info(path) is None:
            raise NotFoundError(f"file {path} not found: commit {reference} does not contain item")
        infos = files.walk(path, after=request.paginationMarker.path, number=request.number, reverse=request.reverse)
        yield from wire.file_infos(infos, row, reference.id)

    def GlobFile(self, request: pfs_pb2.GlobFileRequest, context: grpc.ServicerContext) -> Iterator[pfs_pb2.FileInfo]:
        reference = wire.read_commit_of(request, "commit")
        row, files = self._versioning.open_files(reference)
        infos = files.glob(request.pattern, lower=request.path_range.lower, upper=request.path_range.upper)
        yield from wire.file_infos(infos, row, reference.id)

    def GetFile(self, request: pfs_pb2.GetFileRequest, context: grpc.ServicerContext) -> Iterator[BytesValue]:
        reference, path = wire.read_file_of(request)
        _, files = self._versioning.open_files(reference)
        info = _only_file(files, path, reference)
        if request.offset < 0:
            raise InvalidInputError(f"offset ({request.offset}) must not be negative")
        if request.URL:
            self._write_to_url(files, files.rows(info.path), request.URL)
            return
        row = files.find(info.path)
        assert row is not None
        for piece in files.read(row, offset=request.offset):
            yield BytesValue(value=piece)

    def GetFileTAR(self, request: pfs_pb2.GetFileRequest, context: grpc.ServicerContext) -> Iterator[BytesValue]:
        reference, path = wire.read_file_of(request)
        _, files = self._versioning.open_files(reference)
        found = _matching(files, path, lower=request.path_range.lower, upper=request.path_range.upper)
        first = next(found, None)
        if first is None:
            raise _not_found(path, reference)
        entries = _with_content(files, chain([first], found))
        if request.URL:
            self._write_to_url(files, (row for _, row in entries if row is not None), request.URL)
            return
        with opened_directory(request.local_directory) as directory:
            if directory is not None:
                below = first.path if first.is_dir and compile_glob(path).is_literal else "/"
                write_files(files, entries, directory, below=below, goes_on=context.is_active)
                return
        for piece in joined(tar_stream(files, entries), bytes_max=_MESSAGE_BYTES):
            yield BytesValue(value=piece)

    def _write_to_url(self, files: FileSet, rows: Iterable[FileRow], url: str) -> None:
        """Write files below url under their paths."""
        target = Export(url, self._versioning.local_files)
        for row in rows:
            target.put(row.path, files.read(row))


class _Pushback:
    """An iterator whose last item can be given back."""

    def __init__(self, items: Iterator[pfs_pb2.ModifyFileRequest]) -> None:
        self._items = items

    def __iter__(self) -> Iterator[pfs_pb2.ModifyFileRequest]:
        return self

    def __next__(self) -> pfs_pb2.ModifyFileRequest:
        return next(self._items)

    def give_back(self, item: pfs_pb2.ModifyFileRequest) -> None:
        self._items = chain([item], self._items)


def _content(add: pfs_pb2.AddFile, stream: _Pushback) -> Iterator[bytes]:
    """Yield the content of one file, which may come in many messages for the same path in a row."""
    yield add.raw.value
    for request in stream:
        following = request.add_file
        same = request.WhichOneof("body") == "add_file" and following.WhichOneof("source") == "raw"
        if not same or (following.path, following.datum) != (add.path, add.datum):
            stream.give_back(request)
            return
        yield following.raw.value


def _add_from_url(writer: LayerWriter, add: pfs_pb2.AddFile, local_files: LocalFiles) -> None:
    if add.url.concurrency > _URL_CONCURRENCY_MAX:
        raise InvalidInputError(f"{add.url.URL}: concurrency ({add.url.concurrency}) exceeds {_URL_CONCURRENCY_MAX}")
    tag = add.datum or _TAG
    # The quick way opens files by their names: for callers alone who could read them all themselves.
    is_tree = add.url.recursive and local_files.allows_all
    if is_tree and (directory := local_directory(add.url.URL, local_files)) is not None:
        replace, reread = add.url.overwrite, add.url.reread
        writer.add_tree(add.path, directory, replace=replace, reread=reread, tag=tag, guard=local_files.guard)
        return
    for relative, pieces in read_url(add.url.URL, local_files, recursive=add.url.recursive):
        path = f"{add.path.rstrip('/')}/{relative}" if relative else add.path
        if add.url.overwrite:
            writer.delete(path, tag=tag)
        writer.add(path, pieces, tag=tag)


def _check_page(number: int, *, reverse: bool) -> None:
    if reverse and number <= 0:
        raise InvalidInputError("number must be > 0 when reverse is true")
    if number > _PAGE_FILES_MAX:
        raise InvalidInputError(f"cannot return more than {_PAGE_FILES_MAX} files at a time")


def _one(info: FileInfo, row: CommitRow | None, reference: CommitReference) -> pfs_pb2.FileInfo:
    return next(iter(wire.file_infos([info], row, reference.id)))


def _not_found(path: str, reference: CommitReference) -> NotFoundError:
    where = f"repo {reference.repo} at commit {reference.id or reference.branch}"
    return NotFoundError(f"file {clean_keeping_directory(path)} not found in {where}")


def _find(files: FileSet, path: str, reference: CommitReference) -> FileInfo:
    info = files.info(path)
    if info is None:
        raise _not_found(path, reference)
    return info


def _matching(files: FileSet, path: str, *, lower: str = "", upper: str = "") -> Iterator[FileInfo]:
    """Yield what a path or a pattern names, of a pattern what lies from lower up to upper (exclusive)."""
    if compile_glob(path).is_literal:
        info = files.info(path)
        return iter([] if info is None else [info])
    return files.glob(path, lower=lower, upper=upper)


def _only_file(files: FileSet, path: str, reference: CommitReference) -> FileInfo:
    found = _matching(files, path)
    info = next(found, None)
    if info is None:
        raise _not_found(path, reference)
    if info.is_dir:
        raise InvalidInputError(
            f"{path}: cannot get directory or non-regular file. Use GetFileTAR instead (that is get file -r)"
        )
    if next(found, None) is not None:
        raise InvalidInputError(f"{path}: matched multiple files. Use GetFileTAR instead (that is get file -r)")
    return info


def _with_content(files: FileSet, found: Iterator[FileInfo]) -> Iterator[tuple[FileInfo, FileRow | None]]:
    """Yield what was found, files with their rows, directories with all that is below, nothing twice."""
    covered = ""
    for info in found:
        if covered and info.path.startswith(covered):
            continue
        if info.is_dir:
            covered = info.path
            rows = files.files(info.path)
            for each in files.walk(info.path):
                yield each, None if each.is_dir else next(rows)
        elif (row := files.find(info.path, info.tag)) is not None:
            yield info, row
