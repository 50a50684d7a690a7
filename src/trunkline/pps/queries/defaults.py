"""Defaults under every specification: of the cluster in ``settings``, of a project in its row."""

from sqlalchemy import Connection, delete, insert, select

from trunkline.db.tables import settings

_CLUSTER = "cluster_defaults"


def cluster_defaults(connection: Connection) -> str:
    """Return the cluster's defaults as JSON text."""
    found = connection.execute(select(settings.c.value).where(settings.c.name == _CLUSTER)).scalar()
    return "{}" if found is None else str(found)


def set_cluster_defaults(connection: Connection, json_text: str) -> None:
    """Replace the cluster's defaults."""
    connection.execute(delete(settings).where(settings.c.name == _CLUSTER))
    connection.execute(insert(settings).values(name=_CLUSTER, value=json_text))
