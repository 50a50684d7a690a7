from dataclasses import replace

from trunkline.model.datums import DatumState
from trunkline.objects import open_object_store
from trunkline.pps.datums.datum_table import DatumRecord, DatumTables, InputRecord
from trunkline.storage.table.store import TableStore


def _records() -> DatumTables:
    return DatumTables(TableStore(open_object_store("memory://")))


def _record(number: int, job: str, state: DatumState = DatumState.SUCCESS) -> DatumRecord:
    inputs = (InputRecord("in", "default", "in", "user", "master", "c", f"/{number}", "00" * 32, 7),)
    return DatumRecord(
        f"{number:064x}", "hash", state, job, inputs, outputs=(f"/out/{number}",), stats={"cpu_seconds": 1}
    )


def test_records_come_back_as_they_were_written_by_id() -> None:
    records = _records()
    written = [_record(number, "job", DatumState.FAILED) for number in (3, 1, 2)]

    root = records.write(written)

    assert list(records.scan(root)) == sorted(written, key=lambda record: record.id)
    assert records.find(root, f"{2:064x}") == _record(2, "job", DatumState.FAILED)
    assert records.find(root, f"{9:064x}") is None


def test_applying_puts_newer_records_in_place_and_takes_deleted_ids_out() -> None:
    records = _records()
    base = records.write([_record(1, "old"), _record(2, "old"), _record(3, "old")])
    new = records.write([_record(3, "new"), _record(4, "new")])

    root = records.apply(base, [new], [f"{1:064x}"])

    assert [(record.id[-1], record.job) for record in records.scan(root)] == [("2", "old"), ("3", "new"), ("4", "new")]
    assert records.apply(base, [], []) == base
    assert records.apply("", [], []) == ""


def test_pages_start_after_a_marker_also_across_tables() -> None:
    records = _records()
    roots = [records.write([_record(1, "j"), _record(3, "j")]), records.write([_record(2, "j"), _record(4, "j")])]

    page = records.scan_many(roots, after=f"{2:064x}")

    assert [record.id[-1] for record in page] == ["3", "4"]


def ids(records: object) -> list[str]:
    return [record.id[-1] for record in records]  # type: ignore[attr-defined]


def test_pages_run_backwards_from_a_marker() -> None:
    records = _records()
    roots = [records.write([_record(1, "j"), _record(3, "j")]), records.write([_record(2, "j"), _record(4, "j")])]

    assert ids(records.scan_many(roots, reverse=True)) == ["4", "3", "2", "1"]
    assert ids(records.scan_many(roots, reverse=True, after=f"{3:064x}")) == ["2", "1"]


def test_states_are_told_apart_from_what_an_earlier_job_did() -> None:
    records = _records()
    root = records.write(
        [_record(1, "now"), _record(2, "now", DatumState.FAILED), _record(3, "before"), _record(4, "before")]
    )

    def of(*states: DatumState) -> list[str]:
        return ids(records.scan_many([root], states=states, job="now"))

    assert of(DatumState.SUCCESS) == ["1"]
    assert of(DatumState.FAILED) == ["2"]
    assert of(DatumState.SKIPPED) == ["3", "4"]
    assert of(DatumState.SKIPPED, DatumState.FAILED) == ["2", "3", "4"]
    assert of(DatumState.RECOVERED) == []


def test_long_tables_are_read_and_joined_piece_by_piece() -> None:
    records = _records()
    numbers = [f"{number * 0x9E3779B97F4A7C15 % (1 << 64):016x}" + "0" * 48 for number in range(70_000)]
    halves = [
        records.write([replace(_record(0, "j"), id=id_, inputs=(), outputs=()) for id_ in numbers[start::2]])
        for start in (0, 1)
    ]

    root = records.apply(halves[0], halves[1:], numbers[:10:2])
    both = records.apply("", halves, [])

    assert [record.id for record in records.scan(root)] == sorted(numbers[10:] + numbers[1:10:2])
    assert records.count(both) == len(numbers)
    assert len(list(records.find_many(both, numbers[:100]))) == 100
