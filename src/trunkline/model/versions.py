"""Projects, repos, branches and commits: their keys, and what is told about them."""

from dataclasses import dataclass, field

from trunkline.model.jobs import CommitState, OriginKind
from trunkline.model.names import DEFAULT_PROJECT, USER


@dataclass(frozen=True, slots=True, order=True)
class RepoKey:
    """A repo by project, name and type."""

    project: str
    name: str
    type: str = USER

    def __str__(self) -> str:
        suffix = "" if self.type == USER else f".{self.type}"
        return f"{self.project or DEFAULT_PROJECT}/{self.name}{suffix}"


@dataclass(frozen=True, slots=True, order=True)
class BranchKey:
    """A branch by repo and name."""

    repo: RepoKey
    name: str

    def __str__(self) -> str:
        return f"{self.repo}@{self.name}"


@dataclass(frozen=True, slots=True, order=True)
class CommitKey:
    """A commit by repo and id; the id is shared by all commits of its set."""

    repo: RepoKey
    id: str

    def __str__(self) -> str:
        return f"{self.repo}@{self.id}"


@dataclass(frozen=True, slots=True)
class CommitReference:
    """What a caller said after ``repo@``: a branch, an id, either with ancestry; not yet looked up."""

    repo: RepoKey
    branch: str = ""
    id: str = ""

    def __str__(self) -> str:
        return f"{self.repo}@{self.id or self.branch}"


@dataclass(frozen=True, slots=True)
class ProjectInfo:
    """A project. Times here and below are microseconds since 1970, UTC."""

    name: str
    description: str
    created_at: int
    metadata: dict[str, str] = field(default_factory=dict)
    defaults_json: str = "{}"


@dataclass(frozen=True, slots=True)
class RepoInfo:
    """A repo; its size is that of the newest finished commit on ``master``."""

    repo: RepoKey
    description: str
    created_at: int
    branches: tuple[str, ...]
    size_bytes: int
    size_bytes_upper_bound: int
    metadata: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Trigger:
    """When a branch follows another branch of its repo."""

    branch: str
    all: bool = False
    rate_limit_spec: str = ""
    size: str = ""
    commits: int = 0
    cron_spec: str = ""


@dataclass(frozen=True, slots=True)
class BranchInfo:
    """A branch with its head and its place in the graph."""

    branch: BranchKey
    head: CommitKey | None
    direct_provenance: tuple[BranchKey, ...]
    provenance: tuple[BranchKey, ...]
    subvenance: tuple[BranchKey, ...]
    trigger: Trigger | None
    created_at: int
    updated_at: int
    metadata: dict[str, str] = field(default_factory=dict)
    never_propagates: tuple[BranchKey, ...] = ()


@dataclass(frozen=True, slots=True)
class CommitInfo:
    """A commit as users see it."""

    commit: CommitKey
    branch_name: str
    origin: OriginKind
    description: str
    parent: CommitKey | None
    children: tuple[CommitKey, ...]
    started_at: int
    finishing_at: int | None
    finished_at: int | None
    direct_provenance: tuple[CommitKey, ...]
    direct_subvenance: tuple[CommitKey, ...]
    error: str
    size_bytes_upper_bound: int
    size_bytes: int
    state: CommitState
    metadata: dict[str, str] = field(default_factory=dict)
