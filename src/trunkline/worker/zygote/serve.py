"""Answering the worker: import modules, check them, run commands.

The standard streams of a command travel as file descriptors beside its request. When the socket closes, whatever runs
is killed.
"""

from __future__ import annotations

import contextlib
import gc
import os
import sys
from typing import Any, NoReturn

from trunkline.worker.zygote.children import be_subreaper, start_program, start_script, wait
from trunkline.worker.zygote.connection import Connection
from trunkline.worker.zygote.modules import ModuleFiles
from trunkline.worker.zygote.script import Scripts
from trunkline.worker.zygote.shared_child import SharedChild


def main(socket_fd: int, alive_fd: int) -> NoReturn:
    """Serve until the socket closes, and exit."""
    for fd in (socket_fd, alive_fd):
        os.set_inheritable(fd, False)
    worker = Connection(socket_fd)
    be_subreaper()
    freeze()
    try:
        worker.send({"version": list(sys.version_info[:3])})
        _serve(worker, alive_fd)
    except (EOFError, ConnectionError):
        os._exit(0)


def _serve(worker: Connection, alive_fd: int) -> NoReturn:
    scripts, files, reused = Scripts(), ModuleFiles(), SharedChild()
    env: dict[str, str] = {}
    while True:
        request, fds = worker.receive()
        if not request.get("reuse"):
            reused.end()
        if request["op"] == "import":
            worker.send(import_modules(request["names"], request["private"], limit_threads=request["limit_threads"]))
            files = ModuleFiles()
        elif request["op"] == "check":
            worker.send({"unchanged": files.unchanged()})
        elif request["op"] == "run":
            env = request["env"] or env  # left out where it is that of the command before
            request["env"] = {**env, **request["own_env"]}
            worker.send(_run(worker, request, fds, scripts=scripts, reused=reused, alive_fd=alive_fd))


def _run(
    worker: Connection, request: dict[str, Any], fds: list[int], *, scripts: Scripts, reused: SharedChild, alive_fd: int
) -> dict[str, Any]:
    try:
        if request["reuse"]:
            child = reused.start(request, fds, scripts, (worker.fileno(), alive_fd))
        elif request["script"]:
            child = start_script(request, fds, scripts, (worker.fileno(), alive_fd))
        else:
            child = start_program(request, fds)
    except OSError as error:
        return {"error": f"{error.strerror}: {error.filename or request['argv'][0]}"}
    finally:
        for fd in fds:
            os.close(fd)
    # While a command runs the worker sends nothing but the order to kill it.
    reply = wait(child, worker.fileno(), worker.receive)
    reused.ran(kept=reply["kept"])
    return reply


def freeze() -> None:
    """Keep the collector of children away from what is loaded here: it would copy every page that it looks at."""
    gc.collect()
    gc.freeze()


def import_modules(names: list[str], private: list[str], *, limit_threads: bool) -> dict[str, Any]:
    """Import names, ``module`` or ``module:attribute`` as in ``from module import attribute``, where that works.

    What lies in private directories belongs to one datum and is not imported here.
    The reply lists those that loaded something new, and the first one that brought gRPC in: it does not survive a fork.
    """
    search = list(sys.path)
    sys.path[:] = [entry for entry in search if not entry.startswith(tuple(private))]
    loaded, grpc_by = _import(names)
    sys.path[:] = search
    cv2 = sys.modules.get("cv2")
    if limit_threads and hasattr(cv2, "setNumThreads"):
        cv2.setNumThreads(0)  # type: ignore[union-attr]
    freeze()
    packages = {name.partition(".")[0] for name in sys.modules}
    packages.difference_update(getattr(sys, "stdlib_module_names", ()))
    return {"loaded": loaded, "grpc": grpc_by, "packages": sorted(packages)}


def _import(names: list[str]) -> tuple[list[str], str]:
    loaded = []
    grpc_by = ""
    for name in names:
        before, had_grpc = len(sys.modules), "grpc" in sys.modules
        module, _, attribute = name.partition(":")
        # A script may catch the failure of an import, or never reach it: it is no matter of ours.
        with contextlib.suppress(Exception, SystemExit):
            __import__(module, fromlist=(attribute,) if attribute else ())
        if len(sys.modules) > before:
            loaded.append(name)
        if "grpc" in sys.modules and not had_grpc:
            grpc_by = name
    return loaded, grpc_by
