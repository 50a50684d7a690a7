"""Branches (reference, section 1.4)."""

from collections.abc import Sequence
from dataclasses import asdict

from trunkline.errors import ConflictError, InvalidInputError
from trunkline.model.jobs import OriginKind
from trunkline.model.names import check_branch_name
from trunkline.model.versions import BranchInfo, BranchKey, CommitKey, CommitReference, RepoKey, Trigger
from trunkline.pfs.history.good_ancestors import check_base_of_next, root_of
from trunkline.pfs.history.provenance import downstream_of, is_computed, upstream_of
from trunkline.pfs.history.references import (
    find_branch,
    find_repo,
    is_written_by_pipeline,
    resolve_commit,
    with_defaults,
)
from trunkline.pfs.history.triggers import check_trigger, sources_of
from trunkline.pfs.queries import branches, commits
from trunkline.pfs.queries.branches import BranchRow
from trunkline.pfs.transaction import Transaction


def create_branch(
    tx: Transaction,
    branch: BranchKey,
    *,
    head: CommitReference | None = None,
    provenance: Sequence[BranchKey] = (),
    trigger: Trigger | None = None,
    never_propagates: Sequence[BranchKey] = (),
) -> BranchRow:
    """Create a branch or change one: its head, what it is computed from, its trigger."""
    check_branch_name(branch.name)
    if trigger is not None and provenance:
        raise InvalidInputError(f"branch {branch}: a branch cannot have both provenance and a trigger")
    repo = find_repo(tx, branch.repo)
    if trigger is not None:
        check_trigger(branch, trigger, sources_of(tx, repo.key, but=branch.name))
    row = branches.find_branch(tx.connection, repo.key, branch.name)
    is_new = row is None
    if row is None:
        row = branches.insert_branch(tx.connection, repo.key, BranchKey(repo.repo, branch.name), tx.now)
        tx.made[row.key] = None
    changed = _set_provenance(tx, row, provenance, never_propagates)
    branches.update_branch(tx.connection, row.key, trigger=None if trigger is None else asdict(trigger))
    if head is not None:
        _move_head(tx, row, head)
    elif is_computed(tx, row):
        if is_new or changed:
            tx.lacking[row.key] = None
    elif branches.branch_by_key(tx.connection, row.key).head is None:
        give_empty_head(tx, row)
    return branches.branch_by_key(tx.connection, row.key)


def check_not_a_pipelines(tx: Transaction, branch: BranchKey, provenance: Sequence[BranchKey]) -> None:
    """Raise ConflictError if people would have a pipeline's branch be computed from something else than its inputs."""
    repo = find_repo(tx, branch.repo)
    row = branches.find_branch(tx.connection, repo.key, branch.name)
    if row is None or not is_computed(tx, row) or not is_written_by_pipeline(tx, repo.repo):
        return
    wanted = {BranchKey(with_defaults(each.repo), each.name) for each in provenance}
    direct = branches.provenance_of(tx.connection, row.key)
    if wanted != {branches.branch_by_key(tx.connection, key).branch for key, _ in direct}:
        raise ConflictError(
            f"branch {row.branch} is written by a pipeline, whose spec says what it is computed from: update or stop "
            "the pipeline; to go back, move a branch of its input"
        )


def _set_provenance(
    tx: Transaction, row: BranchRow, provenance: Sequence[BranchKey], never: Sequence[BranchKey]
) -> bool:
    wanted = [(_find_or_create(tx, key).key, key in never) for key in dict.fromkeys(provenance)]
    if sorted(wanted) == sorted(branches.provenance_of(tx.connection, row.key)):
        return False
    branches.replace_provenance(tx.connection, row.key, wanted)
    tx.checked[row.key] = None
    return True


def _find_or_create(tx: Transaction, branch: BranchKey) -> BranchRow:
    repo = find_repo(tx, branch.repo)
    row = branches.find_branch(tx.connection, repo.key, branch.name)
    return row if row is not None else create_branch(tx, branch)


def _move_head(tx: Transaction, row: BranchRow, head: CommitReference) -> None:
    commit = resolve_commit(tx, head)
    if commit.repo_key != row.repo_key:
        raise InvalidInputError(
            f"branch {row.branch} and head commit {commit.commit}: branch and head commit must belong to the same repo"
        )
    root_of(commit)  # raises if there would be nothing to see
    check_base_of_next(tx, commit)
    if commit.key != row.head:
        branches.update_branch(tx.connection, row.key, head=commit.key, updated_at=tx.now)
        tx.moved[row.key] = None


def give_empty_head(tx: Transaction, row: BranchRow, *, origin: OriginKind = OriginKind.AUTO) -> None:
    """Make a branch without a head stand at a finished commit without files."""
    # A second branch of one repo in one transaction shares the set's one commit there.
    commit = commits.find_commit(tx.connection, row.repo_key, tx.id)
    if commit is None:
        commit = commits.insert_commit(
            tx.connection,
            repo_key=row.repo_key,
            id=tx.id,
            branch_name=row.branch.name,
            origin=origin,
            parent=None,
            now=tx.now,
        )
        commits.update_commit(tx.connection, commit.key, finishing_at=tx.now, finished_at=tx.now, root="")
    branches.update_branch(tx.connection, row.key, head=commit.key)
    tx.moved[row.key] = None


def inspect_branch(tx: Transaction, branch: BranchKey) -> BranchInfo:
    """Return the branch, or raise NotFoundError."""
    return _info(tx, find_branch(tx, branch))


def list_branches(tx: Transaction, repo: RepoKey | None = None, *, reverse: bool = False) -> list[BranchInfo]:
    """Return the branches of a repo, or all, newest first; reverse gives the oldest first."""
    rows = branches.list_branches(tx.connection, None if repo is None else find_repo(tx, repo).key)
    return [_info(tx, row) for row in (reversed(rows) if reverse else rows)]


def _info(tx: Transaction, row: BranchRow) -> BranchInfo:
    def named(keys: Sequence[int]) -> tuple[BranchKey, ...]:
        return tuple(sorted(branches.branch_by_key(tx.connection, key).branch for key in keys))

    direct = branches.provenance_of(tx.connection, row.key)
    return BranchInfo(
        branch=row.branch,
        head=_head(tx, row),
        direct_provenance=named([key for key, _ in direct]),
        provenance=named(upstream_of(tx, row.key)),
        subvenance=named(downstream_of(tx, row.key)),
        trigger=None if row.trigger is None else Trigger(**row.trigger),
        created_at=row.created_at,
        updated_at=row.updated_at,
        metadata=row.metadata,
        never_propagates=named([key for key, never in direct if never]),
    )


def _head(tx: Transaction, row: BranchRow) -> CommitKey | None:
    return None if row.head is None else commits.commit_by_key(tx.connection, row.head).commit


def delete_branch(tx: Transaction, branch: BranchKey, *, force: bool = False) -> None:
    """Remove a branch; its commits stay. Refused while others depend on it, unless forced."""
    row = find_branch(tx, branch)
    if not force:
        for key, _ in branches.subvenance_of(tx.connection, row.key):
            below = branches.branch_by_key(tx.connection, key).branch
            raise ConflictError(
                f"branch {row.branch} cannot be deleted because it's in the direct provenance of {below}"
            )
        _check_no_triggers(tx, row)
    branches.delete_branch(tx.connection, row.key)


def _check_no_triggers(tx: Transaction, row: BranchRow) -> None:
    if row.trigger is not None:
        source = row.trigger["branch"]
        raise ConflictError(f"branch {row.branch} cannot be deleted because it is triggered by branches [{source}]")
    triggered = [
        other.branch.name
        for other in branches.list_branches(tx.connection, row.repo_key)
        if other.trigger is not None and other.trigger["branch"] == row.branch.name
    ]
    if triggered:
        raise ConflictError(f"branch {row.branch} cannot be deleted because it triggers branches {triggered}")
