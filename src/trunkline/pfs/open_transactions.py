"""Open transactions: what clients have appended so far, kept as bytes that the door understands."""

from dataclasses import dataclass

from sqlalchemy import delete, insert, select, update

from trunkline.db.tables import transactions
from trunkline.errors import NotFoundError
from trunkline.pfs.transaction import Transaction


@dataclass(frozen=True, slots=True)
class OpenTransaction:
    """A transaction that was started and not yet finished."""

    id: str
    started_at: int
    requests: bytes
    """A serialised ``TransactionInfo`` of the wire."""


def start_open(tx: Transaction) -> OpenTransaction:
    """Start a transaction; its id becomes that of the commits it makes."""
    tx.connection.execute(insert(transactions).values(id=tx.id, started_at=tx.now, requests=b""))
    return OpenTransaction(tx.id, tx.now, b"")


def find_open(tx: Transaction, id: str) -> OpenTransaction:  # noqa: A002 - the field's word
    """Return the transaction, or raise NotFoundError."""
    row = tx.connection.execute(select(transactions).where(transactions.c.id == id)).first()
    if row is None:
        raise NotFoundError(f"transaction {id} not found")
    return OpenTransaction(row.id, row.started_at, row.requests)


def list_open(tx: Transaction) -> list[OpenTransaction]:
    """Return all open transactions, newest first."""
    rows = tx.connection.execute(select(transactions).order_by(transactions.c.started_at.desc()))
    return [OpenTransaction(row.id, row.started_at, row.requests) for row in rows]


def append_to_open(tx: Transaction, id: str, requests: bytes) -> None:  # noqa: A002
    """Replace what a transaction holds."""
    find_open(tx, id)
    tx.connection.execute(update(transactions).where(transactions.c.id == id).values(requests=requests))


def delete_open(tx: Transaction, id: str) -> None:  # noqa: A002
    """Forget a transaction, or raise NotFoundError."""
    find_open(tx, id)
    tx.connection.execute(delete(transactions).where(transactions.c.id == id))
