"""Branches and the provenance between them."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, Row, Select, String, cast, delete, insert, select, update

from trunkline.db.tables import branch_provenance, branches, repos
from trunkline.model.versions import BranchKey, RepoKey


@dataclass(frozen=True, slots=True)
class BranchRow:
    """A row of ``branches`` with its repo's name."""

    key: int
    branch: BranchKey
    repo_key: int
    head: int | None
    trigger: dict[str, Any] | None
    created_at: int
    updated_at: int
    metadata: dict[str, str]


def _branch(row: Row[Any]) -> BranchRow:
    repo = RepoKey(row.project, row.repo_name, row.type)
    return BranchRow(
        row.key,
        BranchKey(repo, row.name),
        row.repo,
        row.head,
        row.trigger,
        row.created_at,
        row.updated_at,
        row.metadata,
    )


def _select() -> Select[Any]:
    return select(branches, repos.c.project, repos.c.name.label("repo_name"), repos.c.type).join(
        repos, repos.c.key == branches.c.repo
    )


def insert_branch(connection: Connection, repo_key: int, branch: BranchKey, now: int) -> BranchRow:
    """Add a branch without a head."""
    result = connection.execute(
        insert(branches).values(repo=repo_key, name=branch.name, created_at=now, updated_at=now)
    )
    assert result.inserted_primary_key is not None
    return BranchRow(result.inserted_primary_key[0], branch, repo_key, None, None, now, now, {})


def find_branch(connection: Connection, repo_key: int, name: str) -> BranchRow | None:
    """Return the branch of that repo and name."""
    row = connection.execute(_select().where(branches.c.repo == repo_key, branches.c.name == name)).first()
    return None if row is None else _branch(row)


def branch_by_key(connection: Connection, key: int) -> BranchRow:
    """Return the branch with that row key, which must exist."""
    return _branch(connection.execute(_select().where(branches.c.key == key)).one())


def find_branch_by_key(connection: Connection, key: int) -> BranchRow | None:
    """Return the branch with that row key."""
    row = connection.execute(_select().where(branches.c.key == key)).first()
    return None if row is None else _branch(row)


def list_triggered_branches(connection: Connection) -> list[BranchRow]:
    """Return the branches that have a trigger, oldest first."""
    statement = _select().where(cast(branches.c.trigger, String) != "null").order_by(branches.c.key)
    return [_branch(row) for row in connection.execute(statement)]


def list_branches(connection: Connection, repo_key: int | None = None) -> list[BranchRow]:
    """Return the branches of one repo or of all, newest first."""
    statement = _select().order_by(branches.c.created_at.desc(), branches.c.key.desc())
    if repo_key is not None:
        statement = statement.where(branches.c.repo == repo_key)
    return [_branch(row) for row in connection.execute(statement)]


def branches_with_head(connection: Connection, commit_key: int) -> list[BranchRow]:
    """Return the branches whose head that commit is."""
    return [_branch(row) for row in connection.execute(_select().where(branches.c.head == commit_key))]


def update_branch(connection: Connection, key: int, **values: object) -> None:
    """Set columns of a branch."""
    connection.execute(update(branches).where(branches.c.key == key).values(**values))


def delete_branch(connection: Connection, key: int) -> None:
    """Remove a branch with its own provenance and its place in others'."""
    connection.execute(
        delete(branch_provenance).where((branch_provenance.c.branch == key) | (branch_provenance.c.upstream == key))
    )
    connection.execute(delete(branches).where(branches.c.key == key))


def replace_provenance(connection: Connection, key: int, upstream: Iterable[tuple[int, bool]]) -> None:
    """Make (upstream branch, never propagates) the direct provenance of a branch."""
    connection.execute(delete(branch_provenance).where(branch_provenance.c.branch == key))
    rows = [{"branch": key, "upstream": other, "never": never} for other, never in upstream]
    if rows:
        connection.execute(insert(branch_provenance), rows)


def provenance_of(connection: Connection, key: int) -> list[tuple[int, bool]]:
    """Return (upstream branch, never propagates) for each direct provenance of a branch."""
    statement = (
        select(branch_provenance.c.upstream, branch_provenance.c.never)
        .where(branch_provenance.c.branch == key)
        .order_by(branch_provenance.c.upstream)
    )
    return [(row.upstream, row.never) for row in connection.execute(statement)]


def subvenance_of(connection: Connection, key: int) -> list[tuple[int, bool]]:
    """Return (downstream branch, never propagates) for each branch that is computed from this one directly."""
    statement = (
        select(branch_provenance.c.branch, branch_provenance.c.never)
        .where(branch_provenance.c.upstream == key)
        .order_by(branch_provenance.c.branch)
    )
    return [(row.branch, row.never) for row in connection.execute(statement)]
