"""Temporary file sets: files without a commit, kept for a while (reference, section 1.8)."""

from collections.abc import Sequence

from trunkline.errors import InvalidInputError, NotFoundError
from trunkline.model.ids import new_id
from trunkline.pfs.queries import file_sets
from trunkline.pfs.transaction import Transaction

TTL_SECONDS_DEFAULT = 600
TTL_SECONDS_MAX = 1800


def create_file_set(tx: Transaction, layers: Sequence[str], *, ttl_seconds: int = TTL_SECONDS_DEFAULT) -> str:
    """Keep layers, lowest first, as a file set; return its id. Those that have expired are forgotten."""
    _check_ttl(ttl_seconds)
    file_sets.delete_expired(tx.connection, tx.now)
    id = new_id()  # noqa: A001 - the field's word
    file_sets.insert_file_set(tx.connection, id, [layer for layer in layers if layer], tx.now + ttl_seconds * 1_000_000)
    return id


def find_file_set(tx: Transaction, id: str) -> list[str]:  # noqa: A002 - the field's word
    """Return the layers of a file set that has not expired, or that is in the cache; else raise NotFoundError."""
    key = id.partition(".")[0]
    row = file_sets.find_file_set(tx.connection, key)
    if row is None or (row[1] < tx.now and not file_sets.is_held(tx.connection, key)):
        raise NotFoundError(f"file set {id} not found")
    return row[0]


def renew_file_set(tx: Transaction, id: str, *, ttl_seconds: int) -> None:  # noqa: A002
    """Keep a file set for that long from now."""
    _check_ttl(ttl_seconds)
    find_file_set(tx, id)
    file_sets.update_expiry(tx.connection, id.partition(".")[0], tx.now + ttl_seconds * 1_000_000)


def _check_ttl(ttl_seconds: int) -> None:
    if ttl_seconds < 1:
        raise InvalidInputError(f"ttl ({ttl_seconds}s) must be at least one second")
    if ttl_seconds > TTL_SECONDS_MAX:
        raise InvalidInputError(f"ttl ({ttl_seconds}s) exceeds max ttl ({TTL_SECONDS_MAX}s)")
