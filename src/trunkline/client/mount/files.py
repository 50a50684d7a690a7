"""Reading the files of one commit, which never changes."""

import io
import tarfile
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol, TypeVar

from trunkline import proto
from trunkline.errors import AccessDeniedError, Error, NotFoundError, UnavailableError
from trunkline.model.paths import clean, parent

if TYPE_CHECKING:
    from google.protobuf.wrappers_pb2 import BytesValue

    from trunkline.client.connection import Client
    from trunkline.proto.pfs_pb2 import Commit, CommitInfo, File, FileInfo

Answer = TypeVar("Answer")
# What is said where the server was before it moved: nothing, or that somebody else's server is there now.
_MOVED = (UnavailableError, AccessDeniedError)


@dataclass(frozen=True, slots=True)
class FileEntry:
    """A file or directory as a mount shows it; paths have no trailing slash."""

    path: str
    size: int = 0
    is_directory: bool = False
    seconds: float = 0.0
    """When it was committed."""


class Bytes(Iterator[bytes], Protocol):
    """The content of a file as it comes, from some place to the end."""

    def cancel(self) -> object:
        """End it; the other side stops sending."""


class Files(Protocol):
    """The files of one commit."""

    @property
    def name(self) -> str:
        """What tells this commit from all others."""

    def entries(self, directory: str) -> Iterable[FileEntry]:
        """Return what is directly in a directory; nothing where there is none."""

    def find(self, path: str) -> FileEntry | None:
        """Return what is at a path, or None."""

    def stream(self, path: str, offset: int) -> Bytes:
        """Start to read a file at an offset."""

    def read_run(self, first: str, last: str) -> Iterable[tuple[str, bytes]]:
        """Return path and content of two files of a directory and all between them; no directory may be there."""


class NoFiles:
    """A branch that has no commit yet."""

    name = ""

    def entries(self, directory: str) -> Iterable[FileEntry]:
        """Return nothing."""
        return ()

    def find(self, path: str) -> FileEntry | None:
        """Return the root, and nothing else."""
        return FileEntry("/", is_directory=True) if path == "/" else None

    def stream(self, path: str, offset: int) -> Bytes:
        """Fail: there is no file."""
        raise NotFoundError(f"file {path} not found")

    def read_run(self, first: str, last: str) -> Iterable[tuple[str, bytes]]:
        """Return nothing."""
        return ()


class CommitFiles:
    """The files of a commit on a server."""

    def __init__(self, client: "Client", info: "CommitInfo") -> None:
        self._client = client
        self._commit = commit = info.commit
        self._finished = info.finished.seconds + info.finished.nanos / 1e9
        self.name = f"{commit.repo.project.name}/{commit.repo.name}@{commit.id}"

    def entries(self, directory: str) -> Iterable[FileEntry]:
        """Return what is directly in a directory; nothing where there is none."""
        request = proto.pfs_pb2.ListFileRequest(file=self._file(directory))
        return self._ask(lambda: [_entry(info) for info in self._client.pfs.ListFile(request)])

    def find(self, path: str) -> FileEntry | None:
        """Return what is at a path, or None. The root is there even if it is empty."""
        if path == "/":
            return FileEntry("/", is_directory=True, seconds=self._finished)
        request = proto.pfs_pb2.InspectFileRequest(file=self._file(path))
        try:
            return _entry(self._ask(lambda: self._client.pfs.InspectFile(request)))
        except NotFoundError:
            return None

    def stream(self, path: str, offset: int) -> Bytes:
        """Start to read a file at an offset."""

        def open_at(start: int) -> "_Messages":
            request = proto.pfs_pb2.GetFileRequest(file=self._file(path), offset=start)
            return self._client.pfs.GetFile(request)

        return _Pieces(open_at, offset, follow=self._client.follow)

    def read_run(self, first: str, last: str) -> Iterable[tuple[str, bytes]]:
        """Return path and content of two files of a directory and all between them; no directory may be there."""
        request = proto.pfs_pb2.GetFileRequest(file=self._file(parent(first) + "*"))
        # The bound above is exclusive, and no path has a character below the space.
        request.path_range.lower, request.path_range.upper = first, last + " "
        received = io.BytesIO(self._ask(lambda: b"".join(part.value for part in self._client.pfs.GetFileTAR(request))))
        with tarfile.open(fileobj=received) as archive:
            for member in archive:
                if content := archive.extractfile(member):
                    yield clean(member.name), content.read()

    def _ask(self, ask: Callable[[], Answer]) -> Answer:
        """Ask the server; once more where it is now, if it has moved."""
        try:
            return ask()
        except _MOVED:
            if not self._client.follow():
                raise
            return ask()

    def _file(self, path: str) -> "File":
        return proto.pfs_pb2.File(commit=self._commit, path=path)


class _Messages(Protocol):
    def __next__(self) -> "BytesValue": ...

    def cancel(self) -> object: ...


class _Pieces:
    """The payloads of a stream of messages, which goes on where it was if the server moves."""

    def __init__(self, open_at: "Callable[[int], _Messages]", offset: int, *, follow: Callable[[], bool]) -> None:
        self._open_at = open_at
        self._offset = offset
        self._follow = follow
        self._call = open_at(offset)

    def __iter__(self) -> "_Pieces":
        return self

    def __next__(self) -> bytes:
        try:
            piece = next(self._call).value
        except _MOVED:
            if not self._follow():
                raise
            self._call = self._open_at(self._offset)
            piece = next(self._call).value
        self._offset += len(piece)
        return piece

    def cancel(self) -> None:
        self._call.cancel()


def _entry(info: "FileInfo") -> FileEntry:
    return FileEntry(
        path=clean(info.file.path),
        size=info.size_bytes,
        is_directory=info.file_type == proto.pfs_pb2.DIR,
        seconds=info.committed.seconds + info.committed.nanos / 1e9,
    )


def newest_finished(client: "Client", commit: "Commit") -> "CommitInfo | None":
    """Return the commit that a reference means, or the nearest one before it that is finished, or None.

    So a mount neither waits for a job that runs nor shows half of its output.
    """
    pfs = client.pfs
    info: CommitInfo = pfs.InspectCommit(proto.pfs_pb2.InspectCommitRequest(commit=commit))
    while not info.HasField("finished"):
        if not info.parent_commit.id:
            return None
        info = pfs.InspectCommit(proto.pfs_pb2.InspectCommitRequest(commit=info.parent_commit))
    return info


def has_branch(client: "Client", repo: str, project: str, name: str) -> "tuple[bool, bool]":
    """Tell whether a branch exists, and whether it is computed from others and so cannot be written."""
    branch = proto.pfs_pb2.Branch(name=name)
    branch.repo.name, branch.repo.type, branch.repo.project.name = repo, "user", project
    try:
        info = client.pfs.InspectBranch(proto.pfs_pb2.InspectBranchRequest(branch=branch))
    except NotFoundError:
        return False, False
    except Error:
        # What is no legal name of a branch, such as master^, is a commit.
        return False, False
    return True, bool(info.direct_provenance)
