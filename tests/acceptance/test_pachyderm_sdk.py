"""The published client of the field, in an environment of its own, works unchanged."""

from collections.abc import Callable
from typing import Any

import pytest

Story = Callable[[str, str], dict[str, Any]]


@pytest.mark.parametrize("project", ["", "from-sdk"], ids=["default-project", "own-project"])
def test_the_sdk_connects_puts_lists_gets_and_sees_a_job(sdk_story: Story, project: str) -> None:
    """Versions, a repo, a commit of three puts, listing, reading, a tar, a pipeline with two jobs, logs, deletion."""
    seen = sdk_story("story", project)

    assert seen["version"] == [2, 12]
    assert len(seen["deployment_id"]) == 32
    assert (seen["repo_exists"], seen["absent_repo_exists"]) == (True, False)
    assert seen["commit"] == ["", "numbers", True]
    assert seen["listed"] == [["/many/", 2, 8], ["/one.dat", 1, 2]]
    assert seen["content"] == "2\nagain\n"
    assert [name.strip("/") for name in seen["tar"]] == ["many", "many/two.dat"]
    assert seen["globbed"] == ["/many/two.dat", "/one.dat"]
    assert seen["path_exists"] == [True, False]
    assert seen["job"] == ["JOB_SUCCESS", 2, 2, project or "default"]
    assert seen["output"] == "1\n"
    assert seen["job_is_there_at_once"]
    assert seen["second_job"] == ["JOB_SUCCESS", 1, 2]
    assert seen["datums"] == ["SKIPPED", "SKIPPED", "SUCCESS"]
    assert seen["logs"] == ["copied", "copied"]
    assert seen["master_logs"]
    assert (seen["pipeline_exists"], seen["deleted_pipeline_exists"]) == (True, False)
    assert not seen["output_repo_exists"]
