"""A cache for clients: values by key, with a tag, and with the file sets that they speak of.

A file set that an entry needs does not expire while the entry is there. Entries are there until they are cleared, or
until there are so many that those used longest ago have to go.
"""

from collections.abc import Iterable, Sequence

from trunkline.errors import InvalidInputError, NotFoundError
from trunkline.pfs.queries import cache as queries
from trunkline.pfs.temporary import find_file_set
from trunkline.pfs.transaction import Transaction

ENTRIES_MAX = 10_000
SIZE_BYTES_MAX = 256 << 20


def put(tx: Transaction, key: str, value: bytes, *, file_set_ids: Sequence[str] = (), tag: str = "") -> None:
    """Keep a value under a key, instead of what was there. Raise NotFoundError if a file set is not there."""
    if not key:
        raise InvalidInputError("cache key cannot be empty")
    for each in file_set_ids:
        find_file_set(tx, each)
    queries.delete_entries(tx.connection, [key])
    queries.insert_entry(tx.connection, key, value, tag, tx.now)
    queries.insert_file_sets(tx.connection, key, dict.fromkeys(each.partition(".")[0] for each in file_set_ids))
    queries.delete_entries(tx.connection, excess(queries.list_by_use(tx.connection)))


def get(tx: Transaction, key: str) -> bytes:
    """Return the value of a key, which counts as used now, or raise NotFoundError."""
    value = queries.find_value(tx.connection, key)
    if value is None:
        raise NotFoundError(f"cache key {key!r} not found")
    queries.update_use(tx.connection, key, tx.now)
    return value


def clear(tx: Transaction, tag_prefix: str = "") -> None:
    """Forget the entries whose tag starts so: all of them for an empty prefix."""
    queries.delete_entries(tx.connection, queries.list_tagged(tx.connection, tag_prefix))


def excess(
    entries: Iterable[tuple[str, int]], *, entries_max: int = ENTRIES_MAX, size_bytes_max: int = SIZE_BYTES_MAX
) -> list[str]:
    """Return the keys that have to go, of entries with their sizes, those used last first. The first one stays."""
    size_bytes = 0
    gone: list[str] = []
    for count, (key, entry_bytes) in enumerate(entries, 1):
        size_bytes += entry_bytes
        if count > 1 and (count > entries_max or size_bytes > size_bytes_max):
            gone.append(key)
    return gone
