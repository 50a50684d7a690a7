"""Lines of logs: user code's from datum sets, the controller's from the job's record."""

import io
import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

import zstandard

from trunkline.model.jobs import JobState
from trunkline.objects import ObjectStore
from trunkline.pps.queries.jobs import DatumSetRow, JobRow


@dataclass(frozen=True, slots=True)
class LogLine:
    """One line, with where it comes from. ``at`` is in microseconds since 1970, UTC."""

    at: int
    message: str
    project: str
    pipeline: str
    job: str
    datum: str = ""
    worker: str = ""
    master: bool = False
    user: bool = False
    is_error: bool = False
    """Written to stderr, or the end of a job that failed."""
    data: tuple[tuple[str, str], ...] = ()


def controller_lines(job: JobRow) -> Iterator[LogLine]:
    """Yield what the controller has to say of a job."""

    def line(at: int, message: str, *, is_error: bool = False) -> LogLine:
        return LogLine(at, message, job.project, job.pipeline, job.id, master=True, is_error=is_error)

    yield line(job.created_at, f"job {job.id} created for version {job.version} of the pipeline")
    if job.started_at is not None:
        yield line(job.started_at, f"job {job.id} started")
    if job.finished_at is not None:
        counts = (
            f"{job.data_total} datums: {job.data_processed} processed, {job.data_skipped} skipped, "
            f"{job.data_failed} failed, {job.data_recovered} recovered"
        )
        why = f": {job.reason}" if job.reason else ""
        is_error = job.state in (JobState.FAILURE, JobState.UNRUNNABLE)
        yield line(
            job.finished_at, f"job {job.id} ended as {JobState(job.state).name}, {counts}{why}", is_error=is_error
        )


def user_lines(objects: ObjectStore, job: JobRow, sets: Iterable[DatumSetRow]) -> Iterator[LogLine]:
    """Yield what the user code of a job wrote, in the order of its datum sets."""
    for row in sets:
        if row.logs:
            yield from _read(objects.get(row.logs), job)


def _read(compressed: bytes, job: JobRow) -> Iterator[LogLine]:
    for record in read_records(compressed):
        # A datum set knows its job by a number.
        yield replace(line_of(record), project=job.project, pipeline=job.pipeline, job=job.id)


def read_records(compressed: bytes) -> Iterator[dict[str, Any]]:
    """Yield the records of lines that were compressed together."""
    with zstandard.ZstdDecompressor().stream_reader(compressed) as reader:
        for text in io.TextIOWrapper(reader, encoding="utf-8"):
            yield json.loads(text)


def line_of(record: dict[str, Any]) -> LogLine:
    """Return the line that a record tells of."""
    return LogLine(
        at=int(datetime.fromisoformat(record["ts"]).timestamp() * 1_000_000),
        message=record["message"],
        project=record.get("projectName", ""),
        pipeline=record.get("pipelineName", ""),
        job=record.get("jobId", ""),
        datum=record.get("datumId", ""),
        worker=record.get("workerId", ""),
        master=bool(record.get("master", False)),
        user=bool(record.get("user", False)),
        is_error=record.get("stream") == "stderr",
        data=tuple((item["path"], item.get("hash", "")) for item in record.get("data", ())),
    )
