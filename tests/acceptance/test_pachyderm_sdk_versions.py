"""Versioning as the published client of the field sees it."""

import tempfile
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from trunkline.testing.server import ServerProcess, running_server

Story = Callable[[str, str], dict[str, Any]]


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServerProcess]:
    """A server that may name files where the story makes some."""
    with running_server(tmp_path_factory.mktemp("server") / "home", "--allow-files", tempfile.gettempdir()) as running:
        yield running


@pytest.mark.parametrize("project", ["", "own-project"])
def test_the_sdk_versions_files(sdk_story: Story, project: str) -> None:
    """Projects, repos, branches, commits, files, file sets, transactions, metadata, in this order."""
    seen = sdk_story("versions_story", project)

    assert seen["project_exists"]
    assert seen["project_listed"]
    assert seen["absent_repo"][0] == "NOT_FOUND"
    assert seen["repo_again"][0] == "ALREADY_EXISTS"
    assert seen["repo_type"] == "user"
    assert seen["branches"] == ["two", "one"]
    assert seen["branch_exists"] == [False, True]
    assert "has not been finished" in seen["second_start"][1]
    assert "parent commit" in seen["second_start"][1]
    assert seen["start_in_absent_repo"][0] == "NOT_FOUND"
    assert seen["fork"] == [True, "", True]
    assert seen["squashed"] == [1, "1"]
    assert not seen["dropped"]
    assert seen["commit_set"] == 1
    assert seen["subscribed"] == ["AUTO", "USER"]
    assert seen["sizes"] == {"/": 36, "/appended": 24, "/copied": 12, "/empty": 0}
    assert seen["diff"] == [["/", "/"], ["/appended", "/appended"], ["/copied", ""], ["/empty", ""]]
    assert seen["path_exists"] == [False, True]
    assert seen["uploaded"] == ["uploaded", "uploaded"]
    assert seen["large"] == [True, 20 * 1024 * 1024]
    assert seen["absent_file"] == "NOT_FOUND"
    assert seen["file_set"] == "in a set"
    assert seen["fileset"] == [["/0", "0"], ["/1", "1"], ["/2", "2"]]
    assert seen["composed"] == 4
    assert seen["shards"] == [["", "/2"], ["/2", ""]]
    assert seen["transaction"] == [True, False]
    assert seen["after_transaction"] == [True, False]
    assert seen["failed_transaction"] == [False, False]
    assert seen["double_delete"] == "NOT_FOUND"
    assert seen["metadata"] == {"owner": "ada"}
    assert "already exists" in seen["added_twice"][1]
    assert seen["deleted_repos"] == ["files", "in-transaction", "large", "removal", "subscribed", "versions"]
    assert not seen.get("deleted_project_exists")
