"""One database, one writer at a time, readers beside it."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from alembic import command
from alembic.config import Config
from sqlalchemy import Connection, create_engine, event
from sqlalchemy.engine.interfaces import DBAPIConnection
from sqlalchemy.pool import ConnectionPoolEntry

from trunkline.db.changes import Changes


class Database:
    """The metadata database at ``url``, migrated to the newest schema when opened.

    ``write`` blocks are serialised and durable when they end; everything in one block happens, or nothing does.
    ``read`` blocks see one state of the database throughout.
    """

    def __init__(self, url: str) -> None:
        self._engine = create_engine(url, pool_size=32, max_overflow=64)
        self.changes = Changes()
        self._writer = threading.Lock()
        if self._engine.dialect.name == "sqlite":
            event.listen(self._engine, "connect", _configure_sqlite)
            event.listen(self._engine, "begin", _begin_sqlite)
        self._migrate()

    @contextmanager
    def read(self) -> Iterator[Connection]:
        """Give a connection for reading."""
        with self._engine.connect() as connection, connection.begin():
            yield connection

    @contextmanager
    def write(self) -> Iterator[Connection]:
        """Give the one connection for writing; commit at the end of the block, or roll back on an error."""
        with self._writer:
            with self._engine.connect() as pooled:
                connection = pooled.execution_options(trunkline_writes=True)
                with connection.begin():
                    yield connection
            self.changes.announce()

    def close(self) -> None:
        """Close all connections."""
        self._engine.dispose()

    def _migrate(self) -> None:
        config = Config()
        config.set_main_option("script_location", str(Path(__file__).parent / "migrations"))
        with self._engine.connect() as pooled:
            connection = pooled.execution_options(trunkline_writes=True)
            with connection.begin():
                config.attributes["connection"] = connection
                command.upgrade(config, "head")


def _configure_sqlite(connection: DBAPIConnection, _: ConnectionPoolEntry) -> None:
    # The driver must not begin transactions by itself: _begin_sqlite does, with the right lock.
    connection.isolation_level = None
    cursor = connection.cursor()
    for pragma in (
        "journal_mode=WAL",
        "synchronous=FULL",
        "foreign_keys=ON",
        "busy_timeout=30000",
        "cache_size=-65536",
        "temp_store=MEMORY",
    ):
        cursor.execute(f"PRAGMA {pragma}")
    cursor.close()


def _begin_sqlite(connection: Connection) -> None:
    writes = connection.get_execution_options().get("trunkline_writes", False)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")
