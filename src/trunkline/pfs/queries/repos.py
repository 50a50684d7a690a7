"""Projects and repos."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, Row, delete, insert, select, update

from trunkline.db.tables import projects, repos
from trunkline.model.versions import ProjectInfo, RepoKey


@dataclass(frozen=True, slots=True)
class RepoRow:
    """A row of ``repos``."""

    key: int
    repo: RepoKey
    description: str
    created_at: int
    metadata: dict[str, str]


def _project(row: Row[Any]) -> ProjectInfo:
    return ProjectInfo(row.name, row.description, row.created_at, row.metadata, row.defaults_json)


def _repo(row: Row[Any]) -> RepoRow:
    return RepoRow(row.key, RepoKey(row.project, row.name, row.type), row.description, row.created_at, row.metadata)


def insert_project(connection: Connection, name: str, description: str, now: int) -> None:
    """Add a project."""
    connection.execute(insert(projects).values(name=name, description=description, created_at=now))


def find_project(connection: Connection, name: str) -> ProjectInfo | None:
    """Return the project of that name."""
    row = connection.execute(select(projects).where(projects.c.name == name)).first()
    return None if row is None else _project(row)


def list_projects(connection: Connection) -> list[ProjectInfo]:
    """Return all projects, newest first."""
    statement = select(projects).order_by(projects.c.created_at.desc(), projects.c.key.desc())
    return [_project(row) for row in connection.execute(statement)]


def update_project(connection: Connection, name: str, **values: object) -> None:
    """Set columns of a project."""
    connection.execute(update(projects).where(projects.c.name == name).values(**values))


def delete_project(connection: Connection, name: str) -> None:
    """Remove a project; it must hold no repos."""
    connection.execute(delete(projects).where(projects.c.name == name))


def insert_repo(connection: Connection, repo: RepoKey, description: str, now: int) -> RepoRow:
    """Add a repo."""
    result = connection.execute(
        insert(repos).values(
            project=repo.project, name=repo.name, type=repo.type, description=description, created_at=now
        )
    )
    assert result.inserted_primary_key is not None
    return RepoRow(result.inserted_primary_key[0], repo, description, now, {})


def find_repo(connection: Connection, repo: RepoKey) -> RepoRow | None:
    """Return the repo of that key."""
    statement = select(repos).where(
        repos.c.project == repo.project, repos.c.name == repo.name, repos.c.type == repo.type
    )
    row = connection.execute(statement).first()
    return None if row is None else _repo(row)


def list_repos(connection: Connection, *, type: str = "", projects: Sequence[str] = ()) -> list[RepoRow]:  # noqa: A002 - the wire's word
    """Return repos, newest first; of one type and of some projects only, where given."""
    statement = select(repos).order_by(repos.c.created_at.desc(), repos.c.key.desc())
    if type:
        statement = statement.where(repos.c.type == type)
    if projects:
        statement = statement.where(repos.c.project.in_(projects))
    return [_repo(row) for row in connection.execute(statement)]


def repos_beside(connection: Connection, repo: RepoKey) -> list[RepoRow]:
    """Return the repos of every type that share this one's project and name."""
    statement = select(repos).where(repos.c.project == repo.project, repos.c.name == repo.name)
    return [_repo(row) for row in connection.execute(statement)]


def update_repo(connection: Connection, key: int, **values: object) -> None:
    """Set columns of a repo."""
    connection.execute(update(repos).where(repos.c.key == key).values(**values))


def delete_repo(connection: Connection, key: int) -> None:
    """Remove a repo; its branches and commits must be gone."""
    connection.execute(delete(repos).where(repos.c.key == key))
