"""Since when a pipeline has been busy."""

from trunkline.model.jobs import JobState
from trunkline.pps.queries.jobs import JobRow
from trunkline.pps.status.condition import busy_since


def job(created: int, finished: int | None) -> JobRow:
    return JobRow(
        key=created,
        pipeline_key=1,
        project="default",
        pipeline="p",
        id="",
        version=1,
        output_commit=1,
        meta_commit=None,
        state=JobState.RUNNING if finished is None else JobState.SUCCESS,
        reason="",
        created_at=created,
        started_at=created,
        finished_at=finished,
        restart=0,
        data_total=0,
        data_processed=0,
        data_skipped=0,
        data_failed=0,
        data_recovered=0,
        stats={},
        runners={},
        warnings=(),
        datums="",
        buckets={},
    )


def test_without_work_it_is_not_busy() -> None:
    assert busy_since([]) is None
    assert busy_since([job(1, 5)]) is None


def test_jobs_without_a_pause_between_them_are_one_time_of_work() -> None:
    assert busy_since([job(30, None)]) == 30
    assert busy_since([job(40, None), job(30, None)]) == 30
    assert busy_since([job(30, None), job(20, 35), job(10, 22), job(1, 5)]) == 10
