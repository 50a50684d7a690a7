"""The datums of one job to look up by id: hash and state of each, in some 70 bytes."""

import re
import struct
from array import array
from bisect import bisect_left
from collections import Counter
from collections.abc import Iterator, Sequence

from trunkline.model.datums import DatumState
from trunkline.pps.datums.identity import KnownDatum

_BYTES = 32
"""Of an id, and of a hash."""
_ID = re.compile("[0-9a-f]{64}")
_STATES = tuple(DatumState)


class IdList:
    """Ids of datums, in order."""

    def __init__(self) -> None:
        self._ids = bytearray()

    def append(self, id: str) -> None:  # noqa: A002 - the field's word
        """Add an id at the end."""
        self._ids += bytes.fromhex(id)

    def __len__(self) -> int:
        return len(self._ids) // _BYTES

    def __iter__(self) -> Iterator[str]:
        return (self._ids[start : start + _BYTES].hex() for start in range(0, len(self._ids), _BYTES))


class DatumIndex:
    """Datums by id, which are added in the order of their ids."""

    def __init__(self) -> None:
        self._prefixes = array("Q")  # of the ids, for the bisection that C does
        self._ids = bytearray()
        self._hashes = bytearray()
        self._states = bytearray()
        self._asked = bytearray()

    def add(self, ids: Sequence[str], hashes: Sequence[str], states: Sequence[DatumState]) -> None:
        """Add datums, whose ids follow those that are here."""
        raw = bytes.fromhex("".join(ids))
        self._prefixes.extend(struct.unpack(">" + "Q24x" * len(ids), raw))
        self._ids += raw
        self._hashes += bytes.fromhex("".join(hashes))
        self._states += bytes(map(_STATES.index, states))
        self._asked += bytes(len(ids))

    def __len__(self) -> int:
        return len(self._prefixes)

    def find(self, id: str) -> KnownDatum | None:  # noqa: A002 - the field's word
        """Return a datum, or None; it no longer counts among those never asked for."""
        if not _ID.fullmatch(id):
            return None
        raw = bytes.fromhex(id)
        (prefix,) = struct.unpack(">Q24x", raw)
        place = bisect_left(self._prefixes, prefix)
        while place < len(self._prefixes) and self._prefixes[place] == prefix:
            start = place * _BYTES
            if self._ids[start : start + _BYTES] == raw:
                self._asked[place] = 1
                return KnownDatum(id, self._hashes[start : start + _BYTES].hex(), _STATES[self._states[place]])
            place += 1
        return None

    def states(self) -> Counter[DatumState]:
        """Return how many datums are in each state."""
        return Counter({state: count for state in DatumState if (count := self._states.count(_STATES.index(state)))})

    def never_asked_for(self) -> Iterator[str]:
        """Yield the ids that nobody asked for."""
        place = self._asked.find(0)
        while place >= 0:
            yield self._ids[place * _BYTES : (place + 1) * _BYTES].hex()
            place = self._asked.find(0, place + 1)
