"""Commands for repos."""

from __future__ import annotations

from collections.abc import Iterator

import click

from trunkline import proto
from trunkline.cli import references as refer
from trunkline.cli.options import (
    ShowTime,
    all_projects_option,
    command,
    pass_session,
    project_option,
    raw_options,
    timestamps_option,
)
from trunkline.cli.session import Session
from trunkline.cli.show import human
from trunkline.cli.show.raw import print_messages
from trunkline.cli.show.tables import print_details, print_table
from trunkline.cli.show.terminal import say


@command("repo")
@click.argument("repo")
@click.option("-d", "--description", default="", help="What the repo is for.")
@project_option
@pass_session
def create_repo(session: Session, *, repo: str, description: str, project: str | None) -> None:
    """Create a repo."""
    _create(session, repo, description, project, update=False)


@command("repo")
@click.argument("repo")
@click.option("-d", "--description", default="", help="What the repo is for.")
@project_option
@pass_session
def update_repo(session: Session, *, repo: str, description: str, project: str | None) -> None:
    """Change a repo's description."""
    _create(session, repo, description, project, update=True)


def _create(session: Session, repo: str, description: str, project: str | None, *, update: bool) -> None:
    message = refer.repo(repo, session.project(project))
    request = proto.pfs_pb2.CreateRepoRequest(repo=message, description=description, update=update)
    session.client.pfs.CreateRepo(request)
    session.report_transaction()


@command("repo")
@click.option("--all", "all_types", is_flag=True, help="With the system's own repos.")
@click.option(
    "--type",
    "kind",
    type=click.Choice(["user", "meta", "spec"]),
    default="user",
    help="Only repos of this type.",
    show_default=True,
)
@all_projects_option
@project_option
@raw_options
@timestamps_option
@pass_session
def list_repo(
    session: Session,
    *,
    all_types: bool,
    kind: str,
    all_projects: bool,
    project: str | None,
    raw: str | None,
    show_time: ShowTime,
) -> None:
    """List the repos of a project."""
    projects = [] if all_projects else [refer.project(session.project(project))]
    request = proto.pfs_pb2.ListRepoRequest(type="" if all_types else kind, projects=projects)
    repos = session.client.pfs.ListRepo(request)
    if raw:
        print_messages(repos, raw)
        return
    infos = list(repos)
    with_access = any(info.HasField("auth_info") for info in infos)
    header = ["PROJECT", "NAME", "CREATED", "SIZE (MASTER)", *(["ACCESS LEVEL"] if with_access else []), "DESCRIPTION"]
    print_table(header, _rows(infos, show_time, with_access=with_access))


def _rows(infos: list[proto.pfs_pb2.RepoInfo], show_time: ShowTime, *, with_access: bool) -> Iterator[list[str]]:
    for info in infos:
        access = [", ".join(info.auth_info.roles)] if with_access else []
        name = info.repo.name + ("" if info.repo.type == "user" else f".{info.repo.type}")
        yield [
            info.repo.project.name,
            name,
            show_time(info.created),
            size_of(info, info.size_bytes_upper_bound),
            *access,
            info.description,
        ]


def size_of(info: proto.pfs_pb2.RepoInfo | proto.pfs_pb2.CommitInfo, upper_bound: int) -> str:
    """Return the exact size where it is known, else ``≤`` its bound."""
    return human.size(info.details.size_bytes) if info.HasField("details") else f"≤ {human.size(upper_bound)}"


@command("repo")
@click.argument("repo")
@project_option
@raw_options
@timestamps_option
@pass_session
def inspect_repo(session: Session, *, repo: str, project: str | None, raw: str | None, show_time: ShowTime) -> None:
    """Show a repo."""
    message = refer.repo(repo, session.project(project))
    info = session.client.pfs.InspectRepo(proto.pfs_pb2.InspectRepoRequest(repo=message))
    if raw:
        print_messages([info], raw)
        return
    print_details(
        [
            ("Name", info.repo.name),
            ("Project", info.repo.project.name),
            ("Description", info.description),
            ("Created", show_time(info.created)),
            ("Size of HEAD on master", size_of(info, info.size_bytes_upper_bound)),
            ("Branches", ", ".join(branch.name for branch in info.branches)),
            ("Access level", ", ".join(info.auth_info.roles)),
        ]
    )


@command("repo")
@click.argument("repo", required=False)
@click.option("-f", "--force", is_flag=True, help="Even if branches of other repos depend on it.")
@click.option("--all", "delete_all", is_flag=True, help="All repos of the project.")
@all_projects_option
@project_option
@pass_session
def delete_repo(
    session: Session, *, repo: str | None, force: bool, delete_all: bool, all_projects: bool, project: str | None
) -> None:
    """Delete a repo."""
    if bool(repo) == delete_all:
        raise click.UsageError("give either a repo or --all")
    if repo:
        message = refer.repo(repo, session.project(project))
        answer = session.client.pfs.DeleteRepo(proto.pfs_pb2.DeleteRepoRequest(repo=message, force=force))
        if not session.transaction and not answer.deleted:
            say(f"repo {message.project.name}/{message.name} does not exist", err=True)
        session.report_transaction()
        return
    projects = [] if all_projects else [refer.project(session.project(project))]
    request = proto.pfs_pb2.DeleteReposRequest(projects=projects, force=force, all=all_projects)
    for deleted in session.client.pfs.DeleteRepos(request).repos:
        say(f"deleted {deleted.project.name}/{deleted.name}.{deleted.type}", err=True)
