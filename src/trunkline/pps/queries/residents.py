"""Residents, and what they print."""

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import Connection, delete, func, insert, select, update

from trunkline.db.tables import pipelines, resident_logs, residents
from trunkline.model.jobs import PipelineState


@dataclass(frozen=True, slots=True)
class ResidentRow:
    """How the process in one place is doing."""

    pipeline: int
    number: int
    state: PipelineState
    """STARTING, RUNNING, RESTARTING or CRASHING."""
    reason: str = ""
    """Why it ended the last time, as long as that matters."""
    failures: int = 0
    """How many times in a row it failed."""
    began_at: int | None = None
    next_start_at: int = 0


@dataclass(frozen=True, slots=True)
class LogPiece:
    """Some consecutive lines, in the row itself or in an object."""

    key: int
    first_line: int
    lines: int
    size: int
    last_at: int
    data: bytes | None
    object: str

    @property
    def next_line(self) -> int:
        """The number of the first line behind it."""
        return self.first_line + self.lines


def residents_of(connection: Connection, pipeline: int) -> list[ResidentRow]:
    """Return the rows of a pipeline, by place."""
    statement = select(residents).where(residents.c.pipeline == pipeline).order_by(residents.c.number)
    return [
        ResidentRow(
            row.pipeline,
            row.number,
            PipelineState(row.state),
            row.reason,
            row.failures,
            row.began_at,
            row.next_start_at,
        )
        for row in connection.execute(statement)
    ]


def keep_resident(connection: Connection, row: ResidentRow) -> None:
    """Add a row, or replace that of its place."""
    delete_resident(connection, row.pipeline, row.number)
    connection.execute(
        insert(residents).values(
            pipeline=row.pipeline,
            number=row.number,
            state=int(row.state),
            reason=row.reason,
            failures=row.failures,
            began_at=row.began_at,
            next_start_at=row.next_start_at,
        )
    )


def delete_resident(connection: Connection, pipeline: int, number: int) -> None:
    """Forget how the process in one place was doing."""
    connection.execute(delete(residents).where(residents.c.pipeline == pipeline, residents.c.number == number))


def delete_residents(connection: Connection, pipeline: int) -> None:
    """Forget how the processes of a pipeline were doing."""
    connection.execute(delete(residents).where(residents.c.pipeline == pipeline))


def end_running(connection: Connection) -> None:
    """Note that nothing runs, as a new server finds it."""
    statement = update(residents).where(residents.c.state == int(PipelineState.RUNNING))
    connection.execute(statement.values(state=int(PipelineState.STARTING), began_at=None))


def has_pipeline(connection: Connection, pipeline: int) -> bool:
    """Return whether there is a pipeline with that key."""
    return connection.execute(select(pipelines.c.key).where(pipelines.c.key == pipeline)).first() is not None


def next_line(connection: Connection, pipeline: int) -> int:
    """Return the number that the next line gets."""
    statement = select(func.max(resident_logs.c.first_line + resident_logs.c.lines))
    return int(connection.execute(statement.where(resident_logs.c.pipeline == pipeline)).scalar() or 0)


def insert_piece(connection: Connection, pipeline: int, piece: LogPiece) -> None:
    """Add lines; the piece's key is ignored."""
    connection.execute(
        insert(resident_logs).values(
            pipeline=pipeline,
            first_line=piece.first_line,
            lines=piece.lines,
            bytes=piece.size,
            last_at=piece.last_at,
            data=piece.data,
            object=piece.object,
        )
    )


def pieces_of(connection: Connection, pipeline: int, *, from_line: int = 0, since: int = 0) -> list[LogPiece]:
    """Return the pieces that have lines from that number and that time on, in order."""
    table = resident_logs
    statement = (
        select(table)
        .where(table.c.pipeline == pipeline, table.c.first_line + table.c.lines > from_line, table.c.last_at >= since)
        .order_by(table.c.first_line)
    )
    return [
        LogPiece(row.key, row.first_line, row.lines, row.bytes, row.last_at, row.data, row.object)
        for row in connection.execute(statement)
    ]


def pipelines_with_lines(connection: Connection, project: str, name: str) -> list[int]:
    """Return the keys of the pipelines whose processes have printed something; an empty name may be anything."""
    statement = select(pipelines.c.key).where(
        select(resident_logs.c.key).where(resident_logs.c.pipeline == pipelines.c.key).exists()
    )
    if project:
        statement = statement.where(pipelines.c.project == project)
    if name:
        statement = statement.where(pipelines.c.name == name)
    return list(connection.execute(statement.order_by(pipelines.c.key)).scalars())


def loose_pieces(connection: Connection, pipeline: int) -> list[LogPiece]:
    """Return the pieces that are in rows, in order."""
    return [piece for piece in pieces_of(connection, pipeline) if not piece.object]


def loose_size(connection: Connection, pipeline: int) -> tuple[int, int]:
    """Return how many pieces, and bytes before compression, are in rows."""
    table = resident_logs
    statement = select(func.count(), func.coalesce(func.sum(table.c.bytes), 0)).where(
        table.c.pipeline == pipeline, table.c.object == ""
    )
    count, size = connection.execute(statement).one()
    return int(count), int(size)


def delete_pieces(connection: Connection, keys: Sequence[int]) -> None:
    """Remove pieces."""
    connection.execute(delete(resident_logs).where(resident_logs.c.key.in_(keys)))


def used_logs(connection: Connection) -> list[str]:
    """Return the keys of the objects that hold lines."""
    statement = select(resident_logs.c.object).where(resident_logs.c.object != "")
    return list(connection.execute(statement).scalars())


def delete_logs(connection: Connection, pipeline: int) -> None:
    """Remove all that the processes of a pipeline printed."""
    connection.execute(delete(resident_logs).where(resident_logs.c.pipeline == pipeline))
