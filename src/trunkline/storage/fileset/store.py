"""File sets over an object store."""

from collections.abc import Sequence
from pathlib import Path

from trunkline.objects import ObjectStore
from trunkline.storage.chunk import ChunkIndex, ChunkStore
from trunkline.storage.fileset.collisions import find_collision
from trunkline.storage.fileset.compose import Composer
from trunkline.storage.fileset.layers import layer_between, layer_of
from trunkline.storage.fileset.reader import FileSet
from trunkline.storage.fileset.rows import LAYERS
from trunkline.storage.fileset.sources import SourceMemory
from trunkline.storage.fileset.writer import LayerWriter
from trunkline.storage.table import Table, TableStore


class FileSets:
    """Writes, composes and opens file sets. Safe for use from many threads; one per process shares its caches.

    A file set and a layer are named by the root of their table, in hex; the empty one by the empty string.
    """

    def __init__(
        self,
        objects: ObjectStore,
        index: ChunkIndex,
        *,
        tables: TableStore | None = None,
        sources: Path | None = None,
        checks_hits: bool = True,
    ) -> None:
        """Use an object store. What is remembered of local directories is kept in the directory ``sources``.

        Without ``checks_hits``, the index is believed that what it finds is sound.
        """
        self.chunks = ChunkStore(objects, index, checks_hits=checks_hits)
        self.tables = tables or TableStore(objects)
        self._composer = Composer(self.chunks, self.tables)
        self._sources = SourceMemory(sources)

    def edit(self) -> LayerWriter:
        """Start a layer."""
        return LayerWriter(self.chunks, self.tables, self._composer.merge, sources=self._sources)

    def merge(self, layers: Sequence[str]) -> str:
        """Return one layer that does what layers do in order."""
        present = [layer for layer in layers if layer]
        return self._composer.merge(present) if len(present) > 1 else "".join(present)

    def compose(self, base: str, layers: Sequence[str]) -> str:
        """Return the file set that results from applying layers in order to base. All of it is durable then."""
        return self._composer.compose(base, layers)

    def layer_of(self, root: str) -> str:
        """Return the layer that appends all files of a file set."""
        return layer_of(self.tables, root)

    def layer_between(self, new: str, old: str) -> str:
        """Return the layer that turns the file set old into new."""
        return layer_between(self.tables, new, old)

    def open(self, root: str) -> FileSet:
        """Return the file set of that root."""
        return FileSet(self.chunks, self.tables, root)

    def collision(self, root: str, changed: Sequence[str] | None = None) -> str | None:
        """Return what makes the file set invalid: a path that two datums wrote, or one that is file and directory.

        With the layers given that led here from a valid file set, only what they touch is looked at.
        """
        layers = None if changed is None else [Table(self.tables, LAYERS, layer) for layer in changed if layer]
        return find_collision(self.open(root).table, layers)

    def layer_size_upper_bound(self, layer: str) -> int:
        """Return the bytes that the layer adds, not counting what it deletes or replaces."""
        return Table(self.tables, LAYERS, layer).size_bytes
