"""What is remembered of each datum: a sorted table by datum id, the same kind of table as a file set.

A job's table holds the datums that it ran and those that it skipped, whose records an earlier job made. It gives the
skip decisions of the next job, ``list datum`` by page, and for each output file the datum behind its tag.
"""

from bisect import bisect_left
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from heapq import merge
from operator import attrgetter

import msgspec
import pyarrow as pa
import pyarrow.compute as pc

from trunkline.model.datums import Datum, DatumResult, DatumState, DatumStats
from trunkline.pps.datums.index import DatumIndex
from trunkline.storage.table.diff import changed_rows
from trunkline.storage.table.edit import Edits, apply_edits, write_table
from trunkline.storage.table.read import Table
from trunkline.storage.table.segment import concat, sort_rows
from trunkline.storage.table.spec import Key, TableSpec
from trunkline.storage.table.store import TableStore

_STATES = tuple(DatumState)
_STATS = tuple(DatumStats.__dataclass_fields__)
_PAGE_ROWS = 256
_ROWS_AT_ONCE = 65_536
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


_encoder = msgspec.msgpack.Encoder()
_decoder = msgspec.msgpack.Decoder(_Detail)


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
        stats={name: getattr(stats, name) for name in _STATS},
        index=index,
    )


class DatumTables:
    """Reads and writes tables of datum records."""

    def __init__(self, tables: TableStore) -> None:
        self._tables = tables

    def write(self, records: Iterable[DatumRecord]) -> str:
        """Store records durably, each id once, and return the root of their table."""
        return write_table(self._tables, SPEC, iter([sort_rows(_to_batch(list(records)), SPEC.key)]))

    def apply(self, base: str, roots: Sequence[str], deleted: Iterable[str]) -> str:
        """Return the table of base with the records of other tables in it and some ids gone."""
        tables = [self._table(root) for root in roots]
        gone = pa.array(sorted(deleted), pa.string())
        lower: Key = ()
        root, done = base, 0
        for upper in _borders(sum(table.rows for table in tables)):
            upserts = [batch for table in tables for batch in table.scan(lower, (upper,) if upper else None)]
            end = bisect_left(gone, upper, done, key=pa.StringScalar.as_py) if upper else len(gone)
            edits = Edits(
                upserts=sort_rows(concat(upserts), SPEC.key) if upserts else SPEC.no_rows(),
                deletes=pa.record_batch([gone.slice(done, end - done)], schema=SPEC.key_schema),
            )
            root = apply_edits(self._tables, SPEC, root, edits)
            lower, done = (upper,), end
        return root

    def index(self, root: str) -> DatumIndex:
        """Return all datums, to look up."""
        return self.index_many([root])

    def index_many(self, roots: Sequence[str]) -> DatumIndex:
        """Return the datums of several tables, to look up."""
        batches = [batch.select(["id", "hash", "state"]) for root in roots for batch in self._table(root).scan()]
        if len(roots) > 1 and batches:
            batches = [sort_rows(concat(batches), SPEC.key)]
        found = DatumIndex()
        for batch in batches:
            ids, hashes, states = (column.to_pylist() for column in batch.columns)
            found.add(ids, hashes, [_STATES[state] for state in states])
        return found

    def count(self, root: str) -> int:
        """Return how many datums a table has."""
        return self._table(root).rows

    def find(self, root: str, id: str) -> DatumRecord | None:  # noqa: A002 - the field's word
        """Return the record of one datum."""
        found = self._table(root).find((id,))
        return None if found is None else next(_records(found[0].slice(found[1], 1)))

    def find_many(self, root: str, ids: Iterable[str]) -> Iterator[DatumRecord]:
        """Yield the records of those datums that are there, by id."""
        keys = pa.record_batch([pa.array(sorted(ids), pa.string())], schema=SPEC.key_schema)
        for batch in self._table(root).find_many(keys)[1]:
            yield from _records(batch)

    def changes(self, new: str, old: str) -> Iterator[tuple[list[DatumRecord], list[str]]]:
        """Yield some at a time (records of new that old has not so, ids of old whose records new has not so)."""
        for there, gone in changed_rows(self._table(new), self._table(old)):
            yield list(_records(there)), gone.column("id").to_pylist()

    def scan(self, root: str, *, after: str = "") -> Iterator[DatumRecord]:
        """Yield records by id, those up to ``after`` left out."""
        return self.scan_many([root], after=after)

    def scan_many(
        self,
        roots: Sequence[str],
        *,
        after: str = "",
        reverse: bool = False,
        states: Collection[DatumState] = (),
        job: str = "",
    ) -> Iterator[DatumRecord]:
        """Yield the records of several tables by id, beyond ``after``; of some states only, where given.

        Skipped are the datums whose record is of another job than ``job``. Holds a page of each table at a time.
        """
        pages = (self._pages(root, after, reverse=reverse) for root in roots)
        kept = (_records_in(each, states, job, reverse=reverse) for each in pages)
        return merge(*kept, key=attrgetter("id"), reverse=reverse)

    def _pages(self, root: str, after: str, *, reverse: bool) -> Iterator[pa.RecordBatch]:
        """Yield the rows a page at a time; between pages nothing of the table is held."""
        table = self._table(root)
        while True:
            lower = (after + "\0",) if after and not reverse else ()
            pieces = list(table.pieces(lower, (after,) if after and reverse else None))
            if not pieces:
                return
            segment, start, end = pieces[-1 if reverse else 0]
            start, end = (max(start, end - _PAGE_ROWS), end) if reverse else (start, min(end, start + _PAGE_ROWS))
            page = table.segment(segment).slice(start, end - start)
            after = page.column("id")[0 if reverse else page.num_rows - 1].as_py()
            yield page

    def _table(self, root: str) -> Table:
        return Table(self._tables, SPEC, root)


def _borders(rows: int) -> Iterator[str]:
    """Yield upper borders that cut all ids, which are spread evenly, into parts of a bounded number of rows."""
    parts = rows // _ROWS_AT_ONCE + 1
    for part in range(1, parts):
        yield f"{(part << 64) // parts:016x}"
    yield ""


def _records_in(
    pages: Iterable[pa.RecordBatch], states: Collection[DatumState], job: str, *, reverse: bool
) -> Iterator[DatumRecord]:
    for page in pages:
        found = list(_records(page.filter(_is_in(page, states, job)) if states else page))
        yield from reversed(found) if reverse else found


def _is_in(page: pa.RecordBatch, states: Collection[DatumState], job: str) -> pa.Array:
    own = pc.equal(page.column("job"), job)
    wanted = pa.array([_STATES.index(state) for state in states if state is not DatumState.SKIPPED], pa.int8())
    ran = pc.and_(own, pc.is_in(page.column("state"), value_set=wanted))
    return pc.or_(ran, pc.invert(own)) if DatumState.SKIPPED in states else ran


def _to_batch(records: Sequence[DatumRecord]) -> pa.RecordBatch:
    columns = [
        [r.id for r in records],
        [r.hash for r in records],
        [_STATES.index(r.state) for r in records],
        [r.job for r in records],
        [_encode(r) for r in records],
    ]
    arrays = [pa.array(column, field.type) for column, field in zip(columns, _SCHEMA, strict=True)]
    return pa.RecordBatch.from_arrays(arrays, schema=_SCHEMA)


def _encode(r: DatumRecord) -> bytes:
    detail = _Detail(r.inputs, r.outputs, r.reason, r.runner, r.why, r.tries, r.set_index, r.index, r.stats)
    return _encoder.encode(detail)


def _records(batch: pa.RecordBatch) -> Iterator[DatumRecord]:
    columns = (column.to_pylist() for column in batch.columns)
    for id_, hash_, state, job, data in zip(*columns, strict=True):
        d = _decoder.decode(data)
        yield DatumRecord(
            id_,
            hash_,
            _STATES[state],
            job,
            d.inputs,
            d.outputs,
            d.reason,
            d.runner,
            d.why,
            d.tries,
            d.set_index,
            d.index,
            d.stats,
        )
