"""Damaged chunks: which files need them, and pointing those at sound copies, where there are such."""

from collections import defaultdict
from collections.abc import Collection, Iterator, Sequence
from typing import TypeAlias

from trunkline.errors import CorruptDataError
from trunkline.pfs.queries import commits, file_sets
from trunkline.pfs.roots import follow_moved, used_objects
from trunkline.pfs.versioning import Versioning
from trunkline.storage.chunk import ChunkRef
from trunkline.storage.chunk.pack import read_pack_entries
from trunkline.storage.chunk.refs import is_object_key
from trunkline.storage.fileset.rows import file_rows, packs_of
from trunkline.storage.repack import Moved, Rewriter
from trunkline.storage.verify import StorageCheck
from trunkline.telemetry import log

Place: TypeAlias = tuple[bytes, int]
"""A pack, and the offset in it."""
_COMMITS_NAMED = 3


def read_all(versioning: Versioning) -> Iterator[str]:
    """Read every stored byte, and yield what is damaged and needed, with the files that need it.

    The index forgets damaged chunks, so that who puts their content again stores it anew.
    """
    check = StorageCheck(versioning.file_sets)
    problems = list(check.check_objects())
    chunks = versioning.file_sets.chunks
    chunks.soundness.note_damaged(check.damaged)
    chunks.index.forget(list(check.damaged))
    needed = _files_with(versioning, check.damaged)
    for ref, problem in check.damaged.items():
        files = needed.get((ref.pack, ref.offset))
        if files:
            yield f"{problem}: {'; '.join(files)}. Put the content again, and fix"
        else:
            log("storage").warning("%s, and nothing needs it", problem)
    yield from problems


def _files_with(versioning: Versioning, damaged: Collection[ChunkRef]) -> dict[Place, list[str]]:
    """Return, by the place of a damaged chunk, which files need it, with the commits that have them."""
    if not damaged:
        return {}
    with versioning.reading() as tx:
        owners = [
            (str(row.commit), root)
            for row in commits.list_commits(tx.connection)
            for root in (row.root, *commits.layers_of(tx.connection, row.key))
            if root
        ]
        owners += [("a file set", layer) for layer in file_sets.all_layers(tx.connection) if layer]
    search = _Search(versioning, damaged)
    found: defaultdict[tuple[Place, str], list[str]] = defaultdict(list)
    for owner, root in owners:
        for need in search.needs(bytes.fromhex(root)):
            if owner not in found[need]:
                found[need].append(owner)
    sentences: defaultdict[Place, list[str]] = defaultdict(list)
    for (place, path), names in sorted(found.items()):
        more = f" and {len(names) - _COMMITS_NAMED} more" if len(names) > _COMMITS_NAMED else ""
        sentences[place].append(f"file {path} of {', '.join(names[-_COMMITS_NAMED:])}{more} needs it")
    return sentences


class _Search:
    """Finds what needs damaged chunks. Looks at what tables share once."""

    def __init__(self, versioning: Versioning, damaged: Collection[ChunkRef]) -> None:
        self._tables = versioning.file_sets.tables
        self._places = {(ref.pack, ref.offset) for ref in damaged}
        self._packs = {ref.pack for ref in damaged}
        self._known: dict[bytes, tuple[tuple[Place, str], ...]] = {}

    def needs(self, name: bytes) -> tuple[tuple[Place, str], ...]:
        """Return the damaged places that a table object leads to, each with the path of a file."""
        known = self._known.get(name)
        if known is None:
            known = self._known[name] = tuple(self._look(name))
        return known

    def _look(self, name: bytes) -> Iterator[tuple[Place, str]]:
        try:
            level, batch = self._tables.load(name)
        except CorruptDataError:  # the check tells of it
            return
        if level:
            for child in batch.column("hash").to_pylist():
                yield from self.needs(child)
        elif "refs" in batch.schema.names and not packs_of(batch).isdisjoint(self._packs):
            for row in file_rows(batch):
                for ref in row.refs:
                    if (ref.pack, ref.offset) in self._places:
                        yield (ref.pack, ref.offset), row.path


def repair_data(versioning: Versioning) -> Iterator[str]:
    """Point files at sound copies of the chunks that are known to be damaged, and yield what was done."""
    chunks = versioning.file_sets.chunks
    damaged = [ref for ref in chunks.soundness.damaged if not _is_sound(versioning, ref)]
    chunks.soundness.note_repaired(set(chunks.soundness.damaged).difference(damaged))
    if not damaged:
        return
    with versioning.writes.short():
        moved = _sound_copies(versioning, damaged)
        with versioning.reading() as tx:
            roots, _ = used_objects(versioning, tx)
        rewriter = Rewriter(versioning.file_sets.tables, moved)
        new: dict[str, str] = {}
        for root in roots:
            try:
                new |= rewriter.rewrite([root])
            except CorruptDataError:  # the check tells of it
                continue
        follow_moved(versioning, new, moved)
    done = [ref for ref in damaged if (ref.pack, ref.offset) in moved]
    chunks.soundness.note_repaired(done)
    for ref in done:
        copy = moved[ref.pack, ref.offset]
        yield (
            f"chunk {ref.chunk.hex()} in pack {ref.pack.hex()} is damaged: "
            f"what needs it uses the copy in pack {copy.pack.hex()} now"
        )


def _is_sound(versioning: Versioning, ref: ChunkRef) -> bool:
    """Tell whether a chunk can be read again: the same pack was stored anew."""
    try:
        versioning.file_sets.chunks.read(ref)
    except CorruptDataError:
        return False
    return True


def _sound_copies(versioning: Versioning, damaged: Sequence[ChunkRef]) -> Moved:
    """Return a sound copy for each place of a damaged chunk that has one anywhere in the store."""
    chunks = versioning.file_sets.chunks
    wanted = {ref.chunk for ref in damaged}
    broken = {(ref.pack, ref.offset) for ref in damaged}
    copies: dict[bytes, ChunkRef] = {}
    for key in chunks.objects.list("packs/"):
        if not is_object_key(key):
            continue
        try:
            entries = list(read_pack_entries(chunks.objects, bytes.fromhex(key.rpartition("/")[2])))
        except CorruptDataError:
            continue
        for ref in entries:
            is_candidate = ref.chunk in wanted and ref.chunk not in copies and (ref.pack, ref.offset) not in broken
            if is_candidate and _is_sound(versioning, ref):
                copies[ref.chunk] = ref
    return {(ref.pack, ref.offset): copies[ref.chunk] for ref in damaged if ref.chunk in copies}
