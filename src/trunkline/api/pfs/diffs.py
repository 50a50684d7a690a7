"""Comparing files of two commits: a method of ``pfs_v2.API``."""

from collections.abc import Iterator

import grpc

from trunkline.api.wire import pfs as wire
from trunkline.errors import InvalidInputError
from trunkline.model.paths import clean
from trunkline.model.versions import CommitReference
from trunkline.pfs.queries.commits import CommitRow
from trunkline.pfs.versioning import Versioning
from trunkline.proto import pfs_pb2
from trunkline.storage.fileset import FileInfo, FileSet


class DiffMethods:
    """Tells which files and directories differ."""

    _versioning: Versioning

    def DiffFile(
        self, request: pfs_pb2.DiffFileRequest, context: grpc.ServicerContext
    ) -> Iterator[pfs_pb2.DiffFileResponse]:
        reference, path = wire.read_file_of(request, "new_file")
        row, new = self._versioning.open_files(reference)
        if request.HasField("old_file") and request.old_file.HasField("commit"):
            old_reference, old_path = wire.read_file(request.old_file)
            old_row, old = self._versioning.open_files(old_reference)
        else:
            old_path = path
            old_reference, old_row, old = self._parent_files(row)
        for added, removed in new.diff(old, clean(path), clean(old_path)):
            if request.shallow and not any(
                info is not None and _is_entry(info.path, clean(below))
                for info, below in ((added, path), (removed, old_path))
            ):
                continue
            yield pfs_pb2.DiffFileResponse(
                new_file=None if added is None else _wire_info(added, row, reference),
                old_file=None if removed is None else _wire_info(removed, old_row, old_reference),
            )

    def _parent_files(self, row: CommitRow | None) -> tuple[CommitReference, CommitRow | None, FileSet]:
        if row is None:
            raise InvalidInputError("a file set has no parent: name the old file")
        base = self._versioning.base_of(row)  # with an error, the parent has no files
        if base is None:
            return CommitReference(row.commit.repo, id=row.commit.id + "^"), None, self._versioning.file_sets.open("")
        reference = CommitReference(row.commit.repo, id=base.commit.id)
        return reference, *self._versioning.open_files(reference)


def _is_entry(path: str, directory: str) -> bool:
    """Tell whether a path is a directory's own or of an entry of it, not of anything further below."""
    return "/" not in path[len(directory.rstrip("/")) + 1 :].rstrip("/")


def _wire_info(info: FileInfo, row: CommitRow | None, reference: CommitReference) -> pfs_pb2.FileInfo:
    return next(iter(wire.file_infos([info], row, reference.id)))
