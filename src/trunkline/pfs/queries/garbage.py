"""What rows point at in the object store, and the objects that nothing pointed at."""

from collections.abc import Iterable, Iterator, Mapping, Sequence

from sqlalchemy import Column, Connection, and_, delete, insert, select, update

from trunkline.db.tables import commit_layers, commits, condemned, file_sets, named_roots

_ROOTS: Sequence[Column[str]] = (commits.c.root, commits.c.base_root, commit_layers.c.layer)


def used_roots(connection: Connection) -> Iterator[str]:
    """Yield the root of each table that commits and file sets are made of."""
    for column in _ROOTS:
        yield from connection.execute(select(column).where(column.is_not(None), column != "").distinct()).scalars()
    for layers in connection.execute(select(file_sets.c.layers)).scalars():
        yield from layers


def named_roots_after(connection: Connection, id: int) -> tuple[list[str], int]:  # noqa: A002
    """Return the roots that rows began to point at, also if they do not any more, and up to which id of a note.

    Only those that were noted after that of this id.
    """
    rows = connection.execute(select(named_roots).where(named_roots.c.id > id)).all()
    return list(dict.fromkeys(row.root for row in rows)), max((row.id for row in rows), default=id)


def delete_named_roots(connection: Connection, id: int) -> None:  # noqa: A002
    """Forget the notes up to that of an id."""
    connection.execute(delete(named_roots).where(named_roots.c.id <= id))


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
    keys = list(column.table.primary_key)
    rows = connection.execute(select(*keys, column).where(column.is_not(None)))
    for *values, old in [row for row in rows if row[-1] in new]:
        is_it = and_(*(key == value for key, value in zip(keys, values, strict=True)))
        connection.execute(update(column.table).where(is_it).values({column.name: new[old]}))


def insert_condemned(connection: Connection, keys: Iterable[str], at: int) -> None:
    """Note objects that nothing points at."""
    rows = [{"key": key, "at": at} for key in keys]
    if rows:
        connection.execute(insert(condemned), rows)


def list_condemned(connection: Connection) -> dict[str, int]:
    """Return the noted objects, and when each was noted."""
    return {row.key: row.at for row in connection.execute(select(condemned))}


def take_condemned(connection: Connection, noted: Mapping[str, int]) -> list[str]:
    """Take objects off the list, and return those that were still on it since then."""
    taken = []
    for key, at in noted.items():
        is_it = and_(condemned.c.key == key, condemned.c.at == at)
        if connection.execute(delete(condemned).where(is_it)).rowcount:
            taken.append(key)
    return taken
