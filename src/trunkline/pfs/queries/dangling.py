"""Rows that name others that are not there. Only damage makes them, as the database refuses to."""

from sqlalchemy import Connection, delete, select

from trunkline.db.tables import branch_provenance, branches, commit_layers, commit_provenance, commits, projects, repos


def projects_missing(connection: Connection) -> list[str]:
    """Return the names of projects that repos are in and that do not exist."""
    known = select(projects.c.name)
    statement = select(repos.c.project).where(repos.c.project.not_in(known)).distinct().order_by(repos.c.project)
    return list(connection.execute(statement).scalars())


def branches_without_repo(connection: Connection) -> list[tuple[int, str]]:
    """Return (key, name) of branches whose repo does not exist."""
    statement = select(branches.c.key, branches.c.name).where(branches.c.repo.not_in(select(repos.c.key)))
    return [(row.key, row.name) for row in connection.execute(statement.order_by(branches.c.key))]


def commits_without_repo(connection: Connection) -> list[tuple[int, str]]:
    """Return (key, id) of commits whose repo does not exist."""
    statement = select(commits.c.key, commits.c.id).where(commits.c.repo.not_in(select(repos.c.key)))
    return [(row.key, row.id) for row in connection.execute(statement.order_by(commits.c.key))]


def layers_without_commit(connection: Connection) -> list[tuple[int, str]]:
    """Return (commit's key, layer) of what was written to commits that do not exist."""
    statement = select(commit_layers.c.commit, commit_layers.c.layer).where(
        commit_layers.c.commit.not_in(select(commits.c.key))
    )
    return [(row.commit, row.layer) for row in connection.execute(statement.order_by(commit_layers.c.key))]


def branch_edges(connection: Connection) -> list[tuple[int, int]]:
    """Return (branch, upstream) of provenance between branches of which one does not exist."""
    known = select(branches.c.key)
    is_dangling = branch_provenance.c.branch.not_in(known) | branch_provenance.c.upstream.not_in(known)
    statement = select(branch_provenance.c.branch, branch_provenance.c.upstream).where(is_dangling)
    return [(row.branch, row.upstream) for row in connection.execute(statement)]


def delete_branch_edge(connection: Connection, branch: int, upstream: int) -> None:
    """Forget provenance between two branches."""
    edge = (branch_provenance.c.branch == branch) & (branch_provenance.c.upstream == upstream)
    connection.execute(delete(branch_provenance).where(edge))


def commit_edges(connection: Connection) -> list[tuple[int, int]]:
    """Return (commit, upstream) of provenance between commits of which one does not exist."""
    known = select(commits.c.key)
    is_dangling = commit_provenance.c.commit.not_in(known) | commit_provenance.c.upstream.not_in(known)
    statement = select(commit_provenance.c.commit, commit_provenance.c.upstream).where(is_dangling)
    return [(row.commit, row.upstream) for row in connection.execute(statement)]


def delete_commit_edge(connection: Connection, commit: int, upstream: int) -> None:
    """Forget provenance between two commits."""
    edge = (commit_provenance.c.commit == commit) & (commit_provenance.c.upstream == upstream)
    connection.execute(delete(commit_provenance).where(edge))
