"""Commits, their provenance, and the layers of open ones."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, Row, Select, delete, insert, select, update

from trunkline.db.tables import commit_layers, commit_provenance, commits, repos
from trunkline.model.jobs import OriginKind
from trunkline.model.versions import CommitKey, RepoKey

_KEYS_AT_ONCE = 10_000
"""A statement of SQLite has at most 32,766 values."""


@dataclass(frozen=True, slots=True)
class CommitRow:
    """A row of ``commits`` with its repo's name."""

    key: int
    commit: CommitKey
    repo_key: int
    branch_name: str
    origin: OriginKind
    description: str
    parent: int | None
    started_at: int
    finishing_at: int | None
    finished_at: int | None
    error: str
    size_bytes_upper_bound: int
    size_bytes: int
    base_root: str | None
    root: str | None
    forgotten_at: int | None
    metadata: dict[str, str]


def _commit(row: Row[Any]) -> CommitRow:
    return CommitRow(
        row.key,
        CommitKey(RepoKey(row.project, row.repo_name, row.type), row.id),
        row.repo,
        row.branch_name,
        OriginKind(row.origin),
        row.description,
        row.parent,
        row.started_at,
        row.finishing_at,
        row.finished_at,
        row.error,
        row.size_bytes_upper_bound,
        row.size_bytes,
        row.base_root,
        row.root,
        row.forgotten_at,
        row.metadata,
    )


def _select() -> Select[Any]:
    return select(commits, repos.c.project, repos.c.name.label("repo_name"), repos.c.type).join(
        repos, repos.c.key == commits.c.repo
    )


def insert_commit(
    connection: Connection,
    *,
    repo_key: int,
    id: str,  # noqa: A002 - the field's word
    branch_name: str,
    origin: OriginKind,
    parent: int | None,
    now: int,
    description: str = "",
) -> CommitRow:
    """Add an open commit."""
    result = connection.execute(
        insert(commits).values(
            repo=repo_key,
            id=id,
            branch_name=branch_name,
            origin=int(origin),
            parent=parent,
            started_at=now,
            description=description,
        )
    )
    assert result.inserted_primary_key is not None
    return commit_by_key(connection, result.inserted_primary_key[0])


def commit_by_key(connection: Connection, key: int) -> CommitRow:
    """Return the commit with that row key, which must exist."""
    return _commit(connection.execute(_select().where(commits.c.key == key)).one())


def commits_by_key(connection: Connection, keys: Sequence[int]) -> list[CommitRow]:
    """Return those of the commits that exist, oldest first."""
    ordered = sorted(set(keys))
    found: list[CommitRow] = []
    for start in range(0, len(ordered), _KEYS_AT_ONCE):
        statement = _select().where(commits.c.key.in_(ordered[start : start + _KEYS_AT_ONCE])).order_by(commits.c.key)
        found += [_commit(row) for row in connection.execute(statement)]
    return found


def find_commit(connection: Connection, repo_key: int, id: str) -> CommitRow | None:  # noqa: A002
    """Return the commit of that repo and set."""
    row = connection.execute(_select().where(commits.c.repo == repo_key, commits.c.id == id)).first()
    return None if row is None else _commit(row)


def commits_of_set(connection: Connection, id: str) -> list[CommitRow]:  # noqa: A002
    """Return the commits with that id, in the order they were made."""
    return [_commit(row) for row in connection.execute(_select().where(commits.c.id == id).order_by(commits.c.key))]


def list_commits(connection: Connection, repo_key: int | None = None, *, after: int = 0) -> list[CommitRow]:
    """Return commits made after the one with that key, newest first."""
    statement = _select().where(commits.c.key > after).order_by(commits.c.key.desc())
    if repo_key is not None:
        statement = statement.where(commits.c.repo == repo_key)
    return [_commit(row) for row in connection.execute(statement)]


def newest_of_branch(
    connection: Connection, repo_key: int, branch_name: str, *, before: int | None = None, has_files: bool = False
) -> CommitRow | None:
    """Return the newest commit that was made on a branch, or on it before the one with that key."""
    statement = _select().where(commits.c.repo == repo_key, commits.c.branch_name == branch_name)
    if has_files:
        statement = statement.where(commits.c.forgotten_at.is_(None))
    if before is not None:
        statement = statement.where(commits.c.key < before)
    row = connection.execute(statement.order_by(commits.c.key.desc()).limit(1)).first()
    return None if row is None else _commit(row)


def children_of(connection: Connection, key: int) -> list[CommitRow]:
    """Return the commits whose parent this is, oldest first."""
    return [
        _commit(row) for row in connection.execute(_select().where(commits.c.parent == key).order_by(commits.c.key))
    ]


def unsettled_commits(connection: Connection) -> list[CommitRow]:
    """Return the commits that were closed but not yet made a file set, oldest first."""
    statement = _select().where(commits.c.finished_at.is_(None), commits.c.finishing_at.is_not(None))
    return [_commit(row) for row in connection.execute(statement.order_by(commits.c.key))]


def update_commit(connection: Connection, key: int, **values: object) -> None:
    """Set columns of a commit."""
    connection.execute(update(commits).where(commits.c.key == key).values(**values))


def delete_commits(connection: Connection, keys: Sequence[int]) -> None:
    """Remove commits with their layers and provenance edges."""
    for start in range(0, len(keys), _KEYS_AT_ONCE):
        some = keys[start : start + _KEYS_AT_ONCE]
        edges = commit_provenance.c.commit.in_(some) | commit_provenance.c.upstream.in_(some)
        connection.execute(delete(commit_layers).where(commit_layers.c.commit.in_(some)))
        connection.execute(delete(commit_provenance).where(edges))
        connection.execute(delete(commits).where(commits.c.key.in_(some)))


def insert_provenance(connection: Connection, key: int, upstream: Sequence[int]) -> None:
    """Record what a commit is computed from."""
    rows = [{"commit": key, "upstream": other} for other in dict.fromkeys(upstream)]
    if rows:
        connection.execute(insert(commit_provenance), rows)


def provenance_of(connection: Connection, key: int) -> list[CommitRow]:
    """Return the commits that this one is computed from directly."""
    statement = _select().join(commit_provenance, commit_provenance.c.upstream == commits.c.key)
    statement = statement.where(commit_provenance.c.commit == key).order_by(commits.c.key)
    return [_commit(row) for row in connection.execute(statement)]


def subvenance_of(connection: Connection, key: int) -> list[CommitRow]:
    """Return the commits that are computed from this one directly."""
    statement = _select().join(commit_provenance, commit_provenance.c.commit == commits.c.key)
    statement = statement.where(commit_provenance.c.upstream == key).order_by(commits.c.key)
    return [_commit(row) for row in connection.execute(statement)]


def children_of_many(connection: Connection, keys: Sequence[int]) -> list[tuple[int, CommitRow]]:
    """Return (parent, child) for the children of these commits, oldest first."""
    statement = _select().where(commits.c.parent.in_(keys)).order_by(commits.c.key)
    return [(row.parent, _commit(row)) for row in connection.execute(statement)]


def provenance_of_many(connection: Connection, keys: Sequence[int]) -> list[tuple[int, CommitRow]]:
    """Return (commit, upstream) for what these commits are computed from directly."""
    statement = _select().join(commit_provenance, commit_provenance.c.upstream == commits.c.key)
    statement = statement.add_columns(commit_provenance.c.commit.label("edge"))
    statement = statement.where(commit_provenance.c.commit.in_(keys)).order_by(commits.c.key)
    return [(row.edge, _commit(row)) for row in connection.execute(statement)]


def subvenance_of_many(connection: Connection, keys: Sequence[int]) -> list[tuple[int, CommitRow]]:
    """Return (commit, downstream) for what is computed from these commits directly."""
    statement = _select().join(commit_provenance, commit_provenance.c.commit == commits.c.key)
    statement = statement.add_columns(commit_provenance.c.upstream.label("edge"))
    statement = statement.where(commit_provenance.c.upstream.in_(keys)).order_by(commits.c.key)
    return [(row.edge, _commit(row)) for row in connection.execute(statement)]


def append_layer(connection: Connection, key: int, layer: str) -> None:
    """Put a layer on top of an open commit's."""
    connection.execute(insert(commit_layers).values(commit=key, layer=layer))


def layers_of(connection: Connection, key: int) -> list[str]:
    """Return the layers of a commit, lowest first."""
    statement = select(commit_layers.c.layer).where(commit_layers.c.commit == key).order_by(commit_layers.c.key)
    return list(connection.execute(statement).scalars())


def delete_layers(connection: Connection, key: int) -> None:
    """Forget the layers of a commit."""
    connection.execute(delete(commit_layers).where(commit_layers.c.commit == key))
