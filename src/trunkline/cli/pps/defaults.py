"""Commands for the defaults under every specification, of the cluster or of a project."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

import click

from trunkline import proto
from trunkline.cli import references as refer
from trunkline.cli.options import command, pass_session
from trunkline.cli.pps.documents import read_as_json
from trunkline.cli.session import Session
from trunkline.cli.show.terminal import say

_NOTHING = "{}"


def _scope_options(function: Callable[..., Any]) -> Callable[..., Any]:
    """Add --cluster and --project."""
    function = click.option("--project", metavar="NAME", help="The defaults of this project.")(function)
    return click.option("--cluster", is_flag=True, help="The defaults of all projects.")(function)


@dataclass(frozen=True, slots=True)
class Change:
    """Whose defaults are changed, and what is to happen to pipelines that they affect."""

    cluster: bool
    project: str | None
    regenerate: bool
    reprocess: bool
    dry_run: bool


def _change_options(function: Callable[..., Any]) -> Callable[..., Any]:
    """Add the options of a change; the function gets ``change``."""

    @_scope_options
    @click.option("--regenerate", is_flag=True, help="Update the pipelines that are affected.")
    @click.option("--reprocess", is_flag=True, help="Update them, and process all their datums again.")
    @click.option("--dry-run", is_flag=True, help="Only say which pipelines are affected.")
    @functools.wraps(function)
    def wrapped(
        session: Session,
        *,
        cluster: bool,
        project: str | None,
        regenerate: bool,
        reprocess: bool,
        dry_run: bool,
        **others: object,
    ) -> None:
        function(session, change=Change(cluster, project, regenerate, reprocess, dry_run), **others)

    return wrapped


_file_option = click.option("-f", "--file", default="-", help="The defaults in JSON or YAML; - is standard input.")


@command("defaults")
@_scope_options
@pass_session
def inspect_defaults(session: Session, *, cluster: bool, project: str | None) -> None:
    """Show the defaults under every specification."""
    if cluster:
        text = session.client.pps.GetClusterDefaults(proto.pps_pb2.GetClusterDefaultsRequest()).cluster_defaults_json
    else:
        message = refer.project(session.project(project))
        request = proto.pps_pb2.GetProjectDefaultsRequest(project=message)
        text = session.client.pps.GetProjectDefaults(request).project_defaults_json
    say(text or _NOTHING)


@command("defaults")
@_file_option
@pass_session
@_change_options
def create_defaults(session: Session, *, file: str, change: Change) -> None:
    """Set the defaults under every specification."""
    _set(session, read_as_json(file), change)


@command("defaults")
@_file_option
@pass_session
@_change_options
def update_defaults(session: Session, *, file: str, change: Change) -> None:
    """Change the defaults under every specification."""
    _set(session, read_as_json(file), change)


@command("defaults")
@pass_session
@_change_options
def delete_defaults(session: Session, *, change: Change) -> None:
    """Remove the defaults under every specification."""
    _set(session, _NOTHING, change)


def _set(session: Session, text: str, change: Change) -> None:
    if change.cluster and change.project:
        raise click.UsageError("give either --cluster or --project")
    affected = _set_cluster(session, text, change) if change.cluster else _set_project(session, text, change)
    names = [f"{pipeline.project.name}/{pipeline.name}" for pipeline in affected]
    if names:
        say("affected pipelines:\n" + "\n".join(names))


def _set_cluster(session: Session, text: str, change: Change) -> Iterable[proto.pps_pb2.Pipeline]:
    request = proto.pps_pb2.SetClusterDefaultsRequest(
        cluster_defaults_json=text,
        regenerate=change.regenerate,
        reprocess=change.reprocess,
        dry_run=change.dry_run,
    )
    return session.client.pps.SetClusterDefaults(request).affected_pipelines


def _set_project(session: Session, text: str, change: Change) -> Iterable[proto.pps_pb2.Pipeline]:
    request = proto.pps_pb2.SetProjectDefaultsRequest(
        project=refer.project(session.project(change.project)),
        project_defaults_json=text,
        regenerate=change.regenerate,
        reprocess=change.reprocess,
        dry_run=change.dry_run,
    )
    return session.client.pps.SetProjectDefaults(request).affected_pipelines
