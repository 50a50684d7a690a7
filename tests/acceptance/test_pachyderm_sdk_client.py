"""File objects, uploads, tars, metadata, debugging and errors as the published client of the field has them."""

from collections.abc import Callable
from typing import Any

import pytest

Story = Callable[[str, str], dict[str, Any]]


@pytest.mark.parametrize("project", ["", "own-project"])
def test_the_sdk_reads_and_writes_as_python_does(sdk_story: Story, project: str) -> None:
    seen = sdk_story("client_story", project)

    assert (seen["peek"], seen["readline"], seen["lines"]) == ("a,b", "a,b\n", ["1,2\n", "3,4"])
    assert seen["read"] == ["a,b", "\n1,2\n3,4", ""]
    assert seen["text"] == "a,b\n1,2\n3,4"
    assert seen["absent_file_object"] == "ValueError"
    assert seen["uri"] == "/dir/file"
    assert seen["uploads"] == {
        "/big": 45 * 1024 * 1024,
        "/copied/deep/two": 2,
        "/copied/one": 1,
        "/opened": 5_000_004,
        "/up/deep/er/file": 5_000_000,
        "/up/empty": 0,
        "/up/top": 3,
    }
    assert seen["extracted"] == [["d/deep/two", "22"], ["d/one", "1"]]
    assert seen["tar"] == ["d/deep/two", "d/one", "dup", "table.csv"]
    assert seen["metadata"] == [{"key": "value"}] * 4
    assert seen["dump"] == [True, True]
    assert (seen["profile"], seen["binary"]) == (True, True)
    assert seen["bad_type"] == "TypeError"
    assert seen["unreachable"] == ["ConnectionError", "Could not connect to pachyderm instance\n"]
    assert seen["who_am_i"] == ["AuthServiceNotActivated", "the auth service is not activated"]
    assert seen["auth"] == ["AuthServiceNotActivated"] * 5
    assert seen["enterprise"] == 0  # NONE
    assert seen["logs"] == ["said"]
    assert seen["file_in_transaction"] == "InvalidTransactionOperation"
    assert seen["transaction"] == [True, 0]
