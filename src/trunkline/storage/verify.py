"""Checks what is stored: tables and packs, and that tables point at what is in packs."""

from collections import OrderedDict
from collections.abc import Iterator

import pyarrow as pa
from blake3 import blake3

from trunkline.errors import CorruptDataError
from trunkline.objects import ObjectNotFoundError, ObjectStore
from trunkline.storage.chunk import ChunkRef, ChunkStore
from trunkline.storage.chunk.pack import read_pack_entries
from trunkline.storage.chunk.refs import is_object_key, pack_key
from trunkline.storage.fileset import FileSets
from trunkline.storage.fileset.rows import file_rows

_PACKS_KEPT = 64


class StorageCheck:
    """One check of a store. Looks at every object once, however many tables share it. For one thread."""

    def __init__(self, file_sets: FileSets) -> None:
        self._tables = file_sets.tables
        self._chunks: ChunkStore = file_sets.chunks
        self._objects: ObjectStore = file_sets.chunks.objects
        self._seen_tables: set[bytes] = set()
        self._seen_packs: set[bytes] = set()
        self._packs: OrderedDict[bytes, frozenset[ChunkRef]] = OrderedDict()
        self.damaged: dict[ChunkRef, str] = {}
        """The chunks that `check_objects` could not read, and why."""

    def check_file_set(self, root: str) -> Iterator[str]:
        """Yield what is wrong with the table of a file set or layer, and with where its files are said to lie."""
        if root:
            yield from self._check_object(bytes.fromhex(root))

    def _check_object(self, name: bytes) -> Iterator[str]:
        if name in self._seen_tables:
            return
        self._seen_tables.add(name)
        try:
            level, batch = self._tables.load(name)
        except CorruptDataError as error:
            yield str(error)
            return
        if level == 0:
            yield from self._check_rows(batch)
        else:
            for child in batch.column("hash").to_pylist():
                yield from self._check_object(child)

    def _check_rows(self, batch: pa.RecordBatch) -> Iterator[str]:
        for row in file_rows(batch):
            if sum(ref.length for ref in row.refs) != row.size_bytes:
                yield f"file {row.path} is said to have {row.size_bytes} bytes, and its chunks have others"
            for ref in row.refs:
                is_known = ref.pack in self._seen_packs
                try:
                    entries = self._entries(ref.pack)
                except CorruptDataError as error:
                    if not is_known:
                        yield f"file {row.path}, and maybe others: {error}"
                    continue
                if ref not in entries:
                    yield f"file {row.path}: chunk {ref.chunk.hex()} is not in pack {ref.pack.hex()}"

    def _entries(self, pack: bytes) -> frozenset[ChunkRef]:
        """Return what a pack holds; raise CorruptDataError if it is missing or its end is not what it should be."""
        self._seen_packs.add(pack)
        entries = self._packs.get(pack)
        if entries is None:
            entries = self._packs[pack] = frozenset(read_pack_entries(self._objects, pack))
            if len(self._packs) > _PACKS_KEPT:
                self._packs.popitem(last=False)
        return entries

    def check_objects(self) -> Iterator[str]:
        """Read every byte of any table or pack, pointed at or not, and yield what is wrong besides `damaged`."""
        for key in self._objects.list("tables/"):
            if not is_object_key(key):
                continue
            name = bytes.fromhex(key.rpartition("/")[2])
            try:
                self._tables.load(name)
            except CorruptDataError as error:
                yield str(error)
        for key in self._objects.list("packs/"):
            if is_object_key(key):
                yield from self._check_pack(bytes.fromhex(key.rpartition("/")[2]))

    def _check_pack(self, pack: bytes) -> Iterator[str]:
        try:
            if blake3(self._objects.get(pack_key(pack))).digest() == pack:
                return
            damaged = False
            for ref in read_pack_entries(self._objects, pack):
                try:
                    self._chunks.read(ref)
                except CorruptDataError as error:
                    damaged = True
                    self.damaged[ref] = str(error)
            if not damaged:
                yield f"pack {pack.hex()} is damaged between its chunks"
        except ObjectNotFoundError:  # collected meanwhile
            return
        except CorruptDataError as error:
            yield str(error)

    def count_objects(self) -> int:
        """Return how many packs there are."""
        return sum(1 for key in self._objects.list("packs/") if is_object_key(key))
