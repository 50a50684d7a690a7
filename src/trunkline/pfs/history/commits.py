"""Commits and commit sets (reference, sections 1.6 and 1.7)."""

from collections import defaultdict
from collections.abc import Iterator, Sequence

from trunkline.errors import ConflictError, Error, InvalidInputError, NotFoundError
from trunkline.model.jobs import CommitState, OriginKind
from trunkline.model.names import META, check_branch_name
from trunkline.model.versions import BranchKey, CommitInfo, CommitKey, CommitReference, RepoKey
from trunkline.pfs.history.good_ancestors import check_base_of_next
from trunkline.pfs.history.provenance import is_computed, reachable, record_provenance, upstream_first
from trunkline.pfs.history.references import find_repo, is_written_by_pipeline, resolve_commit
from trunkline.pfs.queries import branches, commits
from trunkline.pfs.queries.branches import BranchRow
from trunkline.pfs.queries.commits import CommitRow
from trunkline.pfs.queries.repos import RepoRow
from trunkline.pfs.transaction import Transaction

_BATCH = 500


class AlreadyFinishedError(Error):
    """A commit that was closed before cannot be written or closed again."""

    def __init__(self, commit: CommitKey) -> None:
        super().__init__(f"commit {commit} has already finished")


def start_commit(
    tx: Transaction, branch: BranchKey, *, parent: CommitReference | None = None, description: str = ""
) -> CommitRow:
    """Open a commit on a branch, on top of its head or of the given parent; a missing branch is made."""
    repo, found = _find_branch_to_start(tx, branch)
    row = found or branches.insert_branch(tx.connection, repo.key, BranchKey(repo.repo, branch.name), tx.now)
    if found is None:
        tx.made[row.key] = None
    parent_row = resolve_commit(tx, parent) if parent is not None else _head_of(tx, row)
    if parent_row is not None and parent_row.repo_key != repo.key:
        raise InvalidInputError(f"parent commit {parent_row.commit} is in another repo than branch {row.branch}")
    _check_parent(tx, parent_row)
    if commits.find_commit(tx.connection, repo.key, tx.id) is not None:
        raise ConflictError(
            f"inconsistent dependencies: cannot create commit from {row.branch}: repo {repo.repo} already has a commit "
            "in this transaction"
        )
    commit = commits.insert_commit(
        tx.connection,
        repo_key=repo.key,
        id=tx.id,
        branch_name=branch.name,
        origin=OriginKind.USER,
        parent=None if parent_row is None else parent_row.key,
        now=tx.now,
        description=description,
    )
    record_provenance(tx, commit, row)
    branches.update_branch(tx.connection, row.key, head=commit.key, updated_at=tx.now)
    tx.moved[row.key] = None
    return commit


def check_can_start(tx: Transaction, branch: BranchKey) -> None:
    """Raise what `start_commit` would raise for the branch and its head; change nothing."""
    _, row = _find_branch_to_start(tx, branch)
    if row is not None:
        _check_parent(tx, _head_of(tx, row))


def _find_branch_to_start(tx: Transaction, branch: BranchKey) -> tuple[RepoRow, BranchRow | None]:
    """Return the repo, and the branch if it is there, or raise why there can be no commit of a user on it."""
    if not branch.name:
        raise InvalidInputError(f"cannot start a commit in repo {branch.repo}: branch must be specified")
    check_branch_name(branch.name)
    repo = find_repo(tx, branch.repo)
    row = branches.find_branch(tx.connection, repo.key, branch.name)
    if row is not None and is_computed(tx, row):
        raise ConflictError(f"branch {row.branch}: cannot start a commit on an output branch")
    return repo, row


def _check_parent(tx: Transaction, parent: CommitRow | None) -> None:
    if parent is None:
        return
    if parent.finishing_at is None:
        raise ConflictError(f"parent commit {parent.commit} has not been finished")
    check_base_of_next(tx, parent)


def _head_of(tx: Transaction, branch: BranchRow) -> CommitRow | None:
    return None if branch.head is None else commits.commit_by_key(tx.connection, branch.head)


def finish_commit(
    tx: Transaction, commit: CommitRow, *, description: str = "", error: str = "", force: bool = False
) -> None:
    """Close a commit to writing. Its file set is made after the transaction, by `Settling.settle`."""
    if commit.finishing_at is not None:
        raise AlreadyFinishedError(commit.commit)
    # Without a pipeline, whoever made a branch computed from others writes and closes its commits.
    computed = commit.origin is OriginKind.AUTO and is_written_by_pipeline(tx, commit.commit.repo)
    if not force and (computed or commit.commit.repo.type == META):
        raise ConflictError(
            f"commit {commit.commit}: cannot finish a pipeline output or meta commit, use 'stop job' instead"
        )
    values: dict[str, object] = {"finishing_at": tx.now, "error": error}
    if description:
        values["description"] = description
    commits.update_commit(tx.connection, commit.key, **values)
    tx.closed.append(commit.key)


def open_head(tx: Transaction, branch: BranchKey) -> CommitRow | None:
    """Return what somebody has opened at the head of a branch and not finished."""
    row = branches.find_branch(tx.connection, find_repo(tx, branch.repo).key, branch.name)
    head = _head_of(tx, row) if row is not None else None
    return head if head is not None and head.finishing_at is None and head.origin is OriginKind.USER else None


def abandon_head(tx: Transaction, branch: BranchKey, error: str) -> None:
    """Close such a commit that nobody will finish: with an error, so that nothing of it is seen."""
    head = open_head(tx, branch)
    if head is not None:
        commits.delete_layers(tx.connection, head.key)
        finish_commit(tx, head, error=error, force=True)


def clear_commit(tx: Transaction, commit: CommitRow) -> None:
    """Forget what was written to an open commit so far."""
    if commit.finishing_at is not None:
        raise ConflictError(f"commit {commit.commit}: cannot clear finished commit")
    commits.delete_layers(tx.connection, commit.key)
    commits.update_commit(tx.connection, commit.key, size_bytes_upper_bound=0)


def state_of(commit: CommitRow, provenance: Sequence[CommitRow]) -> CommitState:
    """Return how far a commit is, given what it is computed from."""
    if commit.finished_at is not None:
        return CommitState.FINISHED
    if commit.finishing_at is not None:
        return CommitState.FINISHING
    if all(upstream.finished_at is not None for upstream in provenance):
        return CommitState.READY
    return CommitState.STARTED


def inspect_commits(tx: Transaction, rows: Sequence[CommitRow]) -> Iterator[CommitInfo]:
    """Yield what is told of each commit, in the order given; a few statements for many commits."""
    for start in range(0, len(rows), _BATCH):
        yield from _inspect_batch(tx, rows[start : start + _BATCH])


def _inspect_batch(tx: Transaction, rows: Sequence[CommitRow]) -> Iterator[CommitInfo]:
    keys = [row.key for row in rows]
    parents = {
        row.key: row.commit
        for row in commits.commits_by_key(tx.connection, [row.parent for row in rows if row.parent is not None])
    }
    children: dict[int, list[CommitKey]] = defaultdict(list)
    for parent, child in commits.children_of_many(tx.connection, keys):
        children[parent].append(child.commit)
    upstream: dict[int, list[CommitRow]] = defaultdict(list)
    for key, row in commits.provenance_of_many(tx.connection, keys):
        upstream[key].append(row)
    downstream: dict[int, list[CommitKey]] = defaultdict(list)
    for key, row in commits.subvenance_of_many(tx.connection, keys):
        downstream[key].append(row.commit)
    for row in rows:
        yield CommitInfo(
            commit=row.commit,
            branch_name=row.branch_name,
            origin=row.origin,
            description=row.description,
            parent=None if row.parent is None else parents.get(row.parent),
            children=tuple(children[row.key]),
            started_at=row.started_at,
            finishing_at=row.finishing_at,
            finished_at=row.finished_at,
            direct_provenance=tuple(other.commit for other in upstream[row.key]),
            direct_subvenance=tuple(downstream[row.key]),
            error=row.error,
            size_bytes_upper_bound=row.size_bytes_upper_bound,
            size_bytes=row.size_bytes,
            state=state_of(row, upstream[row.key]),
            metadata=row.metadata,
        )


def list_commits(
    tx: Transaction,
    repo: RepoKey | None,
    *,
    to: CommitReference | None = None,
    from_: CommitReference | None = None,
    number: int = 0,
    reverse: bool = False,
    origin: OriginKind | None = None,
    started_before: int | None = None,
) -> list[CommitRow]:
    """Return commits, newest first: a line of ancestors where ``to`` is given, otherwise all of the repo or of all."""
    if from_ is not None and to is None:
        raise InvalidInputError("cannot use `from` commit without `to` commit")
    repo_key = None if repo is None else find_repo(tx, repo).key
    if to is not None:
        if reverse:
            raise InvalidInputError("cannot list in reverse with a `to` commit: leave out reverse")
        rows = _line(tx, repo_key, to, from_)
    else:
        rows = commits.list_commits(tx.connection, repo_key)
        if reverse:
            rows.reverse()
    if started_before is not None:
        rows = [
            row for row in rows if (row.started_at > started_before if reverse else row.started_at < started_before)
        ]
    if origin is not None:
        rows = [row for row in rows if row.origin == origin]
    return rows[:number] if number > 0 else rows


def _line(tx: Transaction, repo_key: int | None, to: CommitReference, from_: CommitReference | None) -> list[CommitRow]:
    commit: CommitRow | None = resolve_commit(tx, to)
    stop = None if from_ is None else resolve_commit(tx, from_)
    for end in (commit, stop):
        if end is not None and repo_key is not None and end.repo_key != repo_key:
            raise InvalidInputError(f"`from` and `to` commits need to be from repo {to.repo}, and {end.commit} is not")
    line: list[CommitRow] = []
    while commit is not None and (stop is None or commit.key != stop.key):
        line.append(commit)
        commit = None if commit.parent is None else commits.commit_by_key(tx.connection, commit.parent)
    return line


def newer_commits(tx: Transaction, repo_key: int, after: int) -> list[CommitRow]:
    """Return the commits of a repo that were made after the one with that key, oldest first."""
    return commits.list_commits(tx.connection, repo_key, after=after)[::-1]


def commit_set(tx: Transaction, id: str) -> list[CommitRow]:  # noqa: A002 - the field's word
    """Return the commits of a set and those of other sets that they are computed from, upstream first."""
    rows = commits.commits_of_set(tx.connection, id)
    if not rows:
        raise NotFoundError(f"no commits found for commitset {id}")

    def upstream(key: int) -> list[int]:
        return [row.key for row in commits.provenance_of(tx.connection, key)]

    # A commit is made after those that it is computed from, unless they are of one set; then provenance decides.
    keys = [row.key for row in rows]
    ordered = upstream_first(sorted({*keys, *reachable(keys, upstream)}), upstream)
    found = {row.key: row for row in commits.commits_by_key(tx.connection, ordered)}
    return [found[key] for key in ordered]


def list_commit_sets(tx: Transaction, project: str = "") -> list[tuple[str, list[CommitRow]]]:
    """Return (id, commits) of every set, newest first; of one project's repos only, where given."""
    sets: dict[str, list[CommitRow]] = {}
    for row in commits.list_commits(tx.connection):
        if not project or row.commit.repo.project == project:
            sets.setdefault(row.commit.id, []).append(row)
    return [(id, rows[::-1]) for id, rows in sets.items()]  # noqa: A001 - the field's word
