"""The commands of ``debug``."""

import json
import subprocess
import tarfile
from collections.abc import Callable
from pathlib import Path

import pytest

from trunkline.testing.server import ServerProcess

Pachctl = Callable[..., subprocess.CompletedProcess[str]]


def test_the_server_logs_each_call_while_the_level_says_so(pachctl: Pachctl, server: ServerProcess) -> None:
    pachctl("list", "repo")
    assert "/pfs_v2.API/ListRepo" not in server.log()

    said = pachctl("debug", "log-level", "debug", "-d", "1h").stderr
    pachctl("list", "repo")
    assert server.log().count("DEBUG trunkline.api call of /pfs_v2.API/ListRepo") == 1
    pachctl("debug", "log-level", "OFF", "--duration", "1h")
    pachctl("list", "repo")

    assert "level debug for 1h at " in said
    assert server.log().count("/pfs_v2.API/ListRepo") == 1


def test_a_trace_is_written_to_a_file_or_printed(pachctl: Pachctl, tmp_path: Path) -> None:
    pachctl("debug", "trace", "-d", "100ms", "-o", str(tmp_path / "trace.json"))
    printed = pachctl("debug", "trace", "-d", "100ms").stdout

    for text in ((tmp_path / "trace.json").read_text(), printed):
        assert {event["ph"] for event in json.loads(text)["traceEvents"]} == {"M", "X"}


def names_in(archive: Path) -> list[str]:
    with tarfile.open(archive) as opened:
        return opened.getnames()


def test_archives_for_a_report_are_written_as_files(pachctl: Pachctl, tmp_path: Path) -> None:
    dump, profile, binary, part = (tmp_path / name for name in ("dump", "profile", "binary", "part"))
    (tmp_path / "template").write_text(pachctl("debug", "template").stdout)
    (tmp_path / "little").write_text("system: {version: true}")

    pachctl("debug", "dump", str(dump))
    pachctl("debug", "profile", "cpu", str(profile), "-d", "100ms")
    pachctl("debug", "binary", str(binary))

    everything = ["threads.txt", "version.txt", "packages.txt", "repos.json", "branches.json", "commits.json"]
    assert (names_in(dump), names_in(profile)) == (everything, ["cpu.folded"])
    assert names_in(binary) == ["version.txt", "packages.txt"]
    for template, names in (("template", everything), ("little", everything[:3])):
        pachctl("debug", "dump", str(part), "-t", str(tmp_path / template))
        assert names_in(part) == names


def test_a_template_that_is_none_is_refused_and_nothing_is_written(pachctl: Pachctl, tmp_path: Path) -> None:
    for text in ("nonsense: 1", "[1]", "{"):
        (tmp_path / "template").write_text(text)
        refused = pachctl("debug", "dump", str(tmp_path / "dump"), "-t", str(tmp_path / "template"), check=False)

        assert refused.returncode == 1
        assert "not what `debug template` prints" in refused.stderr
    assert not (tmp_path / "dump").exists()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["log-level", "loud"], "loud"),
        (["log-level", "info", "-d", "soon"], "'soon' is not a duration"),
        (["log-level", "info", "-d", "0s"], "more than 0 seconds"),
        (["trace", "-d", "2m"], "at most 60 seconds"),
    ],
)
def test_what_makes_no_sense_is_refused(pachctl: Pachctl, arguments: list[str], message: str) -> None:
    failed = pachctl("debug", *arguments, check=False)

    assert failed.returncode == 1
    assert message in failed.stderr
