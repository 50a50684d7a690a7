"""Deleting what nothing points at any more, and moving what is left out of packs that are mostly dead.

An object goes in two steps. One that no row leads to is *condemned*: noted, and what it holds is taken out of the
deduplication index, so that no new write can come to rely on it. After the grace period, if still nothing leads to it,
it is deleted, in a moment in which no write is under way (`pfs.writes`): so none can hold on to it without having named
it. One that was stored again meanwhile stays (`ObjectStore.delete_unless_renewed`).
"""

import threading
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from itertools import islice

from trunkline.pfs.queries import chunks, file_sets, garbage
from trunkline.pfs.transaction import Transaction
from trunkline.pfs.versioning import Versioning, now
from trunkline.storage.chunk import ChunkRef
from trunkline.storage.chunk.pack import read_pack_entries
from trunkline.storage.live import Live
from trunkline.storage.repack import Rewriter, move_chunks

GRACE_SECONDS = 3600
_PREFIXES = ("tables/", "packs/", "logs/")
_BATCH = 500


@dataclass(frozen=True, slots=True)
class Collected:
    """What one pass did."""

    deleted_objects: int = 0
    deleted_bytes: int = 0
    condemned_objects: int = 0
    """Found to be unused in this pass, and to be deleted in a later one."""
    moved_chunks: int = 0
    """Copied out of packs of which little is used; those packs are unused now."""


class Garbage:
    """Garbage collection of one server. One pass at a time, from any thread."""

    def __init__(self, versioning: Versioning) -> None:
        self._versioning = versioning
        self._objects = versioning.file_sets.chunks.objects
        self._tables = versioning.file_sets.tables
        self._passing = threading.Lock()

    def collect(self, *, grace_seconds: float = GRACE_SECONDS) -> Collected:
        """Make one pass. Raise CorruptDataError, and delete nothing, if something that is used is missing."""
        with self._passing:
            with self._versioning.transaction() as tx:
                file_sets.delete_expired(tx.connection, tx.now)
            used = _Used()
            self._mark(used)
            objects, size = self._delete(used, grace_seconds)
            condemned = self._condemn(used)
            moved = self._repack(used)
        return Collected(objects, size, condemned, moved)

    def _mark(self, used: "_Used") -> None:
        """Add what is used now; what is in there already is not read again."""
        with self._versioning.reading() as tx:
            roots, keys = self._pointers(tx)
        used.keys.update(keys)
        used.live.add(self._tables, roots)

    def _pointers(self, tx: Transaction) -> tuple[list[str], list[str]]:
        """Return the roots and the keys that rows point at."""
        roots = list(garbage.used_roots(tx.connection))
        keys: list[str] = []
        for listener in self._versioning.listeners:
            more_roots, more_keys = listener.used_objects(tx)
            roots += more_roots
            keys += more_keys
        return list(dict.fromkeys(roots)), keys

    def _delete(self, used: "_Used", grace_seconds: float) -> tuple[int, int]:
        before = now() - int(grace_seconds * 1_000_000)
        oldest = self._versioning.writes.oldest_long()
        limit = before if oldest is None else min(before, oldest - 1)
        with self._versioning.reading() as tx:
            due = {key: at for key, at in garbage.list_condemned(tx.connection).items() if at <= limit}
        objects = size = 0
        for batch in _batches(due):
            with self._versioning.writes.paused() as is_quiet:
                if not is_quiet:
                    break  # the next pass tries again
                self._mark(used)
                dead = [key for key in batch if key not in used]
                sizes = {key: self._objects.size(key) or 0 for key in dead}
                gone = [key for key in dead if self._objects.delete_unless_renewed(key, due[key])]
            objects += len(gone)
            size += sum(sizes[key] for key in gone)
            kept = [key for key in batch if key in used]
            with self._versioning.transaction() as tx:
                garbage.delete_condemned(tx.connection, batch)
                chunks.insert_chunks(tx.connection, self._entries(kept))
        return objects, size

    def _condemn(self, used: "_Used") -> int:
        with self._versioning.reading() as tx:
            known = garbage.list_condemned(tx.connection)
        found = (
            key for prefix in _PREFIXES for key in self._objects.list(prefix) if key not in used and key not in known
        )
        count = 0
        for batch in _batches(found):
            with self._versioning.transaction() as tx:
                garbage.forget_chunks(tx.connection, ((ref.chunk, ref.pack) for ref in self._entries(batch)))
                garbage.insert_condemned(tx.connection, batch, tx.now)
            count += len(batch)
        return count

    def _entries(self, keys: Iterable[str]) -> Iterator[ChunkRef]:
        for key in keys:
            if key.startswith("packs/"):
                yield from read_pack_entries(self._objects, bytes.fromhex(key.rpartition("/")[2]))

    def _repack(self, used: "_Used") -> int:
        moved = move_chunks(self._versioning.file_sets, used.live)
        if not moved:
            return 0
        with self._versioning.reading() as tx:
            roots, _ = self._pointers(tx)
        new = Rewriter(self._tables, moved).rewrite(roots)
        with self._versioning.transaction() as tx:
            garbage.replace_roots(tx.connection, new)
            for listener in self._versioning.listeners:
                listener.objects_replaced(tx, new)
            garbage.forget_chunks(tx.connection, ((ref.chunk, pack) for (pack, _), ref in moved.items()))
            chunks.insert_chunks(tx.connection, moved.values())
        return len(moved)


@dataclass(slots=True)
class _Used:
    live: Live = field(default_factory=Live)
    keys: set[str] = field(default_factory=set)
    """Objects that are no part of a table, like logs."""

    def __contains__(self, key: str) -> bool:
        return key in self.keys or key in self.live


def _batches(keys: Iterable[str]) -> Iterator[list[str]]:
    left = iter(keys)
    while batch := list(islice(left, _BATCH)):
        yield batch
