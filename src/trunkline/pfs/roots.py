"""The tables that rows point at, of commits, file sets and all that listeners keep, and pointing at others instead."""

from collections.abc import Mapping

from trunkline.pfs.queries import chunks, garbage
from trunkline.pfs.transaction import Transaction
from trunkline.pfs.versioning import Versioning
from trunkline.storage.chunk import ChunkRef
from trunkline.storage.repack import Moved


def used_objects(versioning: Versioning, tx: Transaction) -> tuple[list[str], set[str]]:
    """Return the roots that rows point at, and the keys of other objects, like logs."""
    roots = list(garbage.used_roots(tx.connection))
    keys: set[str] = set()
    for listener in versioning.listeners:
        more_roots, more_keys = listener.used_objects(tx)
        roots += more_roots
        keys.update(more_keys)
    return list(dict.fromkeys(roots)), keys


def follow_moved(versioning: Versioning, new: Mapping[str, str], moved: Moved) -> None:
    """Point at tables of the same content, and let the index find chunks where they are now. One transaction."""
    with versioning.transaction() as tx:
        garbage.replace_roots(tx.connection, new)
        for listener in versioning.listeners:
            listener.objects_replaced(tx, new)
        chunks.delete_chunks(
            tx.connection, (ChunkRef(ref.chunk, pack, offset, 0, 0, 0) for (pack, offset), ref in moved.items())
        )
        chunks.insert_chunks(tx.connection, moved.values())
