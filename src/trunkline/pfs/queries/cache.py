"""Values that clients keep by key."""

from collections.abc import Iterable

from sqlalchemy import Connection, delete, func, insert, select, update

from trunkline.db.tables import cache, cache_file_sets


def insert_entry(connection: Connection, key: str, value: bytes, tag: str, used_at: int) -> None:
    """Keep a value under a key that is free."""
    connection.execute(
        insert(cache).values(cache_key=key, value=value, size_bytes=len(value), tag=tag, used_at=used_at)
    )


def insert_file_sets(connection: Connection, key: str, ids: Iterable[str]) -> None:
    """Say which file sets an entry needs."""
    rows = [{"cache_key": key, "file_set": each} for each in ids]
    if rows:
        connection.execute(insert(cache_file_sets), rows)


def find_value(connection: Connection, key: str) -> bytes | None:
    """Return the value of a key."""
    return connection.execute(select(cache.c.value).where(cache.c.cache_key == key)).scalar()


def update_use(connection: Connection, key: str, used_at: int) -> None:
    """Set when a key was used last."""
    connection.execute(update(cache).where(cache.c.cache_key == key).values(used_at=used_at))


def list_by_use(connection: Connection) -> list[tuple[str, int]]:
    """Return key and size of all entries, those used last first."""
    rows = connection.execute(select(cache.c.cache_key, cache.c.size_bytes).order_by(cache.c.used_at.desc()))
    return [(row.cache_key, row.size_bytes) for row in rows]


def list_tagged(connection: Connection, tag_prefix: str) -> list[str]:
    """Return the keys of entries whose tag starts so."""
    # Not LIKE, which looks away from case in SQLite.
    start = func.substr(cache.c.tag, 1, len(tag_prefix))
    return list(connection.execute(select(cache.c.cache_key).where(start == tag_prefix)).scalars())


def delete_entries(connection: Connection, keys: Iterable[str]) -> None:
    """Forget entries, and what they need."""
    for key in keys:
        connection.execute(delete(cache_file_sets).where(cache_file_sets.c.cache_key == key))
        connection.execute(delete(cache).where(cache.c.cache_key == key))
