"""Which packs can be relied on: what is put may lean on what lies on disk only after that was read and found sound.

A pack is read once a process, and again once it looks different from outside; one that this process has stored itself
counts as read. Where little of a pack is wanted, only that is read.
"""

from collections import defaultdict
from collections.abc import Callable, Hashable, Iterable, Sequence

from blake3 import blake3

from trunkline.errors import CorruptDataError
from trunkline.objects import ObjectNotFoundError, ObjectStore
from trunkline.storage.chunk.refs import ChunkRef, pack_key
from trunkline.telemetry import log

_WHOLE_SHARE = 8
"""A pack of which at least one byte in so many is wanted is read whole."""


class Soundness:
    """What is known of the packs of a store. Safe for use from many threads."""

    def __init__(self, objects: ObjectStore, read_many: Callable[[Sequence[ChunkRef]], object]) -> None:
        """Read packs of a store, and chunks by a function that raises CorruptDataError for what is damaged."""
        self._objects = objects
        self._read_many = read_many
        self._looks: dict[bytes, Hashable] = {}
        self._damaged: set[ChunkRef] = set()

    def trust(self, packs: Iterable[bytes]) -> None:
        """Count packs as read that this process has stored just now."""
        for pack in packs:
            self._looks[pack] = self._objects.look(pack_key(pack))

    def doubt(self, pack: bytes) -> None:
        """Read a pack again before it is relied on: something in it is damaged."""
        self._looks.pop(pack, None)

    def is_trusted(self, pack: bytes) -> bool:
        """Tell whether a pack was read and looks as it did then."""
        known = self._looks.get(pack)
        return known is not None and self._objects.look(pack_key(pack)) == known

    def note_damaged(self, refs: Iterable[ChunkRef]) -> None:
        """Keep what is damaged, for a repair."""
        for ref in refs:
            self.doubt(ref.pack)
            self._damaged.add(ref)

    def note_repaired(self, refs: Iterable[ChunkRef]) -> None:
        """Forget damage that nobody is concerned by any more."""
        self._damaged.difference_update(refs)

    @property
    def damaged(self) -> list[ChunkRef]:
        """What was found to be damaged since the process began, and not repaired."""
        return sorted(self._damaged)

    def damaged_among(self, refs: Iterable[ChunkRef]) -> list[ChunkRef]:
        """Return those of the chunks that are damaged or missing, and log and keep them."""
        by_pack: defaultdict[bytes, list[ChunkRef]] = defaultdict(list)
        for ref in refs:
            by_pack[ref.pack].append(ref)
        damaged: list[ChunkRef] = []
        for pack, wanted in by_pack.items():
            if not self.is_trusted(pack) and not self._is_whole(pack, wanted):
                damaged += self._read_each(wanted)
        for ref in damaged:
            log("storage").warning(
                "chunk %s in pack %s is damaged: who puts that content stores it anew; "
                "pachctl fsck --read-data names the files that need it",
                ref.chunk.hex(),
                ref.pack.hex(),
            )
        self.note_damaged(damaged)
        return damaged

    def _is_whole(self, pack: bytes, wanted: Sequence[ChunkRef]) -> bool:
        """Read a pack if much of it is wanted; tell whether it is known to be sound now."""
        key = pack_key(pack)
        look = self._objects.look(key)
        size = self._objects.size(key)
        if look is None or size is None or sum(ref.stored_bytes for ref in wanted) * _WHOLE_SHARE < size:
            return False
        try:
            is_whole = blake3(self._objects.get(key)).digest() == pack
        except ObjectNotFoundError:
            return False
        if is_whole:
            self._looks[pack] = look
        return is_whole

    def _read_each(self, refs: Sequence[ChunkRef]) -> list[ChunkRef]:
        """Return those that are damaged."""
        try:
            self._read_many(refs)
        except CorruptDataError:
            if len(refs) == 1:
                return list(refs)
            middle = len(refs) // 2
            return self._read_each(refs[:middle]) + self._read_each(refs[middle:])
        return []
