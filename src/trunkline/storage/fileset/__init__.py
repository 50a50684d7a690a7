"""File sets: tables of paths, the layers that edit them, and how they are read."""

from trunkline.storage.fileset.reader import FileSet
from trunkline.storage.fileset.rows import FileInfo, FileRow
from trunkline.storage.fileset.store import FileSets
from trunkline.storage.fileset.writer import LayerWriter

__all__ = ["FileInfo", "FileRow", "FileSet", "FileSets", "LayerWriter"]
