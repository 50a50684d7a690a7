"""Settings of the whole installation, by name."""

from sqlalchemy import Connection, delete, insert, select

from trunkline.db.tables import settings


def find_setting(connection: Connection, name: str) -> str | None:
    """Return a setting's text."""
    return connection.execute(select(settings.c.value).where(settings.c.name == name)).scalar()


def replace_setting(connection: Connection, name: str, value: str) -> None:
    """Set a setting's text."""
    connection.execute(delete(settings).where(settings.c.name == name))
    connection.execute(insert(settings).values(name=name, value=value))
