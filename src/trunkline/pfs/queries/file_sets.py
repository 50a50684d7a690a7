"""Temporary file sets."""

from sqlalchemy import Connection, delete, insert, select, update

from trunkline.db.tables import file_sets


def insert_file_set(connection: Connection, id: str, layers: list[str], expires_at: int) -> None:  # noqa: A002
    """Keep layers under an id."""
    connection.execute(insert(file_sets).values(id=id, layers=layers, expires_at=expires_at))


def find_file_set(connection: Connection, id: str) -> tuple[list[str], int] | None:  # noqa: A002
    """Return (layers, expiry) of a file set."""
    row = connection.execute(select(file_sets).where(file_sets.c.id == id)).first()
    return None if row is None else (list(row.layers), row.expires_at)


def all_layers(connection: Connection) -> list[str]:
    """Return the layers of all file sets."""
    return [layer for layers in connection.execute(select(file_sets.c.layers)).scalars() for layer in layers]


def update_expiry(connection: Connection, id: str, expires_at: int) -> None:  # noqa: A002
    """Set when a file set expires."""
    connection.execute(update(file_sets).where(file_sets.c.id == id).values(expires_at=expires_at))


def delete_expired(connection: Connection, now: int) -> None:
    """Forget the file sets that have expired."""
    connection.execute(delete(file_sets).where(file_sets.c.expires_at < now))
