"""What is remembered of each datum: a sorted table by datum id, the same kind of table as a file set.

A job's table holds the datums that it ran and those that it skipped, whose records an earlier job made. It gives the
skip decisions of the next job, ``list datum`` by page, and for each output file the datum behind its tag.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import msgspec
import pyarrow as pa

from trunkline.model.datums import Datum, DatumResult, DatumState
from trunkline.pps.datums import BaseDatum
from trunkline.storage.table import TableSpec, TableStore

_STATES = tuple(DatumState)
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


class _Detail(msgspec.Struct, frozen=True, omit_defaults=True):
    inputs: tuple[InputRecord, ...]
    outputs: tuple[str, ...] = ()
    reason: str = ""
    runner: str = ""
    why: str = ""
    tries: int = 1
    set_index: int = 0
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
    stats: dict[str, float] = field(default_factory=dict)


def record_of(datum: Datum, result: DatumResult, *, job: str, set_index: int, why: str) -> DatumRecord:
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
            )
            for i in datum.inputs
        ),
        outputs=result.outputs,
        reason=result.reason,
        runner=result.runner.value,
        why=why,
        tries=result.tries,
        set_index=set_index,
        stats={name: getattr(stats, name) for name in stats.__dataclass_fields__},
    )


class DatumRecords:
    """Reads and writes tables of datum records."""

    def __init__(self, tables: TableStore) -> None:
        self._tables = tables
