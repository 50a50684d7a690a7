"""The deduplication index: which chunk lies where. It may forget, it may never lie.

Tens of thousands of rows go through here in one put, so they pass as plain tuples: SQLAlchemy's handling of single
values took longer than the database.
"""

from collections.abc import Iterable, Sequence

from sqlalchemy import Connection

from trunkline.storage.chunk import ChunkRef

_BATCH = 500
_COLUMNS = 'chunk, pack, "offset", stored_bytes, length, codec'


def find_chunks(connection: Connection, wanted: Sequence[bytes]) -> dict[bytes, ChunkRef]:
    """Return where those of the wanted chunks are that the index knows."""
    found: dict[bytes, ChunkRef] = {}
    for start in range(0, len(wanted), _BATCH):
        batch = tuple(wanted[start : start + _BATCH])
        marks = _marks(connection, len(batch))
        rows = connection.exec_driver_sql(f"SELECT {_COLUMNS} FROM chunks WHERE chunk IN ({marks})", batch)  # noqa: S608
        found.update((row[0], ChunkRef(*row)) for row in rows)
    return found


def insert_chunks(connection: Connection, refs: Iterable[ChunkRef]) -> None:
    """Record where chunks are; a chunk that is known already keeps its first place."""
    rows = [tuple(ref) for ref in refs]
    if rows:
        statement = f"INSERT INTO chunks ({_COLUMNS}) VALUES ({_marks(connection, 6)}) ON CONFLICT DO NOTHING"  # noqa: S608
        connection.exec_driver_sql(statement, rows)


def _marks(connection: Connection, count: int) -> str:
    """Return placeholders for values, in the style of the database's driver."""
    mark = "?" if connection.dialect.paramstyle == "qmark" else "%s"
    return ", ".join([mark] * count)
