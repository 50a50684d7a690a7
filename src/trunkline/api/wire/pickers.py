"""Pickers: the wire's structured way to say which repo, branch or commit is meant."""

from trunkline.api.wire import pfs as wire
from trunkline.errors import InvalidInputError
from trunkline.model.names import DEFAULT_PROJECT
from trunkline.model.versions import BranchKey, CommitReference, RepoKey
from trunkline.pfs.history.references import resolve_commit
from trunkline.pfs.queries.commits import CommitRow
from trunkline.pfs.transaction import Transaction
from trunkline.proto import pfs_pb2


def read_project(picker: pfs_pb2.ProjectPicker) -> str:
    """Return the name of the project."""
    return picker.name or DEFAULT_PROJECT


def read_repo(picker: pfs_pb2.RepoPicker) -> RepoKey:
    """Return the repo that is meant."""
    name = picker.name
    repo = pfs_pb2.Repo(name=name.name, type=name.type, project=pfs_pb2.Project(name=read_project(name.project)))
    return wire.read_repo(repo)


def read_branch(picker: pfs_pb2.BranchPicker) -> BranchKey:
    """Return the branch that is meant."""
    if not picker.name.name:
        raise InvalidInputError("branch must be specified: branch name cannot be empty")
    return BranchKey(read_repo(picker.name.repo), picker.name.name)


def pick_commit(tx: Transaction, picker: pfs_pb2.CommitPicker) -> CommitRow:
    """Return the commit that is meant, or raise NotFoundError or InvalidInputError."""
    match picker.WhichOneof("picker"):
        case "branch_head":
            branch = read_branch(picker.branch_head)
            return resolve_commit(tx, CommitReference(branch.repo, branch.name))
        case "id":
            return resolve_commit(tx, CommitReference(read_repo(picker.id.repo), id=picker.id.id))
        case "ancestor":
            start = pick_commit(tx, picker.ancestor.start).commit
            return resolve_commit(tx, CommitReference(start.repo, id=f"{start.id}^{picker.ancestor.offset}"))
        case "branch_root":
            # Counted from 0 here, from 1 in text.
            branch = read_branch(picker.branch_root.branch)
            return resolve_commit(tx, CommitReference(branch.repo, f"{branch.name}.{picker.branch_root.offset + 1}"))
        case _:
            raise InvalidInputError("cannot pick nil commit")
