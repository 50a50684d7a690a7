"""Deleting what nothing points at any more, and moving what is left out of packs that are mostly dead.

An object goes in two steps. One that no row leads to is *condemned*: noted, and what it holds is taken out of the
deduplication index, in one transaction, so that no write that begins from then on comes to rely on it; who stores it
again and enters it takes it off the list (`queries.chunks`). It is deleted after the grace period, if no row has led to
it since, not even for a while (`queries.garbage.named_roots_after`), and all writes have ended that were under way when
it was condemned (`pfs.writes`): then nobody can hold on to it. One that was stored again meanwhile stays
(`ObjectStore.delete_unless_renewed`). No write ever waits for a pass.
"""

import re
import threading
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import islice

from sqlalchemy import Connection

from trunkline.errors import CorruptDataError, UnavailableError
from trunkline.pfs.queries import chunks, file_sets, garbage
from trunkline.pfs.roots import follow_moved, used_objects
from trunkline.pfs.versioning import Versioning, now
from trunkline.storage.chunk import ChunkRef
from trunkline.storage.chunk.pack import read_pack_entries
from trunkline.storage.chunk.refs import is_object_key
from trunkline.storage.live import Live
from trunkline.storage.repack import Rewriter, move_chunks
from trunkline.telemetry import log

GRACE_SECONDS = 3600
_PREFIXES = ("tables/", "packs/", "logs/")
_LOGS_KEY = re.compile(r"logs/[\w/-]+", re.ASCII)
_BATCH = 500
_LONG_SECONDS = 3600


@dataclass(frozen=True, slots=True)
class Collected:
    """What one pass did."""

    deleted_objects: int = 0
    deleted_bytes: int = 0
    condemned_objects: int = 0
    """Found to be unused in this pass, and to be deleted in a later one."""
    moved_chunks: int = 0
    """Copied out of packs of which little is used; those packs are unused now."""


@dataclass(frozen=True, slots=True)
class _Used:
    """What rows led to at one moment, and up to which note of named roots that is."""

    roots: list[str]
    live: Live
    keys: set[str]
    """Objects that are no part of a table, like logs."""
    noted: int

    def __contains__(self, key: str) -> bool:
        return key in self.keys or key in self.live


class Garbage:
    """Garbage collection of one server. One pass at a time, from any thread."""

    def __init__(self, versioning: Versioning) -> None:
        self._versioning = versioning
        self._db = versioning.db
        self._writes = versioning.writes
        self._objects = versioning.file_sets.chunks.objects
        self._tables = versioning.file_sets.tables
        self._passing = threading.Lock()

    def collect(self, *, grace_seconds: float = GRACE_SECONDS) -> Collected:
        """Make one pass. Raise CorruptDataError, and delete nothing, if something that is used is missing."""
        with self._passing:
            with self._db.write() as connection:
                file_sets.delete_expired(connection, now())
            oldest = self._writes.oldest()  # before the look at the rows: what these writes have named is in them
            used, named = self._look()
            dead = self._spare(used, named)
            objects, size = self._delete(dead, oldest, grace_seconds)
            condemned = self._condemn(used)
            moved = self._repack(used)
            with self._db.write() as connection:
                garbage.delete_named_roots(connection, used.noted)
        return Collected(objects, size, condemned, moved)

    def _look(self) -> tuple[_Used, list[str]]:
        """Return what is used now, and the roots that were named since the pass before."""
        with self._versioning.reading() as tx:
            roots, keys = used_objects(self._versioning, tx)
            named, noted = garbage.named_roots_after(tx.connection, 0)
        live = Live()
        live.add(self._tables, roots)
        return _Used(roots, live, keys, noted), named

    def _spare(self, used: _Used, named: list[str]) -> dict[str, int]:
        """Take off the list what rows have led to since it was condemned; return what is left of the list."""
        with self._db.read() as connection:
            condemned = garbage.list_condemned(connection)
        if not condemned:
            return {}
        held = Live(used.live)
        self._add_named(held, named)
        spared = {key for key in condemned if key in held or key in used.keys}
        for batch in _batches(spared):
            entries, _ = self._entries(batch)
            with self._db.write() as connection:
                garbage.take_condemned(connection, {key: condemned[key] for key in batch})
                chunks.insert_chunks(connection, entries)
        return {key: at for key, at in condemned.items() if key not in spared}

    def _add_named(self, live: Live, named: Iterable[str]) -> None:
        """Mark what was named and may not be any more: nobody misses what is damaged in there."""
        for root in named:
            try:
                live.add(self._tables, [root])
            except CorruptDataError as error:
                log("garbage").warning("a table that was named for a while cannot be read: %s", error)

    def _delete(self, dead: dict[str, int], oldest: int, grace_seconds: float) -> tuple[int, int]:
        before = now() - int(grace_seconds * 1_000_000)
        free = self._writes.free_of(dead, oldest)
        due = {key: dead[key] for key in free if dead[key] <= before}
        if len(free) < len(dead) and (seconds := self._writes.oldest_seconds()) > _LONG_SECONDS:
            log("garbage").warning(
                "%d unused objects stay until a write ends that began %d s ago", len(dead) - len(free), seconds
            )
        objects = size = 0
        for batch in _batches(due):
            entries, silent = self._entries(batch)
            with self._db.write() as connection:
                taken = garbage.take_condemned(connection, {key: due[key] for key in batch})
                self._forget(connection, entries, silent, taken)
            for key in taken:
                bytes_freed = self._delete_one(key, due[key])
                objects += bytes_freed is not None
                size += bytes_freed or 0
        return objects, size

    def _delete_one(self, key: str, since: int) -> int | None:
        """Delete an object and return its size; None where it was stored again, or cannot be deleted."""
        try:
            size = self._objects.size(key) or 0
            return size if self._objects.delete_unless_renewed(key, since) else None
        except (OSError, UnavailableError) as error:
            log("garbage").warning("%s is unused and cannot be deleted: %s", key, error)
            return None

    def _condemn(self, used: _Used) -> int:
        with self._db.read() as connection:
            known = garbage.list_condemned(connection)
        found = [key for key in self._own_keys() if key not in used and key not in known]
        with self._db.read() as connection:
            named, _ = garbage.named_roots_after(connection, used.noted)
        self._add_named(used.live, named)  # stored and named since the look
        found = [key for key in found if key not in used]
        for batch in _batches(found):
            entries, silent = self._entries(batch)
            with self._db.write() as connection:
                self._forget(connection, entries, silent, batch)
                garbage.insert_condemned(connection, batch, now())
            # Only after its end no write can find in the index what is in there.
            self._writes.may_rely_on(batch)
        return len(found)

    def _own_keys(self) -> Iterator[str]:
        """Yield the keys of objects; files that somebody has put beside them are not ours to delete."""
        foreign = []
        for prefix in _PREFIXES:
            for key in self._objects.list(prefix):
                if is_object_key(key) or _LOGS_KEY.fullmatch(key):
                    yield key
                else:
                    foreign.append(key)
        if foreign:
            log("garbage").warning("%d files in the store are no objects and stay, like %s", len(foreign), foreign[0])

    def _entries(self, keys: Iterable[str]) -> tuple[list[ChunkRef], set[str]]:
        """Return the chunks in those of the objects that are packs, and the packs that cannot say what they hold."""
        entries: list[ChunkRef] = []
        silent = set()
        for key in keys:
            if key.startswith("packs/"):
                try:
                    entries += read_pack_entries(self._objects, _pack_of(key))
                except CorruptDataError as error:
                    log("garbage").warning("%s", error)
                    silent.add(key)
        return entries, silent

    def _forget(self, connection: Connection, entries: list[ChunkRef], silent: set[str], keys: list[str]) -> None:
        packs = {_pack_of(key) for key in keys if key.startswith("packs/")}
        chunks.delete_chunks(connection, (ref for ref in entries if ref.pack in packs))
        chunks.delete_packs(connection, (_pack_of(key) for key in silent.intersection(keys)))

    def _repack(self, used: _Used) -> int:
        with self._writes.long():
            moved = move_chunks(self._versioning.file_sets, used.live)
            if moved:
                follow_moved(self._versioning, Rewriter(self._tables, moved).rewrite(used.roots), moved)
        return len(moved)


def _pack_of(key: str) -> bytes:
    return bytes.fromhex(key.rpartition("/")[2])


def _batches(keys: Iterable[str]) -> Iterator[list[str]]:
    left = iter(keys)
    while batch := list(islice(left, _BATCH)):
        yield batch
