"""Repos (reference, section 1.3)."""

from collections.abc import Sequence

from trunkline.errors import AlreadyExistsError, ConflictError, NotFoundError
from trunkline.model.names import DEFAULT_BRANCH, DEFAULT_PROJECT, USER, check_repo_name, check_repo_type
from trunkline.model.versions import RepoInfo, RepoKey
from trunkline.pfs.history.provenance import upstream_of
from trunkline.pfs.history.references import find_repo, is_written_by_pipeline, with_defaults
from trunkline.pfs.queries import branches, commits, repos
from trunkline.pfs.queries.repos import RepoRow
from trunkline.pfs.transaction import Transaction


def create_repo(tx: Transaction, repo: RepoKey, *, description: str = "", update: bool = False) -> RepoRow:
    """Create a repo, without branches; with update rewrite the description of one that exists."""
    repo = with_defaults(repo)
    check_repo_name(repo.name)
    check_repo_type(repo.type)
    if repos.find_project(tx.connection, repo.project) is None:
        raise NotFoundError(f'project "{repo.project}" not found')
    existing = repos.find_repo(tx.connection, repo)
    if existing is not None:
        if not update:
            raise AlreadyExistsError(f"repo {repo} already exists")
        repos.update_repo(tx.connection, existing.key, description=description)
        return existing
    if repo.type != USER and repos.find_repo(tx.connection, RepoKey(repo.project, repo.name)) is None:
        raise NotFoundError(f"cannot create repo {repo}: repo {repo.project}/{repo.name} not found")
    return repos.insert_repo(tx.connection, repo, description, tx.now)


def exists(tx: Transaction, repo: RepoKey) -> bool:
    """Return whether there is such a repo."""
    return repos.find_repo(tx.connection, with_defaults(repo)) is not None


def inspect_repo(tx: Transaction, repo: RepoKey) -> RepoInfo:
    """Return the repo with its branches and size, or raise NotFoundError."""
    return _info(tx, find_repo(tx, repo))


def list_repos(tx: Transaction, *, type: str = "", projects: Sequence[str] = ()) -> list[RepoInfo]:  # noqa: A002
    """Return repos, newest first; of one type and of some projects only, where given."""
    names = [name or DEFAULT_PROJECT for name in projects]
    return [_info(tx, row) for row in repos.list_repos(tx.connection, type=type, projects=names)]


def _info(tx: Transaction, row: RepoRow) -> RepoInfo:
    rows = branches.list_branches(tx.connection, row.key)
    size, bound = _size(tx, next((branch.head for branch in rows if branch.branch.name == DEFAULT_BRANCH), None))
    return RepoInfo(
        row.repo,
        row.description,
        row.created_at,
        tuple(branch.branch.name for branch in rows),
        size,
        bound,
        row.metadata,
    )


def _size(tx: Transaction, head: int | None) -> tuple[int, int]:
    while head is not None:
        commit = commits.commit_by_key(tx.connection, head)
        if commit.finished_at is not None:
            return commit.size_bytes, commit.size_bytes_upper_bound
        head = commit.parent
    return 0, 0


def refuse_pipeline_output(tx: Transaction, repo: RepoKey) -> None:
    """Raise ConflictError if a pipeline writes the repo: only the pipeline's end is the end of that."""
    if is_written_by_pipeline(tx, repo):
        raise ConflictError(
            f"cannot delete repo {with_defaults(repo)}: cannot delete a repo associated with a pipeline - delete the "
            "pipeline instead"
        )


def delete_repo(tx: Transaction, repo: RepoKey, *, force: bool = False) -> bool:
    """Remove a repo with its branches, commits and system repos; return whether there was one."""
    repo = with_defaults(repo)
    if repos.find_repo(tx.connection, repo) is None:
        return False
    beside = repos.repos_beside(tx.connection, repo) if repo.type == USER else [find_repo(tx, repo)]
    for row in beside:
        _delete_branches(tx, row, force=force)
        commits.delete_commits(tx.connection, [each.key for each in commits.list_commits(tx.connection, row.key)])
    # System repos first: they stand only next to their user repo.
    for row in sorted(beside, key=lambda row: row.repo.type == USER):
        repos.delete_repo(tx.connection, row.key)
    return True


def _delete_branches(tx: Transaction, row: RepoRow, *, force: bool) -> None:
    rows = branches.list_branches(tx.connection, row.key)
    for branch in sorted(rows, key=lambda branch: -len(upstream_of(tx, branch.key))):
        for other, _ in branches.subvenance_of(tx.connection, branch.key):
            below = branches.branch_by_key(tx.connection, other)
            if below.repo_key != row.key and not force:
                raise ConflictError(
                    f"cannot delete repo {row.repo}: branch {branch.branch} cannot be deleted because it's in the "
                    f"direct provenance of {below.branch}"
                )
        branches.delete_branch(tx.connection, branch.key)
