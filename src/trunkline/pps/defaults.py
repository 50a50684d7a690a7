"""Defaults under every specification (reference, section 3.2): what is in force, and changing it."""

from dataclasses import dataclass

from trunkline.pfs.projects import inspect_project
from trunkline.pfs.queries.repos import update_project
from trunkline.pfs.transaction import Transaction
from trunkline.pps.queries.defaults import cluster_defaults, set_cluster_defaults


@dataclass(frozen=True, slots=True)
class Defaults:
    """The two layers that users may change, as JSON text."""

    cluster: str = "{}"
    project: str = "{}"


def defaults_of(tx: Transaction, project: str) -> Defaults:
    """Return the defaults in force in a project; raise NotFoundError if there is no such project."""
    return Defaults(cluster_defaults(tx.connection), inspect_project(tx, project).defaults_json)


def keep_defaults(tx: Transaction, json_text: str, *, project: str | None) -> None:
    """Put defaults in force: a project's, or the cluster's."""
    if project is None:
        set_cluster_defaults(tx.connection, json_text)
    else:
        inspect_project(tx, project)
        update_project(tx.connection, project, defaults_json=json_text)
