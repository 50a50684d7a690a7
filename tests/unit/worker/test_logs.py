import json
from pathlib import Path

import zstandard

from trunkline.model.datums import Datum, DatumSet
from trunkline.model.pipelines import Transform
from trunkline.objects import open_object_store
from trunkline.worker.logs import DATUM_BYTES_MAX, LINE_BYTES_MAX, SetLog

SET = DatumSet("default", "p", "job", 3, 2, Transform(), (), {})
DATUM = Datum("d", "", ())


def _records(log: SetLog) -> list[dict]:
    objects = open_object_store("memory://")
    key = log.store(objects)
    return [
        json.loads(line)
        for line in zstandard.ZstdDecompressor().decompressobj().decompress(objects.get(key)).splitlines()
    ]


def test_lines_are_put_together_across_reads_and_streams() -> None:
    log = SetLog(SET, worker="w")
    datum = log.datum(DATUM)
    for stream, data in (("stdout", b"a"), ("stderr", b"x\ny"), ("stdout", b"b\r\n\nc"), ("stderr", b"z")):
        datum.feed(stream, data)
    datum.end_of_command()

    assert [(record["stream"], record["message"]) for record in _records(log)] == [
        *(("stderr", "x"), ("stdout", "ab"), ("stdout", ""), ("stdout", "c"), ("stderr", "yz")),
    ]
    assert datum.last_error_line == "yz"


def test_long_lines_are_split() -> None:
    log = SetLog(SET, worker="w")
    datum = log.datum(DATUM)
    datum.feed("stdout", b"x" * (2 * LINE_BYTES_MAX + 5))
    datum.end_of_command()

    assert [len(record["message"]) for record in _records(log)] == [LINE_BYTES_MAX, LINE_BYTES_MAX, 5]


def test_each_datum_may_fill_its_share_and_then_is_cut() -> None:
    log = SetLog(SET, worker="w")
    for _ in range(2):
        datum = log.datum(DATUM)
        for _ in range(DATUM_BYTES_MAX // 1024):
            datum.feed("stdout", b"y" * 1023 + b"\n")
        datum.feed("stderr", b"one more\n")
        datum.end_of_command()
        datum.end()

    records = _records(log)
    kept = DATUM_BYTES_MAX // 1024
    assert len(records) == 2 * (kept + 1)
    assert (
        records[kept]["message"] == f"9 more bytes of output were dropped: {DATUM_BYTES_MAX} bytes are kept per datum"
    )
    assert records[kept]["user"] is False
    assert datum.last_error_line == "one more"


def test_a_set_without_lines_stores_nothing() -> None:
    objects = open_object_store("memory://")

    assert SetLog(SET, worker="w").store(objects) == ""
    assert list(objects.list("")) == []


def test_the_key_names_job_set_and_attempt() -> None:
    log = SetLog(SET, worker="w")
    log.datum(DATUM).note("hello")

    assert log.store(open_object_store("memory://")).startswith("logs/job/3-2-")


def test_a_set_that_is_run_again_after_a_crash_keeps_its_own_lines(tmp_path: Path) -> None:
    """The lines of the run before, which nobody recorded, are under the same job, set and attempt."""
    objects = open_object_store(f"file://{tmp_path}")
    kept = []
    for message in ("before the crash", "after it"):
        log = SetLog(SET, worker="w")
        log.datum(DATUM).note(message)
        kept.append(log.store(objects))

    assert b"after it" in zstandard.ZstdDecompressor().decompressobj().decompress(objects.get(kept[1]))
    assert b"before the crash" in zstandard.ZstdDecompressor().decompressobj().decompress(objects.get(kept[0]))
