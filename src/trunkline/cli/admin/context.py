"""Commands for the configuration file."""

from __future__ import annotations

import json
import sys
from dataclasses import replace
from typing import Any

import click

from trunkline.cli.options import command, pass_session
from trunkline.cli.session import Session
from trunkline.cli.show.tables import print_table
from trunkline.cli.show.terminal import say
from trunkline.client.addresses import parse_address
from trunkline.client.config import Context
from trunkline.errors import Error, InvalidInputError, NotFoundError
from trunkline.model.names import check_project_name

_ANSWER_SECONDS = 1.0


@command("context")
@click.argument("name", required=False)
@pass_session
def get_context(session: Session, *, name: str | None) -> None:
    """Show a context, by default the one in use."""
    _, context = session.config.context(name or "")
    say(json.dumps(context.to_json(), indent=2))


@command("active-context")
@pass_session
def get_active_context(session: Session) -> None:
    """Print the name of the context in use."""
    say(session.config.context()[0])


@command("metrics")
@pass_session
def get_metrics(session: Session) -> None:
    """Print whether metrics are on; this program sends none."""
    say(str(session.config.metrics).lower())


@command("context")
@click.argument("name")
@click.option("--overwrite", is_flag=True, help="Replace a context of that name.")
@pass_session
def set_context(session: Session, *, name: str, overwrite: bool) -> None:
    """Write a context, read as JSON from standard input."""
    if name in session.config.contexts and not overwrite:
        raise InvalidInputError(f"context {name!r} exists already: use --overwrite to replace it")
    try:
        data = json.load(sys.stdin)
    except ValueError as error:
        raise InvalidInputError(f"standard input is not JSON: {error}") from None
    if not isinstance(data, dict):
        raise InvalidInputError("a context is a JSON object")
    session.write(session.config.with_context(name, Context.from_json(data)))


@command("active-context")
@click.argument("name")
@pass_session
def set_active_context(session: Session, *, name: str) -> None:
    """Choose the context in use."""
    session.config.context(name)
    session.write(replace(session.config, active_context=name))


@command("metrics")
@click.argument("value", type=bool)
@pass_session
def set_metrics(session: Session, *, value: bool) -> None:
    """Say whether metrics are on; this program sends none."""
    session.write(replace(session.config, metrics=value))


@command("context")
@click.argument("name", required=False)
@click.option("--pachd-address", help="The server's address; empty means the local server.")
@click.option("--project", help="The project that commands are about.")
@click.option("--server-cas", help="PEM certificates of the server, in base64.")
@click.option("--namespace", help="Kept for other programs.")
@click.option("--cluster-name", help="Kept for other programs.")
@click.option("--auth-info", help="Kept for other programs.")
@click.option("--remove-cluster-deployment-id", is_flag=True, help="Forget which server this was.")
@pass_session
def update_context(
    session: Session,
    *,
    name: str | None,
    pachd_address: str | None,
    project: str | None,
    server_cas: str | None,
    namespace: str | None,
    cluster_name: str | None,
    auth_info: str | None,
    remove_cluster_deployment_id: bool,
) -> None:
    """Change a context, by default the one in use."""
    name, context = session.config.context(name or "")
    others = {"namespace": namespace, "cluster_name": cluster_name, "auth_info": auth_info}
    changes: dict[str, Any] = {"other": {**context.other, **{key: value for key, value in others.items() if value}}}
    if pachd_address is not None:
        changes["pachd_address"] = str(parse_address(pachd_address)) if pachd_address else ""
        changes["cluster_deployment_id"] = ""
    if project is not None:
        check_project_name(project)
        changes["project"] = project
    if server_cas is not None:
        changes["server_cas"] = server_cas
    if remove_cluster_deployment_id:
        changes["cluster_deployment_id"] = ""
    session.write(session.config.with_context(name, replace(context, **changes)))
    say(f"editing the context {name!r}", err=True)
    if project:
        _warn_of_missing_project(session, session.config.contexts[name])


def _warn_of_missing_project(session: Session, context: Context) -> None:
    """Say that the project of a context is not there, if a server answers that; it may be created later."""
    from trunkline import proto
    from trunkline.client.connection import connect as connect_to

    if session.would_start_server(context):
        return
    request = proto.pfs_pb2.InspectProjectRequest(project=proto.pfs_pb2.Project(name=context.project))
    try:
        with connect_to(context=context, rpc_timeout_seconds=_ANSWER_SECONDS) as client:
            client.pfs.InspectProject(request)
    except NotFoundError:
        say(
            f"warning: there is no project {context.project!r} yet: make it with `pachctl create project "
            f"{context.project}`",
            err=True,
        )
    except Error:
        pass  # whether it answers is not what was asked for


@command("context")
@click.argument("name")
@pass_session
def delete_context(session: Session, *, name: str) -> None:
    """Delete a context."""
    session.config.context(name)
    if name == session.config.active_context:
        raise InvalidInputError(f"{name!r} is the active context: choose another one first")
    session.write(session.config.without_context(name))


@command("context")
@pass_session
def list_context(session: Session) -> None:
    """List the contexts."""
    active = session.config.context()[0]
    rows = (("*" if name == active else "", name) for name in sorted(session.config.contexts))
    print_table(("ACTIVE", "NAME"), rows)


@command("connect")
@click.argument("address")
@click.option("--alias", default="", help="The name of the context; by default the address.")
@pass_session
def connect(session: Session, *, address: str, alias: str) -> None:
    """Use the server at an address from now on."""
    from trunkline import proto
    from trunkline.client.connection import connect as connect_to

    found = str(parse_address(address))
    name = alias or found
    existing = session.config.contexts.get(name, Context())
    if existing.pachd_address not in ("", found):
        raise InvalidInputError(f"context {name!r} exists already and is for {existing.pachd_address}: use --alias")
    with connect_to(found) as client:
        cluster = client.admin.InspectCluster(proto.admin_pb2.InspectClusterRequest())
    context = replace(existing, pachd_address=found, cluster_deployment_id=cluster.deployment_id)
    session.write(replace(session.config.with_context(name, context), active_context=name))
    say(f"connected to {found}; the context {name!r} is active", err=True)
