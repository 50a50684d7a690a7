"""The processes of a worker that start commands: one for programs, and a few warm interpreters for Python scripts."""

import os
import signal
import sys
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from trunkline.telemetry import log
from trunkline.worker.commands.environment import interpreter_environment, limits_threads
from trunkline.worker.commands.imports import scan_imports
from trunkline.worker.commands.interrupts import Interrupts
from trunkline.worker.commands.launcher import Command, Launcher, LauncherLostError
from trunkline.worker.commands.resolve import Interpreter
from trunkline.worker.users import User

WARM_INTERPRETERS_MAX = 6
_SPARE_PACKAGES_MAX = 2
"""A fork costs more the more is loaded: an interpreter with much that a script does not import is no bargain."""

_log = log("worker")


@dataclass(frozen=True, slots=True)
class _Kind:
    """What scripts must agree on to share an interpreter."""

    interpreter: Interpreter
    env: frozenset[tuple[str, str]]
    packages: frozenset[str]
    """Those that a script imports, the standard library's left out."""
    user: User | None
    """Whom it runs as: what it imports may be what a script of that user wrote."""


@dataclass(slots=True)
class WarmInterpreter:
    """An interpreter with the modules of some scripts loaded."""

    launcher: Launcher
    limit_threads: bool
    asked: set[str] = field(default_factory=set)
    learned: dict[str, None] = field(default_factory=dict)
    """Modules that scripts were seen to load, and that bring the others with them."""
    packages: frozenset[str] = frozenset()
    """All that are loaded, also those that others brought with them."""
    known_scripts: set[bytes] = field(default_factory=set)
    """Sources of scripts that ran here, and whose imports are loaded."""
    checked_for: object = None


@dataclass(frozen=True, slots=True)
class _Script:
    """A script as it was when it was read."""

    stamp: tuple[int, int, int]
    source: bytes
    imports: tuple[str, ...]


class Zygotes:
    """Owns these processes. Not thread-safe: a worker runs one command at a time."""

    def __init__(
        self,
        *,
        base_env: dict[str, str],
        alive_fd: int,
        working_dir: str,
        interrupts: Interrupts,
        private: Sequence[str],
        owns_children: bool = False,
    ) -> None:
        """``private`` are directories whose modules belong to one datum.

        With owns_children every child of this process that is none of these may be killed: it is a leftover.
        """
        self.private = tuple(private)
        self.spared: set[int] = set()
        """Children of this process that are no leftovers."""
        self._base_env = base_env
        self._alive_fd = alive_fd
        self._working_dir = working_dir
        self._interrupts = interrupts
        self._owns_children = owns_children
        self._plain: Launcher | None = None
        self._warm: dict[_Kind, WarmInterpreter] = {}
        self._harmful: set[str] = set()
        self._scripts: dict[str, _Script] = {}

    def plain(self) -> Launcher:
        """Return the process that starts programs, a fresh one if the last was lost."""
        if self._plain is None:
            self._plain = self._start((sys.executable, "-I", "-S"), self._base_env)
        return self._plain

    def warm(
        self, interpreter: Interpreter, command: Command, *, env: dict[str, str], learned: Sequence[str], turn: object
    ) -> WarmInterpreter:
        """Return an interpreter of the kind that the script needs; env is the transform's part of the environment.

        Its modules are looked at once per turn: it is started anew when their files changed. Raises LauncherLostError
        where the interpreter cannot be had.
        """
        full_env = interpreter_environment(self._base_env, env)
        imports = self._script(command.script).imports
        kind = self._kind_for(_Kind(interpreter, frozenset(full_env.items()), _packages(imports), command.user))
        warm = self._warm.pop(kind, None)
        if warm is not None and warm.checked_for != turn and not self._is_current(warm):
            warm = None
        if warm is None:
            self._make_room()
            launcher = self._start((interpreter.executable, *interpreter.options), full_env, command.user)
            warm = WarmInterpreter(launcher, limits_threads(full_env))
        self._warm[kind] = warm
        warm.checked_for = turn
        self._load(warm, imports, learned)
        if self._harmful & warm.asked:
            self.lose(warm.launcher)
            return self.warm(interpreter, command, env=env, learned=learned, turn=turn)
        return warm

    def _kind_for(self, wanted: _Kind) -> _Kind:
        """Return the kind of an interpreter that has what is wanted and little more; without one, what is wanted."""
        if wanted in self._warm:
            return wanted
        fitting = [
            (len(warm.packages), kind)
            for kind, warm in self._warm.items()
            if (kind.interpreter, kind.env, kind.user) == (wanted.interpreter, wanted.env, wanted.user)
            and wanted.packages <= warm.packages
            and len(warm.packages - wanted.packages) <= _SPARE_PACKAGES_MAX
        ]
        return min(fitting, key=lambda each: each[0])[1] if fitting else wanted

    def has_learned(self, warm: WarmInterpreter, script: str) -> bool:
        """Whether a run of the script has shown what it imports."""
        return self._script(script).source in warm.known_scripts

    def learn(self, warm: WarmInterpreter, script: str, modules: Sequence[str]) -> None:
        """Load what a run of the script was seen to load, so that the next one finds it."""
        warm.known_scripts.add(self._scripts[script].source)
        try:
            self._load(warm, (), modules)
        except LauncherLostError as error:
            _log.warning("the interpreter for %s is lost: %s", script, error)
            self.lose(warm.launcher)
            return
        if self._harmful & warm.asked:
            self.lose(warm.launcher)

    def source(self, script: str) -> bytes:
        """Return the source of a script."""
        return self._script(script).source

    def rest(self) -> None:
        """End the processes that wait for another run of a script."""
        for warm in list(self._warm.values()):
            try:
                warm.launcher.rest()
            except LauncherLostError:
                self.lose(warm.launcher)

    def lose(self, launcher: Launcher) -> None:
        """Forget a process that is not to be used again; end it and what it may have left."""
        launcher.discard()
        if launcher is self._plain:
            self._plain = None
        self._warm = {kind: warm for kind, warm in self._warm.items() if warm.launcher is not launcher}
        self._kill_orphans()

    def close(self) -> None:
        """End all of them and what they run."""
        for launcher in self._launchers():
            launcher.close()
        self._plain, self._warm = None, {}
        self._kill_orphans()

    def _start(self, interpreter: Sequence[str], env: dict[str, str], user: User | None = None) -> Launcher:
        launcher = Launcher(interpreter, env, alive_fd=self._alive_fd, cwd=self._working_dir, user=user)
        try:
            launcher.wait_until_ready(self._interrupts)
        except BaseException:
            launcher.discard()
            raise
        return launcher

    def _is_current(self, warm: WarmInterpreter) -> bool:
        try:
            if warm.launcher.is_current(self._interrupts):
                return True
        except LauncherLostError:
            pass
        warm.launcher.discard()
        return False

    def _load(self, warm: WarmInterpreter, from_source: Sequence[str], seen: Sequence[str]) -> None:
        missing = [name for name in dict.fromkeys((*from_source, *seen)) if name not in warm.asked | self._harmful]
        if not missing:
            return
        try:
            done = warm.launcher.import_modules(
                missing, private=self.private, limit_threads=warm.limit_threads, interrupts=self._interrupts
            )
        except BaseException:
            self.lose(warm.launcher)
            raise
        warm.asked.update(missing)
        warm.packages = done.packages
        warm.learned.update(dict.fromkeys(name for name in done.loaded if name not in from_source))
        if done.grpc_by:
            self._harmful.add(done.grpc_by)

    def _script(self, name: str) -> _Script:
        stat = os.stat(name)
        stamp = (stat.st_mtime_ns, stat.st_size, stat.st_ino)
        known = self._scripts.get(name)
        if known is not None and known.stamp == stamp:
            return known
        source = Path(name).read_bytes()
        if known is not None and known.source == source:
            imports = known.imports
        else:
            imports = scan_imports(source, Path(name).resolve().parent)
        self._scripts[name] = _Script(stamp, source, imports)
        return self._scripts[name]

    def _make_room(self) -> None:
        while len(self._warm) >= WARM_INTERPRETERS_MAX:
            self._warm.pop(next(iter(self._warm))).launcher.close()

    def _launchers(self) -> list[Launcher]:
        plain = [self._plain] if self._plain else []
        return [*plain, *(warm.launcher for warm in self._warm.values())]

    def _kill_orphans(self) -> None:
        """Kill what a lost launcher was running: it is our child now, where the system hands orphans to us."""
        if not self._owns_children:
            return
        ours = {launcher.pid for launcher in self._launchers()} | self.spared
        while orphans := [pid for pid in _children() if pid not in ours]:
            for pid in orphans:
                os.kill(pid, signal.SIGKILL)
                os.waitpid(pid, 0)


def _children() -> list[int]:
    try:
        return [int(pid) for pid in Path(f"/proc/self/task/{os.getpid()}/children").read_text("ascii").split()]
    except OSError:
        return []


def _packages(imports: Sequence[str]) -> frozenset[str]:
    names = {name.partition(":")[0].partition(".")[0] for name in imports}
    return frozenset(names - sys.stdlib_module_names)
