"""Secrets, sealed."""

from dataclasses import dataclass

from sqlalchemy import Connection, delete, insert, select

from trunkline.db.tables import secrets


@dataclass(frozen=True, slots=True)
class SecretRow:
    """A row of ``secrets``."""

    name: str
    type: str
    created_at: int
    sealed: bytes


def insert_secret(connection: Connection, row: SecretRow) -> None:
    """Add a secret."""
    values = {"name": row.name, "type": row.type, "created_at": row.created_at, "sealed": row.sealed}
    connection.execute(insert(secrets).values(values))


def find_secret(connection: Connection, name: str) -> SecretRow | None:
    """Return the secret of that name."""
    row = connection.execute(select(secrets).where(secrets.c.name == name)).first()
    return None if row is None else SecretRow(row.name, row.type, row.created_at, row.sealed)


def list_secrets(connection: Connection) -> list[SecretRow]:
    """Return all secrets by name."""
    rows = connection.execute(select(secrets).order_by(secrets.c.name))
    return [SecretRow(row.name, row.type, row.created_at, row.sealed) for row in rows]


def delete_secret(connection: Connection, name: str) -> bool:
    """Remove a secret; return whether there was one."""
    return connection.execute(delete(secrets).where(secrets.c.name == name)).rowcount == 1
