"""What rows point at in the object store, and the objects that nothing pointed at."""

from collections.abc import Iterable, Iterator, Mapping, Sequence

from sqlalchemy import Column, Connection, and_, delete, insert, select, update

from trunkline.db.tables import chunks, commit_layers, commits, condemned, file_sets

_ROOTS: Sequence[Column[str]] = (commits.c.root, commits.c.base_root, commit_layers.c.layer)


def used_roots(connection: Connection) -> Iterator[str]:
    """Yield the root of each table that commits and file sets are made of."""
    for column in _ROOTS:
        yield from connection.execute(select(column).where(column.is_not(None), column != "").distinct()).scalars()
    for layers in connection.execute(select(file_sets.c.layers)).scalars():
        yield from layers


def replace_roots(connection: Connection, new: Mapping[str, str]) -> None:
    """Point at other tables of the same content."""
    for column in _ROOTS:
        replace_in(connection, column, new)
    for id_, layers in connection.execute(select(file_sets.c.id, file_sets.c.layers)).all():
        replaced = [new.get(layer, layer) for layer in layers]
        if replaced != layers:
            connection.execute(update(file_sets).where(file_sets.c.id == id_).values(layers=replaced))


def replace_in(connection: Connection, column: Column[str], new: Mapping[str, str]) -> None:
    """Replace values of one column."""
    present = set(connection.execute(select(column).distinct()).scalars())
    for old in present & new.keys():
        connection.execute(update(column.table).where(column == old).values({column.name: new[old]}))


def insert_condemned(connection: Connection, keys: Iterable[str], at: int) -> None:
    """Note objects that nothing points at."""
    rows = [{"key": key, "at": at} for key in keys]
    if rows:
        connection.execute(insert(condemned), rows)


def list_condemned(connection: Connection) -> dict[str, int]:
    """Return the noted objects, and when each was noted."""
    return {row.key: row.at for row in connection.execute(select(condemned))}


def delete_condemned(connection: Connection, keys: Sequence[str]) -> None:
    """Take objects off the list."""
    for key in keys:
        connection.execute(delete(condemned).where(condemned.c.key == key))


def forget_chunks(connection: Connection, places: Iterable[tuple[bytes, bytes]]) -> None:
    """Take chunks out of the index, where it has them in these packs: (chunk, pack) each."""
    for chunk, pack in places:
        connection.execute(delete(chunks).where(and_(chunks.c.chunk == chunk, chunks.c.pack == pack)))
