"""Being, in a forked child, what a fresh interpreter would be that runs a script.

Everything that a script or its caller can see is as in a fresh run: argv, ``__main__``, the search path, standard
streams, environment, seeds of the random generators, the text of a traceback, exit codes, exit handlers, and that files
left open at the end are written out.
"""

from __future__ import annotations

import atexit
import builtins
import contextlib
import ctypes
import gc
import io
import os
import signal
import sys
import types
from collections.abc import Callable
from importlib.machinery import SourceFileLoader
from typing import Any, NoReturn

from trunkline.worker.zygote.modules import NewModules

_SCRIPTS_MAX = 16
_STANDARD_STREAMS = ((0, "stdin", "r"), (1, "stdout", "w"), (2, "stderr", "w"))
_STREAM_OPTIONS: dict[str, tuple[Any, ...]] = {
    name: tuple(getattr(getattr(sys, name), option) for option in ("encoding", "errors", "write_through"))
    for _, name, _ in _STANDARD_STREAMS
}
"""As the interpreter's own options and variables want them."""
_OUTPUT_LOST_STATUS = 120
_LIBC = ctypes.CDLL(None)
"""Its streams, to which compiled modules may have written, are not ours."""


class Scripts:
    """Compiled scripts by path, good for as long as the file's bytes stay the same."""

    def __init__(self) -> None:
        self._known: dict[str, tuple[bytes, types.CodeType]] = {}

    def code(self, path: str) -> types.CodeType | None:
        """Return the script compiled, or None if that cannot be done."""
        known = self._known.pop(path, None)
        try:
            with open(path, "rb", buffering=0) as file:
                source = file.read()
            code = known[1] if known and known[0] == source else _compile(source, path)
        except Exception:  # noqa: BLE001 - whatever it is, the interpreter runs into it again
            return None
        self._known[path] = (source, code)
        if len(self._known) > _SCRIPTS_MAX:
            del self._known[next(iter(self._known))]
        return code


def _compile(source: bytes, path: str) -> types.CodeType:
    return compile(source, path, "exec", dont_inherit=True)


def be_script(request: dict[str, Any], code: types.CodeType | None, report: Callable[[list[str]], None]) -> NoReturn:
    """Run the request's script to its end and exit; report the modules that the next run may find loaded."""
    if code is None:
        leave_to_interpreter(request)
    count = len(sys.modules)
    script_dir = prepare(request)
    status = run_main(request["script"], code)
    new = NewModules(script_dir, request["private"], count)
    report(new.shared())
    os._exit(finalize(status, new) & 0xFF)


def leave_to_interpreter(request: dict[str, Any]) -> NoReturn:
    """Become an interpreter, for a script that is unreadable or no Python: nobody tells so better."""
    os.execve(request["executable"], request["argv"], request["env"])  # noqa: S606


def prepare(request: dict[str, Any]) -> str:
    """Make everything as a fresh interpreter has it when the script begins; return the script's directory."""
    script_dir: str = os.path.dirname(os.path.realpath(request["script"]))
    _set_environment(request["env"])
    _reopen_standard_streams()
    _seed()
    _set_arguments(request, script_dir)
    return script_dir


def _set_environment(env: dict[str, str]) -> None:
    for name in [name for name in os.environ if name not in env]:
        del os.environ[name]
    for name, value in env.items():
        if os.environ.get(name) != value:
            os.environ[name] = value


def _reopen_standard_streams() -> None:
    for fd, name, mode in _STANDARD_STREAMS:
        encoding, errors, write_through = _STREAM_OPTIONS[name]
        raw = io.FileIO(fd, mode, closefd=False)
        raw.name = f"<{name}>"
        unbuffered = mode == "w" and write_through  # python -u
        by_line = fd == 2 and not unbuffered
        buffer: Any = raw if unbuffered else io.BufferedReader(raw) if mode == "r" else io.BufferedWriter(raw)
        stream: Any = io.TextIOWrapper(
            buffer, encoding, errors, newline="\n", line_buffering=by_line, write_through=unbuffered
        )
        stream.mode = mode
        setattr(sys, name, stream)
        setattr(sys, f"__{name}__", stream)


def _seed() -> None:
    """Seed the global generators anew. ``random`` does so itself after a fork, but not from run to run."""
    for name in ("random", "numpy.random.mtrand"):
        module: Any = sys.modules.get(name)
        if module is not None:
            module.seed()


def _set_arguments(request: dict[str, Any], script_dir: str) -> None:
    sys.argv[:] = request["args"]
    if hasattr(sys, "orig_argv"):
        sys.orig_argv[:] = request["argv"]
    if not getattr(sys.flags, "safe_path", False) and not sys.flags.isolated:
        sys.path.insert(0, script_dir)


def run_main(script: str, code: types.CodeType) -> int:
    """Run the script as ``__main__`` and return its exit status, minus SIGINT where it was interrupted."""
    module = types.ModuleType("__main__")
    module.__dict__.update(
        __loader__=SourceFileLoader("__main__", script),
        __annotations__={},
        __builtins__=builtins,
        __file__=script,
        __cached__=None,
    )
    sys.modules["__main__"] = module
    try:
        exec(code, module.__dict__)  # noqa: S102 - that is what we are for
    except SystemExit as error:
        return _exit_status(error)
    except BaseException as error:  # noqa: BLE001 - as an interpreter does
        return _show(error)
    return 0


def _exit_status(error: SystemExit) -> int:
    if error.code is None:
        return 0
    if isinstance(error.code, int):
        return error.code
    with contextlib.suppress(BaseException):
        print(error.code, file=sys.stderr)  # noqa: T201 - as an interpreter does
    return 1


def _show(error: BaseException) -> int:
    """Print the error as an interpreter does, without our own frames; return the exit status."""
    traceback = error.__traceback__
    while traceback is not None and traceback.tb_frame.f_code.co_filename == __file__:
        traceback = traceback.tb_next
    error = error.with_traceback(traceback)
    try:
        sys.excepthook(type(error), error, traceback)
    except SystemExit as other:
        return _exit_status(other)
    except BaseException:  # noqa: BLE001 - the user's own hook may be broken
        sys.__excepthook__(type(error), error, traceback)
    return -signal.SIGINT if isinstance(error, KeyboardInterrupt) else 1


def finalize(status: int, new: NewModules) -> int:
    """Do what an interpreter does at its end, as far as others can see it; return the exit status."""
    threading: Any = sys.modules.get("threading")
    if threading is not None:
        _quietly(threading._shutdown)
    _quietly(atexit._run_exitfuncs)
    status = clear(status, new)
    if status == -signal.SIGINT:
        signal.signal(signal.SIGINT, signal.SIG_DFL)
        os.kill(os.getpid(), signal.SIGINT)
    return status


def clear(status: int, new: NewModules) -> int:
    """Write out what the script left open, drop its objects, and return the exit status: another if output is lost."""
    flushed = _flush()
    _clear_modules([sys.modules.pop("__main__"), *new.own()])
    flushed = _flush() and flushed
    _LIBC.fflush(None)
    return status if flushed else _OUTPUT_LOST_STATUS


def _quietly(function: Callable[[], object]) -> None:
    with contextlib.suppress(BaseException):
        function()


def _flush() -> bool:
    """Write out the standard streams; return whether stdout made it."""
    try:
        if sys.stdout is not None and not sys.stdout.closed:
            sys.stdout.flush()
    except Exception:  # noqa: BLE001 - as at the end of any interpreter
        return False
    finally:
        if sys.stderr is not None:
            _quietly(sys.stderr.flush)
    return True


def _clear_modules(modules: list[types.ModuleType]) -> None:
    """Write out files that were left open; drop the objects of the script and of the modules beside it."""
    for thing in gc.get_objects():  # those of the script only: the others are frozen
        if isinstance(thing, (io.TextIOWrapper, io.BufferedWriter, io.BufferedRandom)) and not thing.closed:
            _quietly(thing.flush)
    for module in modules:
        _clear(module.__dict__)
    gc.collect()


def _clear(namespace: dict[str, Any]) -> None:
    """Set every name to None, private ones first: the order in which an interpreter does it."""
    for private in (True, False):
        for name in list(namespace):
            if name == "__builtins__" or (private and (name[:1] != "_" or name[1:2] == "_")):
                continue
            namespace[name] = None
