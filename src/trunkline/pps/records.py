"""What is remembered of each datum: a sorted table by datum id, the same kind of table as a file set.

A job's table holds the datums that it ran and those that it skipped, whose records an earlier job made. It gives the
skip decisions of the next job, ``list datum`` by page, and for each output file the datum behind its tag.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from heapq import merge
from typing import Any

import msgspec
import pyarrow as pa

from trunkline.model.datums import Datum, DatumResult, DatumState
from trunkline.pps.datums import BaseDatum
from trunkline.storage.table.diff import changed_rows
from trunkline.storage.table.edit import Edits, apply_edits, write_table
from trunkline.storage.table.read import Table
from trunkline.storage.table.segment import concat, sort_rows
from trunkline.storage.table.spec import TableSpec
from trunkline.storage.table.store import TableStore

_STATES = tuple(DatumState)
_OPTIONS = ("lazy", "empty_files", "s3", "reference", "outer_join")
_SCHEMA = pa.schema(
    [
        pa.field("id", pa.string()),
        pa.field("hash", pa.string()),
        pa.field("state", pa.int8()),
        pa.field("job", pa.string()),
        pa.field("detail", pa.binary()),  # msgpack of `_Detail`: read for one datum at a time
    ]
)
SPEC = TableSpec(schema=_SCHEMA, key=("id",), digest=("id", "hash", "state", "job"))


class InputRecord(msgspec.Struct, frozen=True, array_like=True):
    """One input of a datum that was run: which file of which commit."""

    name: str
    project: str
    repo: str
    repo_type: str
    branch: str
    commit: str
    path: str
    hash: str
    size_bytes: int
    join_on: str = ""
    group_by: str = ""
    options: tuple[str, ...] = ()
    """Those of `InputSource` that were true."""


class _Detail(msgspec.Struct, frozen=True, omit_defaults=True):
    inputs: tuple[InputRecord, ...]
    outputs: tuple[str, ...] = ()
    reason: str = ""
    runner: str = ""
    why: str = ""
    tries: int = 1
    set_index: int = 0
    index: int = 0
    stats: dict[str, float] = {}


@dataclass(frozen=True, slots=True)
class DatumRecord:
    """What became of a datum, in which job, from what, and what it wrote."""

    id: str
    hash: str
    state: DatumState
    job: str
    inputs: tuple[InputRecord, ...]
    outputs: tuple[str, ...] = ()
    reason: str = ""
    runner: str = ""
    why: str = ""
    tries: int = 1
    set_index: int = 0
    index: int = 0
    """Its place among the datums that the job ran."""
    stats: dict[str, float] = field(default_factory=dict)


def record_of(datum: Datum, result: DatumResult, *, job: str, set_index: int, why: str, index: int = 0) -> DatumRecord:
    """Return the record of a datum that was run."""
    stats = result.stats
    return DatumRecord(
        id=datum.id,
        hash=datum.hash,
        state=result.state,
        job=job,
        inputs=tuple(
            InputRecord(
                i.source.name,
                i.source.project,
                i.source.repo,
                i.source.repo_type,
                i.source.branch,
                i.source.commit,
                i.path,
                i.hash.hex(),
                i.size_bytes,
                i.join_on,
                i.group_by,
                tuple(name for name in _OPTIONS if getattr(i.source, name)),
            )
            for i in datum.inputs
        ),
        outputs=result.outputs,
        reason=result.reason,
        runner=result.runner.value,
        why=why,
        tries=result.tries,
        set_index=set_index,
        index=index,
        stats={name: getattr(stats, name) for name in stats.__dataclass_fields__},
    )


class DatumRecords:
    """Reads and writes tables of datum records."""

    def __init__(self, tables: TableStore) -> None:
        self._tables = tables

    def write(self, records: Iterable[DatumRecord]) -> str:
        """Store records durably, each id once, and return the root of their table."""
        return write_table(self._tables, SPEC, iter([sort_rows(_to_batch(records), SPEC.key)]))

    def apply(self, base: str, roots: Sequence[str], deleted: Sequence[str]) -> str:
        """Return the table of base with the records of other tables in it and some ids gone."""
        upserts = [batch for root in roots for batch in Table(self._tables, SPEC, root).scan()]
        merged = sort_rows(concat(upserts), SPEC.key) if upserts else pa.RecordBatch.from_pylist([], schema=_SCHEMA)
        gone = pa.record_batch([pa.array(sorted(deleted), pa.string())], schema=SPEC.key_schema)
        return apply_edits(self._tables, SPEC, base, Edits(upserts=merged, deletes=gone))

    def base(self, root: str) -> dict[str, BaseDatum]:
        """Return id, hash and state of every datum; without their inputs."""
        found: dict[str, BaseDatum] = {}
        for batch in Table(self._tables, SPEC, root).scan():
            ids, hashes, states = (batch.column(name).to_pylist() for name in ("id", "hash", "state"))
            for id_, hash_, state in zip(ids, hashes, states, strict=True):
                found[id_] = BaseDatum(id_, hash_, _STATES[state])
        return found

    def count(self, root: str) -> int:
        """Return how many datums a table has."""
        return Table(self._tables, SPEC, root).rows

    def find(self, root: str, id: str) -> DatumRecord | None:  # noqa: A002 - the field's word
        """Return the record of one datum."""
        found = Table(self._tables, SPEC, root).find((id,))
        return None if found is None else _record(found[0].slice(found[1], 1).to_pylist()[0])

    def changes(self, new: str, old: str) -> Iterator[tuple[list[DatumRecord], list[str]]]:
        """Yield some at a time (records of new that old has not so, ids of old whose records new has not so)."""
        for there, gone in changed_rows(Table(self._tables, SPEC, new), Table(self._tables, SPEC, old)):
            yield [_record(row) for row in there.to_pylist()], gone.column("id").to_pylist()

    def scan(self, root: str, *, after: str = "") -> Iterator[DatumRecord]:
        """Yield records by id, those up to ``after`` left out."""
        for batch in Table(self._tables, SPEC, root).scan((after,) if after else ()):
            for row in batch.to_pylist():
                if row["id"] != after:
                    yield _record(row)

    def scan_many(self, roots: Sequence[str], *, after: str = "", only: str = "") -> Iterator[DatumRecord]:
        """Yield the records of several tables by id; of one id alone, where given."""
        if only:
            yield from (record for root in roots if (record := self.find(root, only)) is not None)
            return
        yield from merge(*(self.scan(root, after=after) for root in roots), key=lambda record: record.id)


def _to_batch(records: Iterable[DatumRecord]) -> pa.RecordBatch:
    rows = [
        {"id": r.id, "hash": r.hash, "state": _STATES.index(r.state), "job": r.job, "detail": _encode(r)}
        for r in records
    ]
    return pa.RecordBatch.from_pylist(rows, schema=_SCHEMA)


def _encode(record: DatumRecord) -> bytes:
    values = {name: getattr(record, name) for name in _Detail.__struct_fields__}
    return msgspec.msgpack.encode(_Detail(**values))


def _record(row: dict[str, Any]) -> DatumRecord:
    detail = msgspec.msgpack.decode(row["detail"], type=_Detail)
    values = {name: getattr(detail, name) for name in _Detail.__struct_fields__}
    return DatumRecord(id=row["id"], hash=row["hash"], state=_STATES[row["state"]], job=row["job"], **values)
