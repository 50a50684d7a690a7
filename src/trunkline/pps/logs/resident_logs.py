"""What residents print: kept as it comes, a piece at a time, since there is no end to wait for.

A piece is a row with some lines. When enough of them have come, one object takes their place: so a few writes a second
are durable at once, and a long life is neither a million rows nor a million objects. Lines are numbered, whatever piece
they are in, so that a reader who follows goes on where it was.
"""

import json
import threading
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime

import zstandard

from trunkline.errors import NotFoundError
from trunkline.model.ids import new_id
from trunkline.model.residents import Resident
from trunkline.objects import ObjectStore
from trunkline.pfs.versioning import Versioning
from trunkline.pps.logs.lines import LogLine, line_of, read_records
from trunkline.pps.queries import residents
from trunkline.pps.queries.residents import LogPiece

LOOSE_BYTES_MAX = 1 << 20
"""So much is in rows before it goes into an object."""
_LOOSE_PIECES_MAX = 1000
KEPT_BYTES_MAX = 256 << 20
"""What is kept of one pipeline, before compression; the oldest lines go first."""


class ResidentLogs:
    """Writes and reads the lines of all spouts and services."""

    def __init__(
        self,
        versioning: Versioning,
        objects: ObjectStore,
        *,
        loose_bytes_max: int = LOOSE_BYTES_MAX,
        kept_bytes_max: int = KEPT_BYTES_MAX,
    ) -> None:
        self._versioning = versioning
        self._objects = objects
        self._loose_bytes_max = loose_bytes_max
        self._kept_bytes_max = kept_bytes_max
        self._packing = threading.Lock()

    def add(self, pipeline: int, records: Sequence[str]) -> None:
        """Keep records (JSON objects) of a pipeline; they are durable, and followers are told, when this returns.

        Nothing is kept for a pipeline that is gone.
        """
        text = "".join(f"{record}\n" for record in records).encode()
        data = zstandard.compress(text)
        with self._versioning.transaction() as tx:
            if not residents.has_pipeline(tx.connection, pipeline):
                return
            first = residents.next_line(tx.connection, pipeline)
            piece = LogPiece(0, first, len(records), len(text), tx.now, data, "")
            residents.insert_piece(tx.connection, pipeline, piece)
            count, size = residents.loose_size(tx.connection, pipeline)
        if size >= self._loose_bytes_max or count >= _LOOSE_PIECES_MAX:
            self._pack(pipeline)

    def note(self, resident: Resident, message: str) -> None:
        """Keep a line of the controller's own on a resident."""
        record = {
            "ts": datetime.now(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z"),
            "message": message,
            "master": True,
            "user": False,
            "projectName": resident.project,
            "pipelineName": resident.pipeline,
            "jobId": resident.job,
        }
        self.add(resident.place.pipeline, [json.dumps(record)])

    def read(self, pipeline: int, *, from_line: int = 0, since: int = 0) -> Iterator[tuple[int, LogLine]]:
        """Yield (number, line) in order, from that number on, of pieces that were still written to at that time."""
        with self._versioning.reading() as tx:
            pieces = residents.pieces_of(tx.connection, pipeline, from_line=from_line, since=since)
        for piece in pieces:
            try:
                data = self._data(piece)
            except NotFoundError:
                continue  # it was too old, meanwhile
            for number, record in enumerate(read_records(data), start=piece.first_line):
                if number >= from_line:
                    yield number, line_of(record)

    def _data(self, piece: LogPiece) -> bytes:
        return piece.data if piece.data is not None else self._objects.get(piece.object)

    def _pack(self, pipeline: int) -> None:
        """Put the lines that are in rows into one object, and forget the oldest ones beyond what is kept."""
        with self._packing, self._versioning.writes.short():
            with self._versioning.reading() as tx:
                loose = residents.loose_pieces(tx.connection, pipeline)
            if not loose:
                return
            text = b"".join(zstandard.decompress(piece.data) for piece in loose if piece.data is not None)
            # A key of its own: what a crash left under it must not be taken for these lines.
            key = f"logs/residents/{pipeline}/{loose[0].first_line}-{new_id()}"
            self._objects.put(key, zstandard.compress(text))
            packed = LogPiece(
                key=0,
                first_line=loose[0].first_line,
                lines=sum(piece.lines for piece in loose),
                size=len(text),
                last_at=loose[-1].last_at,
                data=None,
                object=key,
            )
            with self._versioning.transaction() as tx:
                if not residents.has_pipeline(tx.connection, pipeline):
                    return
                residents.delete_pieces(tx.connection, [piece.key for piece in loose])
                residents.insert_piece(tx.connection, pipeline, packed)
                old = _beyond(residents.pieces_of(tx.connection, pipeline), self._kept_bytes_max)
                residents.delete_pieces(tx.connection, [piece.key for piece in old])
            for piece in old:
                if piece.object:
                    self._objects.delete(piece.object)


def _beyond(pieces: Sequence[LogPiece], bytes_max: int) -> list[LogPiece]:
    """Return the oldest pieces, those that are too much."""
    kept = 0
    for index, piece in enumerate(reversed(pieces)):
        kept += piece.size
        if kept > bytes_max and index:
            return list(pieces[: len(pieces) - index])
    return []
