"""The datums that a job is to run, in order, packed: a million are some tens of megabytes rather than a gigabyte."""

from collections.abc import Iterator
from typing import Any

import msgspec
import zstandard

from trunkline.model.datums import Datum, DatumInput, InputSource
from trunkline.pps.datums.identity import datum_maker

_DATUMS_PER_BLOCK = 1024
_encoder = msgspec.msgpack.Encoder()
_decoder = msgspec.msgpack.Decoder(list[list[tuple[int, str, bytes, int, str, str]]])


class PackedDatums:
    """A list of datums that is added to, and then read from the front. Ids and hashes are made anew when it is read."""

    def __init__(self, salt: str) -> None:
        self._salt = salt
        self._sources: dict[InputSource, int] = {}
        self._numbers: dict[int, tuple[InputSource, int]] = {}
        self._blocks: list[bytes] = []
        self._open: list[Datum] = []
        self._count = 0

    def append(self, datum: Datum) -> None:
        """Add a datum at the end."""
        self._open.append(datum)
        self._count += 1
        if len(self._open) == _DATUMS_PER_BLOCK:
            self._blocks.append(self._pack(self._open))
            self._open = []

    def __len__(self) -> int:
        return self._count

    def __iter__(self) -> Iterator[Datum]:
        make = datum_maker(self._salt)
        sources = list(self._sources)
        unzip = zstandard.ZstdDecompressor().decompress
        for block in self._blocks:
            for row in _decoder.decode(unzip(block)):
                yield make(tuple(DatumInput(sources[each[0]], *each[1:]) for each in row))
        yield from self._open

    def _pack(self, datums: list[Datum]) -> bytes:
        rows: list[Any] = [
            [(self._number(i.source), i.path, i.hash, i.size_bytes, i.join_on, i.group_by) for i in datum.inputs]
            for datum in datums
        ]
        return zstandard.ZstdCompressor(level=1).compress(_encoder.encode(rows))

    def _number(self, source: InputSource) -> int:
        # By identity first, since hashing a source takes longer than all the rest; kept so that its id is its own.
        found = self._numbers.get(id(source))
        if found is None:
            number = self._sources.setdefault(source, len(self._sources))
            found = self._numbers[id(source)] = (source, number)
        return found[1]
