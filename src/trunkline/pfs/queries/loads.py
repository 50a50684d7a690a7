"""How far load tests have come."""

from typing import Any

from sqlalchemy import Connection, delete, insert, select

from trunkline.db.tables import load_runs


def find_load_run(connection: Connection, id: str) -> dict[str, Any] | None:  # noqa: A002 - the field's word
    """Return the state of a load test."""
    return connection.execute(select(load_runs.c.state).where(load_runs.c.id == id)).scalar()


def replace_load_run(connection: Connection, id: str, state: dict[str, Any], now: int) -> None:  # noqa: A002
    """Keep the state of a load test."""
    connection.execute(delete(load_runs).where(load_runs.c.id == id))
    connection.execute(insert(load_runs).values(id=id, state=state, updated_at=now))


def delete_load_runs(connection: Connection, *, older_than: int) -> None:
    """Forget load tests that have not come further since that time."""
    connection.execute(delete(load_runs).where(load_runs.c.updated_at < older_than))
