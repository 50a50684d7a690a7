"""What goes wrong at the command line ends in one clear line and exit code 1, and changes nothing."""

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

BIN = Path(sys.executable).parent


@pytest.mark.parametrize(
    ("arguments", "phrase"),
    [
        (("put", "file", "photos@master:/a", "-f", "/no/such/file"), "/no/such/file"),
        (("put", "file", "absent@master:/a", "-f", __file__), "repo default/absent not found"),
        (("put", "file", "photos@master:/a*b", "-f", __file__), "globbing character (*) not allowed in path"),
        (("put", "file", "photos@master:/../a", "-f", __file__), "relative file paths are not allowed"),
        (("create", "repo", "no spaces"), "only alphanumeric characters, underscores, and dashes are allowed"),
        (("create", "repo", "photos"), "repo default/photos already exists"),
        (("create", "project", "-x"), ""),
        (("create", "pipeline", "-f", "/no/such/spec.yaml"), "/no/such/spec.yaml"),
        (("get", "file", "photos@master:/absent"), "file /absent not found in repo default/photos"),
        (("get", "file", "photos@nobranch:/kept"), 'branch "nobranch" not found in repo default/photos'),
        (("list", "file", "absent@master"), "repo default/absent not found"),
        (("inspect", "commit", "photos@master^99"), "not found"),
        (("inspect", "pipeline", "absent"), 'pipeline "default/absent" not found'),
        (("inspect", "job", "absent@0123456789ab4def0123456789abcdef"), "not found"),
        (("delete", "project", "absent"), 'project "absent" not found'),
        (("delete", "project", "default", "-f"), "the default project always exists"),
        (("create", "repo", "other", "--project", "absent"), 'project "absent" not found'),
    ],
    ids=lambda value: " ".join(map(Path, value)) if isinstance(value, Path) else None,
)
def test_a_wrong_request_gets_one_line(pachctl: Callable[..., Any], arguments: tuple[str, ...], phrase: str) -> None:
    pachctl("create", "repo", "photos", check=False)
    pachctl("put", "file", "photos@master:/kept", stdin="kept")

    result = pachctl(*arguments, check=False)

    assert result.returncode in (1, 2)
    assert phrase in result.stderr
    assert "Traceback" not in result.stderr
    if phrase:
        assert result.returncode == 1
        assert len(result.stderr.strip().splitlines()) == 1
    assert pachctl("get", "file", "photos@master:/kept").stdout == "kept"
    assert [line.split()[1] for line in pachctl("list", "repo").stdout.splitlines()[1:]] == ["photos"]


def test_a_closed_server_is_named_with_what_to_do(tmp_path: Path) -> None:
    environment = {**os.environ, "PACHD_ADDRESS": "grpc://127.0.0.1:9", "PACH_CONFIG": str(tmp_path / "config.json")}

    result = subprocess.run(
        [BIN / "pachctl", "list", "repo"], env=environment, capture_output=True, text=True, check=False
    )

    assert result.returncode == 1
    assert "cannot reach the server at grpc://127.0.0.1:9" in result.stderr
    assert "trunkline serve" in result.stderr
    assert "Traceback" not in result.stderr


SLOPPY = {
    "unknown-field": (
        'pipeline: {name: vol}\ninputs:\n  pfs: {repo: photos, glob: "/*"}\ntransform: {cmd: [python3, vol.py]}\n',
        (":2", "inputs", "did you mean input?"),
    ),
    "union-without-globs": (
        "pipeline: {name: vol}\ninput:\n  union:\n  - pfs: {repo: photos}\n  - pfs: {repo: scripts}\n"
        "transform: {cmd: [python3, vol.py]}\n",
        (":4", "glob", "input must specify a glob", 'glob: "/*"'),
    ),
    "join-without-capture": (
        "pipeline: {name: cls}\ninput:\n  join:\n"
        '  - pfs: {repo: photos, glob: "/*", joinOn: "$1"}\n  - pfs: {repo: scripts, glob: "/(*)", joinOn: "$1"}\n'
        "transform: {cmd: [python3, cls.py]}\n",
        (":4", "joinOn", "/(*)"),
    ),
}


@pytest.mark.parametrize(("spec", "phrases"), SLOPPY.values(), ids=SLOPPY)
def test_a_sloppy_spec_is_refused_with_file_line_field_and_the_corrected_text(
    pachctl: Callable[..., Any], tmp_path: Path, spec: str, phrases: tuple[str, ...]
) -> None:
    file = tmp_path / "sloppy.yaml"
    file.write_text(spec)

    result = pachctl("create", "pipeline", "-f", str(file), check=False)

    assert result.returncode == 1
    assert "sloppy.yaml" in result.stderr
    for phrase in phrases:
        assert phrase in result.stderr
    assert "Traceback" not in result.stderr


def test_wildcards_without_a_shell_are_warned_of_with_the_corrected_command(
    pachctl: Callable[..., Any], tmp_path: Path
) -> None:
    """The slides' own mistake: nobody expands the star. It is legal, so the pipeline is made all the same."""
    pachctl("create", "repo", "images", check=False)
    file = tmp_path / "vol.yaml"
    file.write_text(
        'pipeline: {name: starred}\ninput:\n  pfs: {repo: images, glob: "/*"}\n'
        "transform:\n  cmd: [python3, vol.py, /pfs/images/*]\n"
    )

    result = pachctl("create", "pipeline", "-f", str(file))

    assert "vol.yaml:5: transform.cmd" in result.stderr
    assert "shell" in result.stderr
    assert "sh, -c" in result.stderr
    pachctl("delete", "pipeline", "starred")
    pachctl("delete", "repo", "images")


def test_the_first_command_starts_a_server_and_says_so_once(tmp_path: Path) -> None:
    """Without an address there is a server for this user, with its state in TRUNKLINE_HOME."""
    environment = {
        **{name: value for name, value in os.environ.items() if name != "PACHD_ADDRESS"},
        "PACH_CONFIG": str(tmp_path / "config.json"),
        "TRUNKLINE_HOME": str(tmp_path / "home"),
    }

    def run(*arguments: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [BIN / "pachctl", *arguments], env=environment, capture_output=True, text=True, check=False
        )

    try:
        first, second = run("create", "repo", "images"), run("list", "repo")
        assert first.returncode == 0, first.stderr
        assert str(tmp_path / "home") in first.stderr
        assert "images" in second.stdout
        assert second.stderr == ""
    finally:
        assert subprocess.run([BIN / "trunkline", "shutdown"], env=environment, check=False).returncode == 0
    assert not (tmp_path / "home" / "server.json").exists()


def test_a_file_below_a_file_is_refused_and_the_branch_stays(pachctl: Callable[..., Any]) -> None:
    pachctl("create", "repo", "shapes")
    pachctl("put", "file", "shapes@master:/a", stdin="kept")
    listed = pachctl("list", "commit", "shapes@master").stdout.split()[8:11]

    put = pachctl("put", "file", "shapes@master:/a/b", stdin="lost", check=False)

    assert (put.returncode, put.stderr) == (1, "error: file / directory path collision (/a): nothing was put\n")
    assert pachctl("list", "commit", "shapes@master").stdout.split()[8:11] == listed
    pachctl("start", "commit", "shapes@master")
    pachctl("put", "file", "shapes@master:/a/b", stdin="lost")
    finish = pachctl("finish", "commit", "shapes@master", check=False)
    assert finish.returncode == 1
    assert "finished with an error, and the next one leaves it out: file / directory path collision" in finish.stderr
    pachctl("put", "file", "shapes@master:/c", stdin="more")
    assert [line.split()[1] for line in pachctl("list", "file", "shapes@master").stdout.splitlines()[1:]] == [
        "/a",
        "/c",
    ]


def test_names_that_are_no_text_are_told_in_one_line(pachctl: Callable[..., Any], tmp_path: Path) -> None:
    odd = os.fsdecode(b"\xe4")
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / odd).write_text("content")
    pachctl("create", "repo", "texts")

    recursive = pachctl("put", "file", "-r", "texts@master:/", "-f", str(tmp_path / "in"), check=False)
    named = pachctl("put", "file", "texts@master", "-f", str(tmp_path / "in" / odd), check=False)
    repo = pachctl("create", "repo", odd, check=False)
    pachctl("put", "file", "texts@master:/renamed", "-f", str(tmp_path / "in" / odd))

    assert recursive.stderr == "error: path (\\udce4) invalid: only printable ASCII characters allowed\n"
    assert named.stderr == "error: '/\\udce4' is not text in UTF-8\n"
    assert repo.stderr == "error: '\\udce4' is not text in UTF-8\n"
    assert (recursive.returncode, named.returncode, repo.returncode) == (1, 1, 1)
    assert pachctl("list", "file", "texts@master").stdout.split() == ["SIZE", "NAME", "7B", "/renamed"]
