"""What a table looks like, and what its index says of each segment."""

from dataclasses import dataclass
from typing import TypeAlias

import pyarrow as pa

Key: TypeAlias = tuple[str, ...]


@dataclass(frozen=True, slots=True)
class TableSpec:
    """The columns of one kind of table."""

    schema: pa.Schema
    key: tuple[str, ...]
    """The string columns that rows are sorted by, byte by byte, and unique in."""
    digest: tuple[str, ...]
    """The columns that make up the logical content: two tables that agree in them have equal digests."""
    size: str | None = None
    """The integer column that sums are kept of."""

    @property
    def key_schema(self) -> pa.Schema:
        """The schema of the key columns alone."""
        return pa.schema([self.schema.field(name) for name in self.key])

    def no_rows(self) -> pa.RecordBatch:
        """Return no rows."""
        return pa.RecordBatch.from_pylist([], schema=self.schema)

    def no_keys(self) -> pa.RecordBatch:
        """Return no keys."""
        return pa.RecordBatch.from_pylist([], schema=self.key_schema)


@dataclass(frozen=True, slots=True)
class Summary:
    """What a range of rows adds up to."""

    rows: int
    size_bytes: int
    digest: bytes


@dataclass(frozen=True, slots=True)
class Entry:
    """What an index node says of one child."""

    hash: bytes
    first: Key
    last: Key
    rows: int
    size_bytes: int
    digest: bytes
    """Of the child's rows, for segments; zeros for nodes."""
    natural: bool
    """The child starts at a border that its first key asks for, not at one that a limit forced."""

    @property
    def border(self) -> Key:
        """The smallest key that belongs to this child rather than to the one before."""
        return self.first[:1] if self.natural else self.first
