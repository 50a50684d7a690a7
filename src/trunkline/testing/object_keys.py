"""What objects file sets need: found row by row, to compare with what garbage collection keeps."""

from collections.abc import Iterable, Iterator

from trunkline.storage.chunk.refs import pack_key
from trunkline.storage.fileset import FileSets
from trunkline.storage.fileset.rows import packs_of
from trunkline.storage.table import table_key


def object_keys(file_sets: FileSets, roots: Iterable[str]) -> Iterator[str]:
    """Yield the key of each object that file sets and layers of these roots need, once: tables and packs.

    Raise CorruptDataError if a table is missing or damaged.
    """
    seen: set[bytes] = set()
    packs: set[bytes] = set()
    for root in roots:
        for name, level, rows in file_sets.tables.objects(root, seen):
            yield table_key(name)
            if level == 0:
                found = packs_of(rows) - packs
                packs |= found
                yield from map(pack_key, found)
