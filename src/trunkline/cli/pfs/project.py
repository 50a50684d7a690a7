"""Commands for projects."""

from __future__ import annotations

import click

from trunkline import proto
from trunkline.cli.options import ShowTime, command, confirm, pass_session, raw_options, timestamps_option
from trunkline.cli.references import project as project_message
from trunkline.cli.session import Session
from trunkline.cli.show.raw import print_messages
from trunkline.cli.show.tables import print_details, print_table
from trunkline.cli.show.terminal import say
from trunkline.errors import ConflictError
from trunkline.model.names import DEFAULT_PROJECT


@command("project")
@click.argument("project")
@click.option("-d", "--description", default="", help="What the project is for.")
@pass_session
def create_project(session: Session, *, project: str, description: str) -> None:
    """Create a project."""
    request = proto.pfs_pb2.CreateProjectRequest(project=project_message(project), description=description)
    session.client.pfs.CreateProject(request)


@command("project")
@click.argument("project")
@click.option("-d", "--description", default="", help="What the project is for.")
@pass_session
def update_project(session: Session, *, project: str, description: str) -> None:
    """Change a project's description."""
    request = proto.pfs_pb2.CreateProjectRequest(project=project_message(project), description=description, update=True)
    session.client.pfs.CreateProject(request)


@command("project")
@raw_options
@timestamps_option
@pass_session
def list_project(session: Session, *, raw: str | None, show_time: ShowTime) -> None:
    """List the projects.

    The one of the context in use is marked with a star.
    """
    projects = session.client.pfs.ListProject(proto.pfs_pb2.ListProjectRequest())
    if raw:
        print_messages(projects, raw)
        return
    active = session.project()
    rows = (
        ("*" if info.project.name == active else "", info.project.name, show_time(info.created_at), info.description)
        for info in projects
    )
    print_table(("ACTIVE", "PROJECT", "CREATED", "DESCRIPTION"), rows)


@command("project")
@click.argument("project")
@raw_options
@timestamps_option
@pass_session
def inspect_project(session: Session, *, project: str, raw: str | None, show_time: ShowTime) -> None:
    """Show a project."""
    request = proto.pfs_pb2.InspectProjectRequest(project=project_message(project))
    info = session.client.pfs.InspectProject(request)
    if raw:
        print_messages([info], raw)
        return
    created = show_time(info.created_at)
    print_details([("Name", info.project.name), ("Description", info.description), ("Created", created)])


@command("project")
@click.argument("project")
@click.option("-f", "--force", is_flag=True, help="Do not ask, even if pipelines of other projects read its repos.")
@pass_session
def delete_project(session: Session, *, project: str, force: bool) -> None:
    """Delete a project with all that is in it.

    Asks first if there are pipelines or repos in the project. Refused while other projects read its repos, unless
    forced.
    """
    if project == DEFAULT_PROJECT:
        raise ConflictError(
            "the default project always exists: delete what is in it, with `delete pipeline --all` and `delete repo "
            "--all`, or everything, with `delete all`"
        )
    pfs, pps, message = session.client.pfs, session.client.pps, project_message(project)
    # A missing project is an error before anything is asked.
    pfs.InspectProject(proto.pfs_pb2.InspectProjectRequest(project=message))
    found = pps.ListPipeline(proto.pps_pb2.ListPipelineRequest(projects=[message]))
    pipelines = [info.pipeline.name for info in found]
    in_project = proto.pfs_pb2.ListRepoRequest(projects=[message], type="user")
    repos = [info.repo.name for info in pfs.ListRepo(in_project)]
    if not force and (readers := _readers(session, project, repos)):
        raise ConflictError(
            f"cannot delete project {project}: its repos are read by {', '.join(readers)}: delete those first, or use "
            "--force"
        )
    if (pipelines or repos) and not force:
        say(f"This deletes project {project}, with all data in it:", err=True)
        for name in (*(f"pipeline {name}" for name in pipelines), *(f"repo {name}" for name in repos)):
            say(f"  {name}", err=True)
        confirm("Delete it?")
    if pipelines:
        pps.DeletePipelines(proto.pps_pb2.DeletePipelinesRequest(projects=[message], force=True))
    if repos:
        pfs.DeleteRepos(proto.pfs_pb2.DeleteReposRequest(projects=[message], force=True))
    pfs.DeleteProject(proto.pfs_pb2.DeleteProjectRequest(project=message, force=force))


def _readers(session: Session, project: str, repos: list[str]) -> list[str]:
    """Return what other projects compute from the repos of a project, pipelines and branches of people, by repo."""
    readers = set()
    for name in repos:
        repo = proto.pfs_pb2.Repo(project=project_message(project), name=name, type="user")
        for info in session.client.pfs.ListBranch(proto.pfs_pb2.ListBranchRequest(repo=repo)):
            readers |= {
                f"{branch.repo.project.name}/{branch.repo.name}"
                for branch in info.subvenance
                if branch.repo.project.name != project
            }
    return sorted(readers)
