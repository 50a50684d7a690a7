"""The deduplication index: which chunk lies where. It may forget, it may never lie."""

from collections.abc import Iterable, Sequence

from sqlalchemy import Connection, select
from sqlalchemy.dialects import postgresql, sqlite

from trunkline.db.tables import chunks
from trunkline.storage.chunk import ChunkRef

_BATCH = 500


def find_chunks(connection: Connection, wanted: Sequence[bytes]) -> dict[bytes, ChunkRef]:
    """Return where those of the wanted chunks are that the index knows."""
    found: dict[bytes, ChunkRef] = {}
    for start in range(0, len(wanted), _BATCH):
        statement = select(chunks).where(chunks.c.chunk.in_(wanted[start : start + _BATCH]))
        for row in connection.execute(statement):
            found[row.chunk] = ChunkRef(
                chunk=row.chunk,
                pack=row.pack,
                offset=row.offset,
                stored_bytes=row.stored_bytes,
                length=row.length,
                codec=row.codec,
            )
    return found


def insert_chunks(connection: Connection, refs: Iterable[ChunkRef]) -> None:
    """Record where chunks are; a chunk that is known already keeps its first place."""
    rows = [
        {
            "chunk": ref.chunk,
            "pack": ref.pack,
            "offset": ref.offset,
            "stored_bytes": ref.stored_bytes,
            "length": ref.length,
            "codec": ref.codec,
        }
        for ref in refs
    ]
    if not rows:
        return
    dialect = sqlite if connection.dialect.name == "sqlite" else postgresql
    connection.execute(dialect.insert(chunks).on_conflict_do_nothing(), rows)
