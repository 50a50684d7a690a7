"""The deduplication index: which chunk lies where. It may forget, it may never lie.

A chunk is in it only while its pack is not condemned: entering it takes the pack off that list, condemning the pack
takes its chunks out (`pfs.garbage`), each in one transaction.

Tens of thousands of rows go through here in one put, so they pass as plain tuples: SQLAlchemy's handling of single
values took longer than the database.
"""

from collections.abc import Iterable, Sequence

from sqlalchemy import Connection, delete

from trunkline.db.tables import chunks, condemned
from trunkline.storage.chunk import ChunkRef
from trunkline.storage.chunk.refs import pack_key

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
    """Record where chunks are; a chunk that is known already keeps its first place. Their packs are condemned no more.

    For those whose packs cannot have been deleted: who has stored them, as a write that is still under way.
    """
    refs = list(refs)
    if refs:
        rows = [tuple(ref) for ref in refs]
        for pack in {ref.pack for ref in refs}:
            connection.execute(delete(condemned).where(condemned.c.key == pack_key(pack)))
        statement = f"INSERT INTO chunks ({_COLUMNS}) VALUES ({_marks(connection, 6)}) ON CONFLICT DO NOTHING"  # noqa: S608
        connection.exec_driver_sql(statement, rows)


def delete_chunks(connection: Connection, refs: Iterable[ChunkRef]) -> None:
    """Forget chunks, as far as the index has them in these packs."""
    places = [(ref.chunk, ref.pack) for ref in refs]
    if places:
        mark = _marks(connection, 1)
        connection.exec_driver_sql(f"DELETE FROM chunks WHERE chunk = {mark} AND pack = {mark}", places)  # noqa: S608


def delete_packs(connection: Connection, packs: Iterable[bytes]) -> None:
    """Forget all chunks of packs that cannot say what they hold: looks at the whole index."""
    for pack in packs:
        connection.execute(delete(chunks).where(chunks.c.pack == pack))


def _marks(connection: Connection, count: int) -> str:
    """Return placeholders for values, in the style of the database's driver."""
    mark = "?" if connection.dialect.paramstyle == "qmark" else "%s"
    return ", ".join([mark] * count)
