"""From a transform's argv to a command that can be started, and whether it is a Python script."""

import functools
import os
import re
import shutil
from dataclasses import dataclass, replace

from trunkline.worker.commands.launcher import Command
from trunkline.worker.users import CommandError, User

_PYTHON = re.compile(r"python(\d(\.\d+)?)?")
_PLAIN_OPTIONS = frozenset({"-u", "-B", "-O", "-OO", "-s", "-E", "-I", "-P", "-q"})
"""Options that an interpreter which serves many scripts can be started with as well."""


@dataclass(frozen=True, slots=True)
class Interpreter:
    """What a Python script is run with: the program and its options."""

    executable: str
    options: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Script:
    """A command as a run of a Python script."""

    interpreter: Interpreter
    command: Command


def resolve(
    argv: tuple[str, ...], *, env: dict[str, str], own_env: dict[str, str], cwd: str, user: User | None
) -> Command:
    """Return the command, its executable searched in the PATH of its own environment. Raises CommandError."""
    if not argv or not argv[0]:
        raise CommandError("nothing to run: no transform.cmd")
    if not os.path.isdir(cwd):
        raise CommandError(f"working directory {cwd!r} does not exist")
    search = own_env.get("PATH") or env.get("PATH", os.defpath)
    return Command(argv, _find_executable(argv[0], search, cwd), env, own_env, cwd, user)


def _find_executable(name: str, search: str, cwd: str) -> str:
    if "/" in name:
        path = os.path.join(cwd, name)
        if not os.path.exists(path):
            raise CommandError(f"command {name!r} not found (in the working directory {cwd})")
        if not os.access(path, os.X_OK) or os.path.isdir(path):
            raise CommandError(f"command {name!r} cannot be executed: permission denied")
        return path
    if found := _search(name, search):
        return os.path.join(cwd, found)
    _search.cache_clear()  # it may be installed before the next try
    raise CommandError(
        f"command {name!r} not found in PATH: install it on this machine, or write its full path in transform.cmd",
        detail=f"searched in {search}",
    )


@functools.lru_cache(maxsize=64)
def _search(name: str, search: str) -> str | None:
    return shutil.which(name, path=search)


def as_script(command: Command) -> Script | None:
    """Return the command as a run of a script, or None if it is not ``python script.py``."""
    if not _PYTHON.fullmatch(os.path.basename(command.argv[0])):
        return None
    count = 1
    while count < len(command.argv) and command.argv[count] in _PLAIN_OPTIONS:
        count += 1
    if count == len(command.argv) or command.argv[count].startswith("-"):
        return None
    # An interpreter joins the two without cleaning the path, and that is what a traceback shows.
    script = os.path.join(command.cwd, command.argv[count])
    if not os.path.isfile(script):
        return None
    as_run = replace(command, script=script, script_args=command.argv[count:])
    return Script(Interpreter(command.executable, command.argv[1:count]), as_run)
