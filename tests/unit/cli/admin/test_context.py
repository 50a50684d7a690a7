import io
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

Pachctl = Callable[..., Any]


@pytest.fixture
def config(tmp_path: Path) -> Callable[[], Any]:
    """Returns what the configuration file says."""
    return lambda: json.loads((tmp_path / "config.json").read_text())["v2"]


def test_the_project_of_the_context_is_set(pachctl: Pachctl, config: Callable[[], Any]) -> None:
    assert pachctl("config", "update", "context", "--project", "photos").code == 0

    assert config()["contexts"] == {"default": {"project": "photos"}}


def test_a_project_that_cannot_exist_is_refused(pachctl: Pachctl, config: Callable[[], Any]) -> None:
    outcome = pachctl("config", "update", "context", "--project", "no spaces")

    assert outcome.code == 1
    assert "only alphanumeric characters" in outcome.err
    assert config()["contexts"] == {"default": {"project": "default"}}


def test_contexts_are_written_chosen_listed_and_deleted(
    pachctl: Pachctl, config: Callable[[], Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO('{"pachd_address": "grpc://h:1", "project": "p"}'))

    assert pachctl("config", "set", "context", "far").code == 0
    assert pachctl("config", "set", "active-context", "far").code == 0
    assert pachctl("config", "get", "active-context").out == "far\n"
    assert json.loads(pachctl("config", "get", "context").out) == {"pachd_address": "grpc://h:1", "project": "p"}
    assert pachctl("config", "list", "contexts").out == "ACTIVE   NAME\n         default\n*        far\n"
    assert pachctl("config", "delete", "context", "default").code == 0
    assert list(config()["contexts"]) == ["far"]


def test_the_active_context_is_not_deleted(pachctl: Pachctl) -> None:
    outcome = pachctl("config", "delete", "context", "default")

    assert (outcome.code, outcome.err) == (1, "error: 'default' is the active context: choose another one first\n")


def test_a_context_is_not_overwritten_by_accident(pachctl: Pachctl) -> None:
    outcome = pachctl("config", "set", "context", "default")

    assert outcome.code == 1
    assert "use --overwrite" in outcome.err


def test_an_address_is_kept_in_full(pachctl: Pachctl, config: Callable[[], Any]) -> None:
    pachctl("config", "update", "context", "--pachd-address", "host")

    assert config()["contexts"]["default"]["pachd_address"] == "grpc://host:30650"


def test_version_does_not_start_a_server(pachctl: Pachctl, tmp_path: Path) -> None:
    outcome = pachctl("version")

    assert outcome.out.splitlines()[0].split() == ["COMPONENT", "VERSION"]
    assert outcome.err == "no local server runs\n"
    assert not (tmp_path / "home").exists()


def test_shutting_down_without_a_server_says_so(pachctl: Pachctl, tmp_path: Path) -> None:
    outcome = pachctl("shutdown")

    assert (outcome.code, outcome.err) == (0, f"no server runs in {tmp_path}/home\n")
