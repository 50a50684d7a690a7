"""Identity of datums, what a job does with each, and how many make one unit of scheduling (reference, 4.2 and 4.3)."""

import math
from base64 import b64encode
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from enum import StrEnum
from hashlib import blake2b
from itertools import islice
from typing import Protocol

from trunkline.model.datums import Datum, DatumInput, DatumState, InputSource
from trunkline.model.pipelines import DatumSetSpec
from trunkline.pps.datums.enumeration import DatumInputs
from trunkline.pps.datums.products import DatumChange

_DIGEST_BYTES = 32
TARGET_SECONDS = 1.0
"""What a datum set should take: long against the cost of scheduling it, short against a person's patience."""
TAIL_SECONDS = 0.05
"""What a set takes at least, where datums are quicker than that: the longest that a core idles at the end."""
FIRST_SET_DATUMS = 2
SET_DATUMS_MAX = 4096
"""Bounds one message to a worker, and what a lost worker costs."""


def _measured(text: str) -> bytes:
    encoded = text.encode()
    return encoded + len(encoded).to_bytes(8, "big")


def _source_bytes(source: InputSource) -> bytes:
    return _measured(source.name) + _measured(source.repo) + _measured(source.branch)


def datum_id(inputs: Iterable[DatumInput]) -> str:
    """Return the id of the datum of these inputs: who they are, whatever they hold."""
    named = b"".join(_source_bytes(each.source) + _measured(each.path) for each in inputs)
    return blake2b(named, digest_size=_DIGEST_BYTES).hexdigest()


def datum_hash(id: str, inputs: Iterable[DatumInput], salt: str) -> str:  # noqa: A002 - the field's word
    """Return the hash of a datum: its id, what its inputs hold, and the pipeline's salt."""
    contents = b"".join(each.hash for each in inputs if not each.source.reference)
    return blake2b(id.encode() + contents + salt.encode(), digest_size=_DIGEST_BYTES).hexdigest()


def datum_maker(salt: str) -> Callable[[DatumInputs], Datum]:
    """Return a function that makes the datum of some inputs, many times faster over many datums of few sources."""
    salted = salt.encode()
    prefixes: dict[int, tuple[InputSource, bytes]] = {}

    def prefix(source: InputSource) -> bytes:
        # By identity, since hashing a source takes longer than all the rest; it is kept so that its id stays its own.
        found = prefixes.get(id(source))
        if found is None:
            found = prefixes[id(source)] = (source, _source_bytes(source))
        return found[1]

    def make(inputs: DatumInputs) -> Datum:
        named, contents = b"", b""
        for each in inputs:
            path = each.path.encode()
            named += prefix(each.source) + path + len(path).to_bytes(8, "big")
            if not each.source.reference:
                contents += each.hash
        own_id = blake2b(named, digest_size=_DIGEST_BYTES).hexdigest()
        own_hash = blake2b(own_id.encode() + contents + salted, digest_size=_DIGEST_BYTES).hexdigest()
        return Datum(own_id, own_hash, inputs)

    return make


def make_datums(tuples: Iterable[DatumInputs], *, salt: str) -> Iterator[Datum]:
    """Yield the datum of each tuple of inputs."""
    return map(datum_maker(salt), tuples)


def matches_filters(datum: Datum, filters: Iterable[str]) -> bool:
    """Return whether each filter is the path or the hash, in hex or base64, of one of the datum's inputs."""
    known = {each.path for each in datum.inputs}
    for each in datum.inputs:
        known |= {each.hash.hex(), b64encode(each.hash).decode()}
    return known.issuperset(filters)


@dataclass(frozen=True, slots=True)
class KnownInput:
    """What is remembered of one input of an earlier job's datum."""

    name: str
    path: str
    hash: bytes


@dataclass(frozen=True, slots=True)
class KnownDatum:
    """A datum as an earlier job left it. ``inputs`` serve to explain, and may be left out."""

    id: str
    hash: str
    state: DatumState
    inputs: tuple[KnownInput, ...] = ()


class KnownDatums(Protocol):
    """The datums of the job that another builds on."""

    def find(self, id: str) -> KnownDatum | None:  # noqa: A002 - the field's word
        """Return a datum, or None."""


class AllKnownDatums(KnownDatums, Protocol):
    """A base that knows what it was asked for."""

    def never_asked_for(self) -> Iterable[str]:
        """Return the ids that nobody asked for."""


class Planned(Protocol):
    """Takes what a plan says: there may be millions, so it is not for the plan to hold them."""

    def new(self, datum: Datum) -> None:
        """Take a datum that is not in the base: processed, without waiting for the base job."""

    def changed(self, datum: Datum) -> None:
        """Take one that is in both, whose old result does not hold: its files are deleted, and it runs again."""

    def skipped(self, datum: Datum) -> None:
        """Take one that is in both, whose old result holds."""

    def deleted(self, id: str) -> None:  # noqa: A002 - the field's word
        """Take the id of one that is in the base alone: its files are deleted."""


_DONE = (DatumState.SUCCESS, DatumState.SKIPPED)


def plan(
    new: Iterable[Datum], base: AllKnownDatums, planned: Planned, *, every_job: bool = False, s3_out: bool = False
) -> None:
    """Say what to do with each datum, given all of a job's; each is seen once and not held."""
    keeps = not (every_job or s3_out)
    for datum in new:
        _sort(datum, base.find(datum.id), planned, keeps=keeps)
    for id_ in base.never_asked_for():
        planned.deleted(id_)


def plan_changes(changes: Iterable[DatumChange], base: KnownDatums, planned: Planned, *, salt: str) -> None:
    """Say what `plan` would, from the changes alone: the base's other datums are skipped without being named.

    Holds when the base job ran this very input tree with this salt, succeeded, and skipping is on; what recovered in it
    is to be run besides. ``base`` is asked for the changed datums only, so it may look each up when asked.
    """
    make = datum_maker(salt)
    for change in changes:
        old = base.find(datum_id(change.old)) if change.old is not None else None
        if change.new is not None:
            _sort(make(change.new), old, planned, keeps=True)
        elif old is not None:
            planned.deleted(old.id)


def _sort(datum: Datum, old: KnownDatum | None, planned: Planned, *, keeps: bool) -> None:
    if old is None:
        planned.new(datum)
    elif keeps and old.hash == datum.hash and old.state in _DONE:
        planned.skipped(datum)
    else:
        planned.changed(datum)


class Why(StrEnum):
    """Why a datum runs, or does not."""

    NEW = "new"
    CHANGED = "changed input"
    FAILED = "failed before"
    RECOVERED = "recovered before"
    REPROCESS = "reprocess"
    EVERY_JOB = "processed in every job"
    UNCHANGED = "unchanged"


@dataclass(frozen=True, slots=True)
class Explanation:
    """Why a datum runs, with the inputs at fault. ``str()`` is one line for people."""

    why: Why
    inputs: tuple[str, ...] = ()
    """The changed inputs, each as ``name:/path``."""

    def __str__(self) -> str:
        return f"{self.why}: {', '.join(self.inputs)}" if self.inputs else str(self.why)


def explain(datum: Datum, base: KnownDatum | None, *, every_job: bool = False, s3_out: bool = False) -> Explanation:
    """Return why a job runs a datum, given what the job that it builds on has of it."""
    if base is None:
        return Explanation(Why.NEW)
    if base.state is DatumState.FAILED:
        return Explanation(Why.FAILED)
    if base.hash != datum.hash:
        return _explain_difference(datum, base)
    if base.state is DatumState.RECOVERED:
        return Explanation(Why.RECOVERED)
    return Explanation(Why.EVERY_JOB if every_job or s3_out else Why.UNCHANGED)


def _explain_difference(datum: Datum, base: KnownDatum) -> Explanation:
    if not base.inputs:
        return Explanation(Why.CHANGED)
    old = {(each.name, each.path): each.hash for each in base.inputs}
    changed = tuple(
        f"{each.source.name}:{each.path}"
        for each in datum.inputs
        if not each.source.reference and old.get((each.source.name, each.path)) != each.hash
    )
    # Same inputs with another hash: only the salt is left to differ.
    return Explanation(Why.CHANGED, changed) if changed else Explanation(Why.REPROCESS)


def next_set_size(
    seconds_per_datum: float | None,
    remaining: int,
    capacity: int,
    *,
    spec: DatumSetSpec | None = None,
    total: int | None = None,
) -> int:
    """Return how many datums the next set takes: about a second's worth, fewer towards the end, a few at first.

    ``seconds_per_datum`` is what was measured so far, None when nothing was. Half an equal share at most, so that the
    last sets are small and no core waits for another. A number given in the spec holds instead, ``perWorker`` as a part
    of ``total``, the datums to run in all; ``sizeBytes`` is for `take_set`.
    """
    if spec is not None and spec.number > 0:
        return max(1, min(spec.number, remaining))
    if spec is not None and spec.per_worker > 0:
        return max(1, min((total or remaining) // (max(1, capacity) * spec.per_worker), remaining))
    share = math.ceil(remaining / (2 * max(1, capacity)))
    if seconds_per_datum is None:
        return max(1, min(FIRST_SET_DATUMS, share))
    wanted = _datums_in(TARGET_SECONDS, seconds_per_datum)
    at_least = _datums_in(TAIL_SECONDS, seconds_per_datum)
    return max(1, min(wanted, max(share, at_least), remaining))


def _datums_in(seconds: float, seconds_per_datum: float) -> int:
    if seconds_per_datum * SET_DATUMS_MAX <= seconds:
        return SET_DATUMS_MAX
    return int(seconds / seconds_per_datum)


def take_set(
    datums: Iterator[Datum],
    remaining: int,
    *,
    total: int,
    seconds_per_datum: float | None,
    capacity: int,
    spec: DatumSetSpec | None = None,
) -> list[Datum]:
    """Return the next set: of the datums that remain, as many as the spec's bytes or `next_set_size` allow."""
    if spec is not None and spec.size_bytes > 0:
        return _take_bytes(datums, spec.size_bytes)
    size = next_set_size(seconds_per_datum, remaining, capacity, spec=spec, total=total)
    return list(islice(datums, size))


def _take_bytes(datums: Iterator[Datum], bytes_min: int) -> list[Datum]:
    taken: list[Datum] = []
    total = 0
    for datum in islice(datums, SET_DATUMS_MAX):
        taken.append(datum)
        total += sum(each.size_bytes for each in datum.inputs)
        if total >= bytes_min:
            break
    return taken
