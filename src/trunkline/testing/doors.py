"""Short words for what tests do through the gRPC door all the time."""

from dataclasses import dataclass, field
from pathlib import Path

import grpc
from google.protobuf.wrappers_pb2 import BytesValue

from trunkline.pfs.versioning import Versioning
from trunkline.proto import pfs_pb2
from trunkline.proto.metadata_pb2_grpc import APIStub as MetadataStub
from trunkline.proto.pfs_pb2 import (
    AddFile,
    Branch,
    Commit,
    CopyFile,
    DeleteFile,
    File,
    ModifyFileRequest,
    Repo,
)
from trunkline.proto.pfs_pb2_grpc import APIStub as PfsStub
from trunkline.proto.storage_pb2_grpc import FilesetStub
from trunkline.proto.transaction_pb2_grpc import APIStub as TransactionStub


@dataclass
class Story:
    """A client, and the server's inside for what has no door."""

    channel: grpc.Channel
    versioning: Versioning
    directory: Path
    pfs: PfsStub = field(init=False)
    storage: FilesetStub = field(init=False)
    metadata: MetadataStub = field(init=False)
    transactions: TransactionStub = field(init=False)

    def __post_init__(self) -> None:
        self.pfs = PfsStub(self.channel)
        self.storage = FilesetStub(self.channel)
        self.metadata = MetadataStub(self.channel)
        self.transactions = TransactionStub(self.channel)

    def make_repo(self, name: str) -> None:
        """Create a user repo of the default project."""
        self.pfs.CreateRepo(pfs_pb2.CreateRepoRequest(repo=Repo(name=name)))

    def put(
        self, target: Commit, *requests: ModifyFileRequest, metadata: tuple[tuple[str, str | bytes], ...] = ()
    ) -> None:
        """Write files in one stream."""
        self.pfs.ModifyFile(iter([ModifyFileRequest(set_commit=target), *requests]), metadata=metadata)

    def head(self, branch: str = "in@master") -> Commit:
        """Return the head of a branch."""
        return self.info(at(branch)).commit

    def info(self, commit: Commit) -> pfs_pb2.CommitInfo:
        """Return what is told of a commit."""
        return self.pfs.InspectCommit(pfs_pb2.InspectCommitRequest(commit=commit))

    def start(self, branch: str = "in@master") -> Commit:
        """Open a commit on a branch."""
        target = at(branch).branch
        return self.pfs.StartCommit(pfs_pb2.StartCommitRequest(branch=target))

    def finish(self, commit: Commit) -> None:
        """Close a commit."""
        self.pfs.FinishCommit(pfs_pb2.FinishCommitRequest(commit=commit))

    def read(self, commit: Commit) -> dict[str, str]:
        """Return path and content of every file."""
        request = pfs_pb2.WalkFileRequest(file=File(commit=commit, path="/"))
        found = {}
        for info in self.pfs.WalkFile(request):
            if info.file_type == pfs_pb2.FileType.FILE:
                pieces = self.pfs.GetFile(pfs_pb2.GetFileRequest(file=File(commit=commit, path=info.file.path)))
                found[info.file.path] = b"".join(piece.value for piece in pieces).decode()
        return found

    def file_set(self, *requests: ModifyFileRequest) -> str:
        """Make a file set; return its id."""
        return self.pfs.CreateFileSet(iter(requests)).file_set_id


def at(text: str) -> Commit:
    """Return ``repo@branch``."""
    repo, _, branch = text.partition("@")
    return Commit(repo=Repo(name=repo), branch=Branch(repo=Repo(name=repo), name=branch or "master"))


def in_file_set(id: str) -> Commit:  # noqa: A002 - the field's word
    """Return the commit that stands for a file set."""
    return Commit(repo=Repo(name="__filesets__"), id=id)


def add(path: str, content: str | bytes, *, datum: str = "") -> ModifyFileRequest:
    """Return the message that appends to a file."""
    data = content.encode() if isinstance(content, str) else content
    return ModifyFileRequest(add_file=AddFile(path=path, raw=BytesValue(value=data), datum=datum))


def add_url(path: str, url: str, *, recursive: bool = False) -> ModifyFileRequest:
    """Return the message that appends what a URL has."""
    return ModifyFileRequest(add_file=AddFile(path=path, url=AddFile.URLSource(URL=url, recursive=recursive)))


def delete(path: str) -> ModifyFileRequest:
    """Return the message that deletes a file or directory."""
    return ModifyFileRequest(delete_file=DeleteFile(path=path))


def copy(src: Commit, path: str, dst: str) -> ModifyFileRequest:
    """Return the message that copies a file or directory."""
    return ModifyFileRequest(copy_file=CopyFile(dst=dst, src=File(commit=src, path=path)))
