"""Putting what was written into a mount: one commit for each repo."""

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from trunkline import proto
from trunkline.client.mount.overlay import Overlay
from trunkline.client.mount.targets import Target

if TYPE_CHECKING:
    from trunkline.client.connection import Client
    from trunkline.proto.pfs_pb2 import Commit, ModifyFileRequest

_MESSAGE_BYTES = 1 << 20


def put_changes(client: "Client", target: Target, overlay: Overlay) -> str:
    """Put what was changed as one commit and return a line that says so; without changes do nothing, return "".

    The commit lies on what the branch holds now: files that others changed meanwhile are theirs. Raise
    InvalidInputError if the two do not go together, as a file where there is a directory by now.
    """
    deletions, additions = overlay.deletions(), list(overlay.additions())
    if not deletions and not additions:
        return ""
    pfs = proto.pfs_pb2
    repo = pfs.Repo(name=target.repo, type="user", project=pfs.Project(name=target.project))
    branch = pfs.Commit(repo=repo, branch=pfs.Branch(repo=repo, name=target.reference))
    client.modify_file(_requests(branch, deletions, additions))
    written = f"{len(additions)} file{'' if len(additions) == 1 else 's'} written"
    deleted = f", {len(deletions)} deleted" if deletions else ""
    return f"{target}: {written}{deleted}, as one commit"


def _requests(
    target: "Commit", deletions: list[str], additions: list[tuple[str, Path]]
) -> "Iterator[ModifyFileRequest]":
    pfs = proto.pfs_pb2
    yield pfs.ModifyFileRequest(set_commit=target)
    for path in deletions:
        yield pfs.ModifyFileRequest(delete_file=pfs.DeleteFile(path=path))
    for path, source in additions:
        yield pfs.ModifyFileRequest(delete_file=pfs.DeleteFile(path=path))
        with source.open("rb") as file:
            first = True
            while (data := file.read(_MESSAGE_BYTES)) or first:
                add = pfs.AddFile(path=path)
                add.raw.value = data
                yield pfs.ModifyFileRequest(add_file=add)
                first = False
