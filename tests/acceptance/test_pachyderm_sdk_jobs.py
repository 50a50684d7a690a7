"""Pipelines, jobs, datums, logs and secrets as the published client of the field sees them."""

from collections.abc import Callable
from typing import Any

import pytest

Story = Callable[[str, str], dict[str, Any]]


@pytest.mark.parametrize("project", ["", "own-project"])
def test_the_sdk_runs_pipelines(sdk_story: Story, project: str) -> None:
    seen = sdk_story("jobs_story", project)

    assert (seen["job_is_there_at_once"], seen["two_jobs"]) == (True, True)
    assert seen["listed_pipelines"] == ["copies"]
    assert seen["pipeline"] == [True, 1, False]
    assert (seen["history"], seen["stopped"], seen["started"]) == (1, True, False)
    assert "doesn't have a cron input" in seen["run_cron"][1]
    assert seen["absent_pipeline"] == ["NOT_FOUND", f'pipeline "{project or "default"}/absent" not found']
    assert seen["no_details"]
    assert seen["jobs_of_set"] == ["copies"]
    assert (seen["job_sets"], seen["jobs_of_commit"], seen["jobs_of_project"]) == (True, True, True)
    assert seen["details"]
    assert seen["datums"] == [1, "SUCCESS", "/file.dat"]
    assert "datum matching filter [/file.dat] could not be found for job ID" in seen["restart_datum"][1]
    assert seen["generated"] == [10, 5, 20, 10, 5]
    assert (seen["generated_once"], seen["generated_end"]) == (50, "StopIteration")
    for kind in ("pipeline_logs", "job_logs", "master_logs", "datum_logs"):
        assert seen[kind] == [True], kind
    assert seen["stopped_job"] == ["JOB_KILLED", "enough"]
    assert seen["deleted_job"][:2] == [False, "NOT_FOUND"]
    assert seen["secret"] == [True, 1]
    assert seen["deleted_secret"] == [True, 0]
    assert seen["pipelines_left"] == 0
    assert seen["deleted_repo"][0] == "NOT_FOUND"
    assert "not found" in seen["deleted_repo"][1]
    assert seen["branch_of_deleted"] == "NOT_FOUND"
