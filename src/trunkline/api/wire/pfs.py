"""Between wire messages and values: repos, branches, commits, files. Wire types go no further than this package."""

from collections.abc import Iterable

from google.protobuf.timestamp_pb2 import Timestamp

from trunkline.errors import InvalidInputError
from trunkline.model.jobs import CommitState, OriginKind
from trunkline.model.names import DEFAULT_PROJECT, USER
from trunkline.model.versions import (
    BranchInfo,
    BranchKey,
    CommitInfo,
    CommitKey,
    CommitReference,
    ProjectInfo,
    RepoInfo,
    RepoKey,
    Trigger,
)
from trunkline.pfs.queries.commits import CommitRow
from trunkline.proto import pfs_pb2
from trunkline.storage.fileset import FileInfo


def timestamp(microseconds: int | None) -> Timestamp | None:
    """Return a wire timestamp; None stays None, which leaves the field unset."""
    if microseconds is None:
        return None
    return Timestamp(seconds=microseconds // 1_000_000, nanos=microseconds % 1_000_000 * 1000)


def microseconds(stamp: Timestamp) -> int:
    """Return a wire timestamp as microseconds since 1970."""
    return stamp.seconds * 1_000_000 + stamp.nanos // 1000


def read_repo(message: pfs_pb2.Repo) -> RepoKey:
    """Return the repo that is named; an absent project is ``default``, an absent type ``user``."""
    if not message.name:
        raise InvalidInputError("repo name cannot be empty: name a repo")
    return RepoKey(message.project.name or DEFAULT_PROJECT, message.name, message.type or USER)


def read_branch(message: pfs_pb2.Branch) -> BranchKey:
    """Return the branch that is named."""
    if not message.name:
        raise InvalidInputError("branch must be specified: branch name cannot be empty")
    return BranchKey(read_repo(message.repo), message.name)


def read_commit(message: pfs_pb2.Commit) -> CommitReference:
    """Return what a commit message refers to. The repo may stand in the commit or in its branch."""
    has_repo = message.HasField("repo") and message.repo.name
    repo = message.repo if has_repo else message.branch.repo
    if not repo.name:
        raise InvalidInputError("cannot pick commit with no repo: commit must have a repo")
    if not message.id and not message.branch.name:
        raise InvalidInputError(f"cannot pick commit with no ID or branch: repo {repo.name}")
    return CommitReference(read_repo(repo), message.branch.name, message.id)


def read_commit_of(request: object, field: str) -> CommitReference:
    """Return what a request's commit field refers to, or raise InvalidInputError if it is absent."""
    if not request.HasField(field):  # type: ignore[attr-defined]
        raise InvalidInputError("commit cannot be nil")
    return read_commit(getattr(request, field))


def optional_commit(request: object, field: str) -> CommitReference | None:
    """Return what a request's commit field refers to; None where it is absent or says nothing."""
    if not request.HasField(field):  # type: ignore[attr-defined]
        return None
    message: pfs_pb2.Commit = getattr(request, field)
    return read_commit(message) if message.id or message.branch.name else None


def read_file_of(request: object, field: str = "file") -> tuple[CommitReference, str]:
    """Return the commit and the path of a request's file, or raise InvalidInputError if it is absent."""
    if not request.HasField(field):  # type: ignore[attr-defined]
        raise InvalidInputError("file cannot be nil")
    return read_file(getattr(request, field))


def read_file(message: pfs_pb2.File) -> tuple[CommitReference, str]:
    """Return the commit and the path of a file message."""
    if not message.HasField("commit"):
        raise InvalidInputError("commit cannot be nil")
    return read_commit(message.commit), message.path or "/"


def repo(key: RepoKey) -> pfs_pb2.Repo:
    """Return the wire form."""
    return pfs_pb2.Repo(name=key.name, type=key.type, project=pfs_pb2.Project(name=key.project))


def branch(key: BranchKey) -> pfs_pb2.Branch:
    """Return the wire form."""
    return pfs_pb2.Branch(repo=repo(key.repo), name=key.name)


def commit(key: CommitKey) -> pfs_pb2.Commit:
    """Return the wire form: repo and id, never a branch (reference, section 1.6)."""
    return pfs_pb2.Commit(repo=repo(key.repo), id=key.id)


def project_info(info: ProjectInfo) -> pfs_pb2.ProjectInfo:
    """Return the wire form."""
    return pfs_pb2.ProjectInfo(
        project=pfs_pb2.Project(name=info.name),
        description=info.description,
        created_at=timestamp(info.created_at),
        metadata=info.metadata,
    )


def repo_info(info: RepoInfo, *, details: bool) -> pfs_pb2.RepoInfo:
    """Return the wire form, with the exact size where details are asked for."""
    return pfs_pb2.RepoInfo(
        repo=repo(info.repo),
        created=timestamp(info.created_at),
        size_bytes_upper_bound=info.size_bytes_upper_bound,
        description=info.description,
        branches=[branch(BranchKey(info.repo, name)) for name in info.branches],
        details=pfs_pb2.RepoInfo.Details(size_bytes=info.size_bytes) if details else None,
        metadata=info.metadata,
    )


def trigger(value: Trigger) -> pfs_pb2.Trigger:
    """Return the wire form."""
    return pfs_pb2.Trigger(
        branch=value.branch,
        all=value.all,
        rate_limit_spec=value.rate_limit_spec,
        size=value.size,
        commits=value.commits,
        cron_spec=value.cron_spec,
    )


def branch_info(info: BranchInfo) -> pfs_pb2.BranchInfo:
    """Return the wire form."""
    return pfs_pb2.BranchInfo(
        branch=branch(info.branch),
        head=None if info.head is None else commit(info.head),
        provenance=[branch(key) for key in info.provenance],
        subvenance=[branch(key) for key in info.subvenance],
        direct_provenance=[branch(key) for key in info.direct_provenance],
        trigger=None if info.trigger is None else trigger(info.trigger),
        metadata=info.metadata,
        created_at=timestamp(info.created_at),
        updated_at=timestamp(info.updated_at),
        branch_propagation_specs=[
            pfs_pb2.BranchPropagationSpec(branch=branch(key), propagation_spec=pfs_pb2.PropagationSpec(never=True))
            for key in info.never_propagates
        ],
    )


def commit_info(info: CommitInfo) -> pfs_pb2.CommitInfo:
    """Return the wire form. ``details`` and ``origin`` are always there, as clients read them unasked."""
    return pfs_pb2.CommitInfo(
        commit=commit(info.commit),
        origin=pfs_pb2.CommitOrigin(kind=origin(info.origin)),
        description=info.description,
        parent_commit=None if info.parent is None else commit(info.parent),
        child_commits=[commit(key) for key in info.children],
        started=timestamp(info.started_at),
        finishing=timestamp(info.finishing_at),
        finished=timestamp(info.finished_at),
        direct_provenance=[commit(key) for key in info.direct_provenance],
        direct_subvenance=[commit(key) for key in info.direct_subvenance],
        error=info.error,
        size_bytes_upper_bound=info.size_bytes_upper_bound,
        details=pfs_pb2.CommitInfo.Details(size_bytes=info.size_bytes),
        metadata=info.metadata,
        created_at=timestamp(info.started_at),
        updated_at=timestamp(info.finished_at or info.finishing_at or info.started_at),
    )


def file_set_commit_info(file_set: str) -> pfs_pb2.CommitInfo:
    """Return what stands for a file set where a commit is asked for: it counts as finished."""
    return pfs_pb2.CommitInfo(
        commit=_file_set_commit(file_set),
        origin=pfs_pb2.CommitOrigin(kind=pfs_pb2.OriginKind.USER),
        finishing=Timestamp(seconds=1),
        finished=Timestamp(seconds=1),
        details=pfs_pb2.CommitInfo.Details(),
    )


def origin(kind: OriginKind) -> pfs_pb2.OriginKind:
    """Return the wire form."""
    return pfs_pb2.OriginKind.Name(int(kind))  # type: ignore[return-value]


def read_state(number: int) -> CommitState:
    """Return the state that a wire number means; unset means any."""
    return CommitState(number) if number else CommitState.STARTED


def file_infos(infos: Iterable[FileInfo], row: CommitRow | None, file_set: str = "") -> Iterable[pfs_pb2.FileInfo]:
    """Yield the wire form of files that were opened together: of a commit, or of a file set."""
    in_commit = _file_set_commit(file_set) if row is None else commit(row.commit)
    committed = None if row is None else timestamp(row.finishing_at)
    for info in infos:
        yield pfs_pb2.FileInfo(
            file=pfs_pb2.File(commit=in_commit, path=info.path, datum=info.tag),
            file_type=pfs_pb2.FileType.DIR if info.is_dir else pfs_pb2.FileType.FILE,
            committed=committed,
            size_bytes=info.size_bytes,
            hash=info.hash,
        )


def _file_set_commit(file_set: str) -> pfs_pb2.Commit:
    return pfs_pb2.Commit(repo=pfs_pb2.Repo(name="__filesets__", type=USER), id=file_set)
