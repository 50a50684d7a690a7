import os
import sys
from pathlib import Path

import pytest

from trunkline.worker.commands.launcher import Command
from trunkline.worker.commands.resolve import Interpreter, as_script, resolve
from trunkline.worker.users import CommandError, find_user


def _resolve(*argv: str, cwd: Path, **env: str) -> Command:
    return resolve(argv, env={"PATH": "/usr/bin:/bin"}, own_env=env, cwd=str(cwd), user=None)


@pytest.fixture
def here(tmp_path: Path) -> Path:
    (tmp_path / "s.py").touch()
    program = tmp_path / "program"
    program.touch(mode=0o755)
    (tmp_path / "python3").symlink_to(sys.executable)
    return tmp_path


def test_a_command_is_searched_in_the_path_of_its_environment(here: Path) -> None:
    assert _resolve("program", cwd=here, PATH=str(here)).executable == str(here / "program")
    assert os.path.basename(_resolve("sh", cwd=here).executable) == "sh"
    with pytest.raises(CommandError, match=r"command 'program' not found in PATH: install it"):
        _resolve("program", cwd=here)


def test_a_command_that_appears_later_is_found_later(here: Path) -> None:
    with pytest.raises(CommandError):
        _resolve("late", cwd=here, PATH=str(here))
    (here / "late").touch(mode=0o755)

    assert _resolve("late", cwd=here, PATH=str(here)).executable == str(here / "late")


def test_a_path_is_relative_to_the_working_directory(here: Path) -> None:
    assert _resolve("./program", cwd=here).executable == f"{here}/./program"
    with pytest.raises(CommandError, match=r"'\./absent' not found"):
        _resolve("./absent", cwd=here)
    with pytest.raises(CommandError, match=r"'./s\.py' cannot be executed: permission denied"):
        _resolve("./s.py", cwd=here)


def test_nothing_to_run_is_told(here: Path) -> None:
    with pytest.raises(CommandError, match=r"nothing to run: no transform\.cmd"):
        _resolve(cwd=here)


@pytest.mark.parametrize(
    ("argv", "options", "args"),
    [
        (("python3", "s.py"), (), ("s.py",)),
        (("python3", "-u", "-B", "s.py", "-c", "x"), ("-u", "-B"), ("s.py", "-c", "x")),
        (("./python3", "./s.py"), (), ("./s.py",)),
    ],
)
def test_python_scripts_are_recognised(here: Path, argv: tuple[str, ...], options: tuple[str, ...], args) -> None:
    script = as_script(_resolve(*argv, cwd=here, PATH=str(here)))

    assert script is not None
    interpreter, command = script.interpreter, script.command
    assert (interpreter.options, command.script_args) == (options, args)
    assert interpreter == Interpreter(command.executable, options)
    assert os.path.samefile(command.script, here / "s.py")


@pytest.mark.parametrize(
    "argv",
    [
        ("python3",),
        ("python3", "-c", "1"),
        ("python3", "-m", "s"),
        ("python3", "-W", "error", "s.py"),
        ("python3", "-"),
        ("python3", "absent.py"),
        ("python3", "."),
        ("./program", "s.py"),
    ],
)
def test_other_commands_are_not_taken_for_scripts(here: Path, argv: tuple[str, ...]) -> None:
    assert as_script(_resolve(*argv, cwd=here, PATH=str(here))) is None


def test_an_unknown_user_is_told() -> None:
    with pytest.raises(CommandError, match="no such user on this machine"):
        find_user("no-such-user")


def test_we_need_not_become_ourselves() -> None:
    assert find_user("") is None
    assert find_user(str(os.geteuid())) is None
    assert find_user(f"{os.geteuid()}:{os.getegid()}") is None


@pytest.mark.parametrize("text", ["0:no-such-group", "65534:no-such-group", ":x", "0:"])
def test_an_unknown_group_or_user_is_told_with_what_was_written(text: str) -> None:
    with pytest.raises(CommandError, match=rf"transform.user '{text}': no such (group|user) on this machine"):
        find_user(text)


@pytest.mark.root
@pytest.mark.skipif(os.geteuid() != 0, reason="only root becomes others")
def test_a_group_takes_the_place_of_the_users_own() -> None:
    own, other = find_user("65534"), find_user("65534:0")

    assert own is not None
    assert other is not None
    assert (own.uid, other.uid) == (65534, 65534)
    assert (other.gid, other.groups) == (0, (0,))
    assert find_user("65534:root") == other
