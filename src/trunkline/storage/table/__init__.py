"""Sorted, immutable, content-addressed tables: segments under a tree of index nodes."""

from trunkline.storage.table.diff import changed_rows
from trunkline.storage.table.edit import DropRange, Edits, apply_edits, write_table
from trunkline.storage.table.read import Table
from trunkline.storage.table.spec import Entry, Key, Summary, TableSpec
from trunkline.storage.table.store import TableStore, table_key

__all__ = [
    "DropRange",
    "Edits",
    "Entry",
    "Key",
    "Summary",
    "Table",
    "TableSpec",
    "TableStore",
    "apply_edits",
    "changed_rows",
    "table_key",
    "write_table",
]
