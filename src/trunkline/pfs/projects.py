"""Projects (reference, section 1.2)."""

from trunkline.errors import AlreadyExistsError, ConflictError, NotFoundError
from trunkline.model.names import DEFAULT_PROJECT, check_project_name
from trunkline.model.versions import ProjectInfo
from trunkline.pfs.queries import repos
from trunkline.pfs.repos import delete_repo
from trunkline.pfs.transaction import Transaction


def create_project(tx: Transaction, name: str, *, description: str = "", update: bool = False) -> None:
    """Create a project, or with update rewrite the description of one that exists."""
    if update:
        inspect_project(tx, name)
        repos.update_project(tx.connection, name, description=description)
        return
    check_project_name(name)
    if repos.find_project(tx.connection, name) is not None:
        raise AlreadyExistsError(f'project "{name}" already exists')
    repos.insert_project(tx.connection, name, description, tx.now)


def inspect_project(tx: Transaction, name: str) -> ProjectInfo:
    """Return the project, or raise NotFoundError."""
    project = repos.find_project(tx.connection, name or DEFAULT_PROJECT)
    if project is None:
        raise NotFoundError(f'project "{name}" not found')
    return project


def list_projects(tx: Transaction) -> list[ProjectInfo]:
    """Return all projects, newest first."""
    return repos.list_projects(tx.connection)


def delete_project(tx: Transaction, name: str, *, force: bool = False) -> None:
    """Remove a project that is empty, or with force its repos too, whoever reads them. The default one stays."""
    inspect_project(tx, name)
    if name == DEFAULT_PROJECT:
        raise ConflictError(f'cannot delete project "{name}": it always exists; delete what is in it')
    left = repos.list_repos(tx.connection, projects=[name])
    if left and not force:
        raise ConflictError(f'cannot delete project "{name}": repo {left[0].repo} still exists')
    _remove(tx, name)


def delete_all_projects(tx: Transaction) -> None:
    """Remove all projects with their repos, and make an empty default project."""
    for project in repos.list_projects(tx.connection):
        _remove(tx, project.name)
    create_project(tx, DEFAULT_PROJECT)


def _remove(tx: Transaction, name: str) -> None:
    for row in repos.list_repos(tx.connection, projects=[name]):
        delete_repo(tx, row.repo, force=True)
    repos.delete_project(tx.connection, name)
