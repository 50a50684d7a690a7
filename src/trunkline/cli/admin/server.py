"""Commands for the server as a whole."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import click

from trunkline import __version__, proto
from trunkline.cli.options import command, confirm, parse_duration, pass_session, raw_options
from trunkline.cli.session import Session
from trunkline.cli.show.raw import print_messages
from trunkline.cli.show.tables import print_details, print_table
from trunkline.cli.show.terminal import say
from trunkline.client.addresses import DEFAULT_PORT
from trunkline.client.local_server import home_directory, stop_server
from trunkline.errors import CorruptDataError, UnavailableError
from trunkline.model.names import USER

if TYPE_CHECKING:
    from trunkline.client.connection import Client

_HTTP_PORT = 30600


@command("serve")
@click.option("--home", type=click.Path(path_type=Path), help="Where the state is; by default $TRUNKLINE_HOME.")
@click.option("--host", default="127.0.0.1", show_default=True, help="The address to listen on.")
@click.option("--grpc-port", default=DEFAULT_PORT, show_default=True, help="The port for clients; 0 picks a free one.")
@click.option("--http-port", default=_HTTP_PORT, show_default=True, help="The port for HTTP; 0 picks a free one.")
@click.option("--workers", type=click.IntRange(min=1), help="How many datums run at once; by default one per core.")
@click.option(
    "--runner", type=click.Choice(["auto", "process", "warm", "reuse"]), default="auto", help="How Python is run."
)
@click.option("--allow-local-users", is_flag=True, help="Let every user of this machine in, who then act as you do.")
@click.option(
    "--pass-env",
    multiple=True,
    metavar="NAME",
    envvar="TRUNKLINE_PASS_ENV",
    show_envvar=True,
    help="Let commands of pipelines see this variable of the server, too.",
)
@click.option(
    "--allow-files",
    multiple=True,
    metavar="DIRECTORY",
    envvar="TRUNKLINE_ALLOW_FILES",
    show_envvar=True,
    type=click.Path(exists=True, file_okay=False, resolve_path=True, path_type=Path),
    help="Let file:// URLs and sqlite:// databases name what is below this directory.",
)
@pass_session
def serve(
    session: Session,
    *,
    home: Path | None,
    host: str,
    grpc_port: int,
    http_port: int,
    workers: int | None,
    runner: str,
    allow_local_users: bool,
    pass_env: tuple[str, ...],
    allow_files: tuple[Path, ...],
) -> None:
    """Run the server.

    It runs until Ctrl-C. All its state is in one directory.
    """
    from trunkline.app.serve import serve as run_server

    run_server(
        home_directory=home.absolute() if home else home_directory(),
        host=host,
        grpc_port=grpc_port,
        http_port=http_port,
        workers=workers,
        runner=runner,
        allows_local_users=allow_local_users,
        passed_variables=pass_env,
        allowed_files=allow_files,
        verbose=session.verbose,
    )


@command("shutdown")
@click.option("--home", type=click.Path(path_type=Path), help="Of the server whose state is here.")
@pass_session
def shutdown(session: Session, *, home: Path | None) -> None:
    """End the local server that runs in the background.

    What it was doing goes on when it is started again.
    """
    directory = home.absolute() if home else home_directory()
    record = stop_server(directory)
    say(f"ended process {record.pid}" if record else f"no server runs in {directory}", err=True)


@command("version")
@click.option("--client-only", is_flag=True, help="Do not ask the server.")
@click.option("--timeout", default="1s", show_default=True, help="How long to wait for the server.")
@click.option("--compare", is_flag=True, help="Fail if the versions differ.")
@raw_options
@pass_session
def version(session: Session, *, client_only: bool, timeout: str, compare: bool, raw: str | None) -> None:
    """Print the versions of this program and of the server."""
    rows = [("pachctl", __version__)]
    server = None if client_only or session.would_start_server() else _server_version(session, parse_duration(timeout))
    if server is not None:
        rows.append(("pachd", f"{server.major}.{server.minor}.{server.micro}{server.additional}"))
    if raw:
        major, minor, micro = (int(part) for part in __version__.split(".")[:3])
        own = proto.version_pb2.Version(major=major, minor=minor, micro=micro)
        print_messages([own, *([server] if server is not None else [])], raw)
    else:
        print_table(("COMPONENT", "VERSION"), rows)
    if compare and server is not None and __version__ not in rows[1][1]:
        raise click.ClickException(f"versions differ: this is {__version__}, the server is {rows[1][1]}")
    if server is None and not client_only:
        say("no local server runs", err=True)


def _server_version(session: Session, timeout_seconds: float) -> proto.version_pb2.Version:
    from google.protobuf.empty_pb2 import Empty

    try:
        return session.client.version.GetVersion(Empty(), timeout=timeout_seconds)
    except UnavailableError:
        print_table(("COMPONENT", "VERSION"), [("pachctl", __version__)])
        raise


@command("cluster")
@raw_options
@pass_session
def inspect_cluster(session: Session, *, raw: str | None) -> None:
    """Show the server."""
    request = proto.admin_pb2.InspectClusterRequest()
    request.current_project.name = session.project()
    info = session.client.admin.InspectCluster(request)
    if raw:
        print_messages([info], raw)
        return
    print_details(
        [
            ("Address", str(session.client.address)),
            ("ID", info.id),
            ("Deployment ID", info.deployment_id),
            ("Warnings", "\n".join(info.warnings)),
            ("Paused", "yes" if info.paused else ""),
        ]
    )


@command("fsck")
@click.option("-f", "--fix", is_flag=True, help="Repair what can be repaired.")
@click.option("--zombie", default="", metavar="ID", help="Look for files in this commit whose datum is gone.")
@click.option("--zombie-all", is_flag=True, help="Look for files in all outputs whose datum is gone.")
@click.option("--project", metavar="NAME", help="The project of --zombie.")
@click.option("--read-data", is_flag=True, help="Read every stored byte again and compare it with its hash.")
@pass_session
def fsck(session: Session, *, fix: bool, zombie: str, zombie_all: bool, project: str | None, read_data: bool) -> None:
    """Check the repository's consistency.

    Branches, commits, tables and where files are said to lie; with --read-data also every byte of them, and damaged
    files are named. --fix mends heads, parents and provenance from what is stored; with --read-data, files that need
    what is damaged use a sound copy, where there is one: put a damaged file again, then fix. It deletes no files, and
    what it cannot mend stays an error.
    """
    from trunkline.cli import references as refer

    request = proto.pfs_pb2.FsckRequest(fix=fix)
    if zombie:
        request.zombie_target.CopyFrom(refer.commit(zombie, session.project(project)))
    elif zombie_all:
        request.zombie_all = True
    damage = _read_data(session) if read_data else ""
    errors = fixes = 0
    for response in session.client.pfs.Fsck(request):
        if response.error:
            errors += 1
            say(f"Error: {response.error}")
        else:
            fixes += 1
            say(f"Fix applied: {response.fix}")
    if damage and fixes:
        damage = _read_data(session)
    if damage:
        errors += 1
        say(f"Error: {damage}")
    if not read_data:
        say("The bytes of files were not read: --read-data does that.", err=True)
    if errors:
        raise click.ClickException(f"found {errors} error{'s' if errors > 1 else ''}")
    if not fixes:
        say("No errors found.")


def _read_data(session: Session) -> str:
    """Let the server read every stored byte; return what is damaged."""
    try:
        session.client.pfs.CheckStorage(proto.pfs_pb2.CheckStorageRequest(read_chunk_data=True))
    except CorruptDataError as error:
        return str(error)
    return ""


@command("all")
@click.option("-f", "--force", is_flag=True, help="Do not ask.")
@pass_session
def delete_all(session: Session, *, force: bool) -> None:
    """Delete everything.

    All projects, pipelines, repos, secrets, defaults and open transactions. Says what there is, and asks first.
    """
    from google.protobuf.empty_pb2 import Empty

    client = session.client_outside_transaction
    say(f"This deletes everything at {client.address}:", err=True)
    for line in _all_there_is(client):
        say(f"  {line}", err=True)
    if not force:
        confirm("Delete it all?")
    client.pps.DeleteAll(Empty())
    client.pfs.DeleteAll(Empty())
    client.transaction.DeleteAll(proto.transaction_pb2.DeleteAllRequest())


def _all_there_is(client: Client) -> Iterator[str]:
    """Yield what `delete all` takes away, as ``repo default/images``."""
    from google.protobuf.empty_pb2 import Empty

    for project in client.pfs.ListProject(proto.pfs_pb2.ListProjectRequest()):
        yield f"project {project.project.name}"
    for info in client.pps.ListPipeline(proto.pps_pb2.ListPipelineRequest()):
        yield f"pipeline {info.pipeline.project.name}/{info.pipeline.name}"
    for repo in client.pfs.ListRepo(proto.pfs_pb2.ListRepoRequest(type=USER)):
        yield f"repo {repo.repo.project.name}/{repo.repo.name}"
    for secret in client.pps.ListSecret(Empty()).secret_info:
        yield f"secret {secret.secret.name}"
    listed = client.transaction.ListTransaction(proto.transaction_pb2.ListTransactionRequest())
    for transaction in listed.transaction_info:
        yield f"transaction {transaction.transaction.id}"
