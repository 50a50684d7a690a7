"""The deduplication index over the database."""

from collections.abc import Sequence

from trunkline.db.engine import Database
from trunkline.pfs.queries.chunks import delete_chunks, find_chunks, insert_chunks
from trunkline.storage.chunk import ChunkRef


class DatabaseChunkIndex:
    """Implements `storage.chunk.ChunkIndex`."""

    def __init__(self, db: Database) -> None:
        self._db = db

    def find(self, chunks: Sequence[bytes]) -> dict[bytes, ChunkRef]:
        """Return where those of the chunks are that are known."""
        with self._db.read() as connection:
            return find_chunks(connection, chunks)

    def record(self, refs: Sequence[ChunkRef]) -> None:
        """Remember where chunks are. Their packs must be durable already."""
        if refs:
            with self._db.write() as connection:
                insert_chunks(connection, refs)

    def forget(self, refs: Sequence[ChunkRef]) -> None:
        """Forget that chunks lie there."""
        if refs:
            with self._db.write() as connection:
                delete_chunks(connection, refs)
