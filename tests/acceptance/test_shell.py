"""Completion in shells, and the prompt of ``pachctl shell``."""

import json
import os
import pty
import subprocess
import sys
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import pytest

from trunkline.testing.server import ServerProcess

Pachctl = Callable[..., subprocess.CompletedProcess[str]]
PROGRAMS = Path(sys.executable).parent


def completed_by_bash(*words: str, home: Path) -> list[str]:
    """Return what bash offers for the last of the words."""
    script = (
        'eval "$(pachctl completion bash)"; '
        f"COMP_WORDS=({' '.join(words)}); COMP_CWORD={len(words) - 1}; "
        '_pachctl_completion pachctl; printf "%s\\n" "${COMPREPLY[@]}"'
    )
    environment = {"PATH": f"{PROGRAMS}:/usr/bin:/bin", "HOME": str(home)}
    done = subprocess.run(["bash", "-c", script], capture_output=True, text=True, env=environment, check=True)
    return sorted(done.stdout.split())


def test_bash_completes_verbs_nouns_and_options(tmp_path: Path) -> None:
    assert completed_by_bash("pachctl", "co", home=tmp_path) == ["collect", "completion", "config", "connect", "copy"]
    assert completed_by_bash("pachctl", "create", "p", home=tmp_path) == ["pipeline", "project"]
    assert "--recursive" in completed_by_bash("pachctl", "put", "file", "--r", home=tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_a_script_is_installed_where_the_shell_looks(pachctl: Pachctl, tmp_path: Path) -> None:
    place = tmp_path / "deep" / "_pachctl"

    pachctl("completion", "zsh", "--install", "--path", str(place))

    assert place.read_text() == pachctl("completion", "zsh").stdout
    assert place.read_text().startswith("#compdef pachctl\n")
    assert "complete " in pachctl("completion", "fish").stdout
    nowhere = pachctl("completion", "zsh", "--install", check=False)
    assert (nowhere.returncode, "$fpath" in nowhere.stderr) == (1, True)


def test_lines_that_are_piped_run_one_after_the_other(pachctl: Pachctl) -> None:
    lines = 'create project piped -d "two words"  # said\n\nlist nothing\ninspect project piped\nexit\nlist project\n'

    done = pachctl("shell", stdin=lines)

    assert "two words" in done.stdout
    assert "ACTIVE" not in done.stdout
    assert "unknown command 'nothing'" in done.stderr
    failed = pachctl("shell", stdin="list project\ninspect project absent", check=False)
    assert failed.returncode == 1


class Prompt:
    """``pachctl shell`` on a terminal of its own."""

    def __init__(self, server: ServerProcess, directory: Path) -> None:
        self.terminal, theirs = pty.openpty()
        self.process = subprocess.Popen(
            # A session of its own, with this terminal, so that what is typed there can be Ctrl-C.
            ["setsid", "--ctty", "--wait", str(PROGRAMS / "pachctl"), "shell"],
            stdin=theirs,
            stdout=theirs,
            stderr=theirs,
            env={**server.environment(directory), "TERM": "dumb"},
        )
        os.close(theirs)

    def type(self, text: str) -> None:
        os.write(self.terminal, text.encode())

    def until(self, text: str) -> str:
        """Return what comes up to a text."""
        seen = ""
        while text not in seen:
            seen += os.read(self.terminal, 1).decode("latin-1")
        return seen

    def end(self) -> int:
        self.type("exit\n")
        with suppress(OSError):  # how Linux says that the other end is closed
            while os.read(self.terminal, 1000):
                pass
        os.close(self.terminal)
        return self.process.wait()


@pytest.fixture
def prompt(server: ServerProcess, tmp_path: Path) -> Prompt:
    started = Prompt(server, tmp_path)
    started.until("pachctl> ")
    return started


def test_tab_completes_at_the_prompt(pachctl: Pachctl, prompt: Prompt) -> None:
    prompt.type("cre\tproj\ttabbed\n")
    prompt.until("pachctl> ")

    assert prompt.end() == 0
    shown = json.loads(pachctl("inspect", "project", "tabbed", "--raw").stdout)
    assert shown["project"]["name"] == "tabbed"


def test_ctrl_c_ends_the_command_and_not_the_shell(pachctl: Pachctl, prompt: Prompt) -> None:
    pachctl("create", "repo", "followed")
    pachctl("put", "file", "followed@master:/x", stdin="x")

    prompt.type("subscribe commit followed@master --raw\n")
    prompt.until('"finished"')
    prompt.type("\x03")
    prompt.until("pachctl> ")
    prompt.type("list repo\n")

    assert "followed" in prompt.until("pachctl> ")
    assert prompt.end() == 0


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        (("auth", "whoami"), "the auth service is not activated"),
        (("auth", "check", "repo", "images", "--project", "p"), "the auth service is not activated"),
        (("idp", "list-client"), "the auth service is not activated"),
        (("enterprise", "activate", "--id", "x"), "there are no licences"),
        (("license", "get-state"), "there are no licences"),
    ],
)
def test_what_is_not_here_is_said(pachctl: Pachctl, arguments: tuple[str, ...], reason: str) -> None:
    refused = pachctl(*arguments, check=False)

    assert (refused.returncode, refused.stdout) == (1, "")
    assert refused.stderr.startswith(f"error: {reason}")


def test_a_session_token_is_kept_and_forgotten(pachctl: Pachctl, tmp_path: Path) -> None:
    def token() -> str | None:
        context = json.loads((tmp_path / "config.json").read_text())["v2"]["contexts"]["default"]
        found: str | None = context.get("session_token")
        return found

    pachctl("auth", "use-auth-token", stdin="abc\n")
    assert token() == "abc"
    pachctl("auth", "logout")
    assert not token()
    assert "NONE" in pachctl("enterprise", "get-state").stdout


def test_a_context_may_have_a_project_that_is_not_there_yet(pachctl: Pachctl) -> None:
    def said() -> str:
        return pachctl("config", "update", "context", "--project", "soon").stderr

    assert "there is no project 'soon' yet" in said()
    pachctl("create", "project", "soon")
    assert "warning" not in said()


def test_delete_all_says_what_it_takes_and_leaves_the_default_project(pachctl: Pachctl, tmp_path: Path) -> None:
    pachctl("create", "project", "other")
    pachctl("update", "repo", "images", "--project", "other")
    manifest = {"kind": "Secret", "metadata": {"name": "hidden"}, "stringData": {"k": "v"}}
    (tmp_path / "secret.json").write_text(json.dumps(manifest))
    pachctl("create", "secret", "-f", str(tmp_path / "secret.json"))
    spec = {
        "pipeline": {"name": "edges", "project": {"name": "other"}},
        "input": {"pfs": {"repo": "images", "glob": "/"}},
        "transform": {"cmd": ["true"]},
    }
    (tmp_path / "edges.json").write_text(json.dumps(spec))
    pachctl("create", "pipeline", "-f", str(tmp_path / "edges.json"))

    refused = pachctl("delete", "all", stdin="n\n", check=False)
    assert refused.returncode == 1
    pachctl("inspect", "pipeline", "edges", "--project", "other")
    for line in ("project other", "pipeline other/edges", "repo other/images", "secret hidden"):
        assert f"  {line}\n" in refused.stderr

    pachctl("delete", "all", stdin="yes\n")
    assert [line.split()[1] for line in pachctl("list", "project").stdout.splitlines()[1:]] == ["default"]
    for noun in ("repo", "pipeline"):
        assert pachctl("list", noun, "-A").stdout.splitlines()[1:] == []
    assert pachctl("list", "secret").stdout.splitlines()[1:] == []
