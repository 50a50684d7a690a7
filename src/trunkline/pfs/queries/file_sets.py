"""Temporary file sets."""

from sqlalchemy import Connection, delete, insert, select, update

from trunkline.db.tables import cache_file_sets, file_sets


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


def is_held(connection: Connection, id: str) -> bool:  # noqa: A002
    """Tell whether something in the cache needs a file set."""
    return connection.execute(select(cache_file_sets).where(cache_file_sets.c.file_set == id)).first() is not None


def delete_expired(connection: Connection, now: int) -> None:
    """Forget the file sets that have expired and that nothing in the cache needs."""
    held = select(cache_file_sets.c.file_set)
    connection.execute(delete(file_sets).where(file_sets.c.expires_at < now, file_sets.c.id.not_in(held)))
