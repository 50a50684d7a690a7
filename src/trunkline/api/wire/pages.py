"""Listings read in pages: no database transaction is open while a client reads (docs/decisions/0026)."""

from collections.abc import Callable, Iterator, Sequence
from typing import TypeVar

from trunkline.pfs.transaction import Transaction
from trunkline.pfs.versioning import Versioning

T = TypeVar("T")
R = TypeVar("R")
ROWS_AT_ONCE = 64


def in_pages(
    versioning: Versioning, rows: Sequence[R], read: Callable[[Transaction, Sequence[R]], Sequence[T]]
) -> Iterator[T]:
    """Yield what read makes of the rows, some at a time, each time in a transaction that ends before it is sent."""
    for start in range(0, len(rows), ROWS_AT_ONCE):
        with versioning.reading() as tx:
            found = read(tx, rows[start : start + ROWS_AT_ONCE])
        yield from found
