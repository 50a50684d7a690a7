"""Files that the published client of the field puts together itself, from chunks that it gets over HTTP."""

from collections.abc import Callable
from typing import Any

import pytest

Story = Callable[[str, str], dict[str, Any]]


@pytest.mark.parametrize("project", ["", "own-project"])
def test_the_sdk_fetches_chunks_and_assembles_files(sdk_story: Story, project: str) -> None:
    seen = sdk_story("cdr_story", project)

    assert seen["small"] == ["blake2b_256"]  # equal content is one chunk
    assert (seen["many_chunks"], seen["names"], seen["bytes"]) == (True, True, True)
    assert seen["assembled"]
    assert seen["range"] == [["/b/empty"], ""]
    assert seen["missing_chunk"] == "FileNotFoundError"
    assert seen["pruned"] == 1
    assert seen["host_replaced"] == "1"
    assert seen["unreachable"] == "ConnectionError"
    assert seen["gone"] == ["HTTPError", "Error 404 - HTTP response: this names no chunk\n"]
    assert seen["second"] == [True, True]
