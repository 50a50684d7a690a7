"""The published client's datum batching: its decorator and its context manager in user code as it is published."""

from collections.abc import Callable
from typing import Any

import pytest

Story = Callable[[str, str], dict[str, Any]]
FILES = [f"/file_{number:02d}.dat" for number in range(10)]


@pytest.mark.sdk
@pytest.mark.parametrize("project", ["", "own-project"])
def test_user_code_of_the_sdk_batches_datums_as_it_is(sdk_story: Story, project: str) -> None:
    seen = sdk_story("batching_story", project)

    assert seen["decorated"] == ["JOB_SUCCESS", 10, FILES]
    assert seen["each_datum_is_told_its_id"]
    assert 1 <= seen["starts"] < 10, "one for each worker"
    assert seen["nothing_is_there_at_the_start"]
    assert seen["raising"] == ["JOB_SUCCESS", 10, []]
    others = [f"{name}.copy" for name in FILES if name != "/file_05.dat"]
    assert seen["some_raising"] == ["JOB_SUCCESS", 9, 1, others]
    assert seen["what_was_raised"] == 1
    assert seen["keeps"] == ["JOB_SUCCESS", 10, 10]
    assert 1 <= seen["models_loaded"] < 10
