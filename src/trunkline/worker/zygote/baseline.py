"""What a run must leave as it found it, for the next one in the same process to start as in a fresh one."""

from __future__ import annotations

import atexit
import builtins
import gc
import os
import signal
import sys
import time
from collections.abc import Callable
from typing import Any

_Module = Any  # of a library of the user's
_GROWN_BYTES_MAX = 512 << 20
_THREAD_END_CHECKS = 5
_HOOKS = ("excepthook", "displayhook", "unraisablehook", "breakpointhook", "dont_write_bytecode")
_CALLS = ("getrecursionlimit", "getswitchinterval", "gettrace", "getprofile", "get_asyncgen_hooks")


class Baseline:
    """The process as it was before the first run. Linux only: elsewhere no run leaves it as it was."""

    def __init__(self) -> None:
        self._busy = _threads_and_children()
        self._pending = _pending()
        self._state = _state()
        self._bytes = _resident_bytes()

    def is_quiet(self) -> bool:
        """Whether nothing is going on or waits for the end: no thread, child, exit handler or timer."""
        if self._busy is None or _pending() != self._pending:
            return False
        for _ in range(_THREAD_END_CHECKS):
            threads, children = _threads_and_children() or (0, "")
            if threads <= self._busy[0] or children != self._busy[1]:
                break
            time.sleep(0.001)  # a thread that was joined takes a moment to go
        return (threads, children) == self._busy

    def is_as_before(self) -> bool:
        """Whether what a later run could see, or stumble upon, is as it was. To be asked when the script is cleared."""
        return _state() == self._state and _resident_bytes() - self._bytes < _GROWN_BYTES_MAX


def _threads_and_children() -> tuple[int, str] | None:
    try:
        threads = os.listdir("/proc/self/task")
        children = ""
        for thread in threads:
            with open(f"/proc/self/task/{thread}/children", encoding="ascii") as file:
                children += file.read()
    except OSError:
        return None
    return len(threads), children


def _pending() -> tuple[object, ...]:
    threading: Any = sys.modules.get("threading")
    timers = [signal.getitimer(which) for which in (signal.ITIMER_REAL, signal.ITIMER_VIRTUAL, signal.ITIMER_PROF)]
    return (
        atexit._ncallbacks(),
        len(getattr(threading, "_threading_atexits", ())),
        any(any(timer) for timer in timers),
    )


def _state() -> dict[str, object]:
    umask = os.umask(0o077)
    os.umask(umask)
    return {
        "descriptors": os.listdir("/proc/self/fd"),
        "umask": umask,
        "priority": os.getpriority(os.PRIO_PROCESS, 0),
        "signals": list(map(signal.getsignal, signal.valid_signals())),
        "blocked": signal.pthread_sigmask(signal.SIG_BLOCK, ()),
        "hooks": [getattr(sys, name, None) for name in _HOOKS],
        "limits": [getattr(sys, name)() for name in _CALLS],
        "importers": [*map(id, sys.meta_path), *map(id, sys.path_hooks)],
        "builtins": {name: id(value) for name, value in vars(builtins).items()},
        "collector": (gc.isenabled(), gc.get_threshold(), gc.get_debug()),
        **{name: look(sys.modules[name]) for name, look in _LIBRARIES.items() if name in sys.modules},
    }


def _resident_bytes() -> int:
    try:
        with open("/proc/self/statm", encoding="ascii") as file:
            return int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")
    except OSError:
        return 0


# What scripts are known to set in libraries that many of them share.


def _logging(module: _Module) -> object:
    loggers = [module.root, *module.root.manager.loggerDict.values()]
    return module.root.manager.disable, [
        (each.level, each.propagate, each.disabled, list(map(id, each.handlers)), list(map(id, each.filters)))
        for each in loggers
        if isinstance(each, module.Logger) and (each.handlers or each.level or each.filters)
    ]


def _warnings(module: _Module) -> object:
    return list(map(id, module.filters)), id(module.showwarning)


def _threading(module: _Module) -> object:
    return module.excepthook, module.stack_size(), getattr(module, "_trace_hook", None)


def _matplotlib(module: _Module) -> object:
    helpers: Any = sys.modules.get("matplotlib._pylab_helpers")
    settings = {name: repr(value) for name, value in dict.items(module.rcParams) if not name.startswith("backend")}
    return settings, helpers and list(helpers.Gcf.figs)


_LIBRARIES: dict[str, Callable[[_Module], object]] = {
    "logging": _logging,
    "warnings": _warnings,
    "threading": _threading,
    "_locale": lambda module: module.setlocale(module.LC_ALL),
    "socket": lambda module: module.getdefaulttimeout(),
    "copyreg": lambda module: len(module.dispatch_table),
    "numpy": lambda module: (module.geterr(), module.geterrcall(), repr(module.get_printoptions())),
    "cv2": lambda module: (module.getNumThreads(), module.useOptimized()),
    "matplotlib": _matplotlib,
}
