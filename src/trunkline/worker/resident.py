"""Running a resident: the second thing that a worker can be asked to do, beside a datum set.

The same view, environment and launcher as for datums; but one command without an end, whose output goes away line by
line, and nothing is read from ``/pfs/out``.
"""

import os
import socket
from collections.abc import Callable, Sequence
from pathlib import Path

from trunkline.client.config import Config, Context, write_config
from trunkline.config import LOOPBACK
from trunkline.errors import CorruptDataError, InvalidInputError, NotFoundError
from trunkline.model.residents import Resident, ResidentEnd
from trunkline.worker.attempt import end_reason
from trunkline.worker.commands.command_run import run_command
from trunkline.worker.commands.environment import datum_environment, datum_set_environment, map_pfs, map_values
from trunkline.worker.commands.launcher import Command, Ended, LauncherLostError
from trunkline.worker.commands.resolve import resolve
from trunkline.worker.context import WorkerContext
from trunkline.worker.logs import DatumLog, resident_log
from trunkline.worker.users import CommandError, find_user
from trunkline.worker.view.inputs import WantedTree
from trunkline.worker.view.secret_files import secret_files

_CONTEXT = "worker"


def run_resident(
    resident: Resident,
    context: WorkerContext,
    *,
    began: Callable[[], None],
    printed: Callable[[Sequence[str]], None],
) -> ResidentEnd:
    """Run the command until it ends by itself; say why it did.

    ``began`` is called when it has been started, ``printed`` with log records as soon as there are any. Raises
    CancelledError if the context's interrupts say so; nothing of the command is left then.
    """
    records: list[str] = []
    log = resident_log(resident, worker=context.worker, add=records.append)
    started = False

    def note_start() -> None:
        nonlocal started
        started = True
        began()

    def output(stream: str, data: bytes) -> None:
        log.feed(stream, data)
        flush()

    def flush() -> None:
        if records:
            printed(tuple(records))
            records.clear()

    with secret_files(resident, context.view.directory.parent) as prepared:
        try:
            reason, failed = _run(prepared, context, log, output=output, began=note_start)
        finally:
            log.end_of_command()
            flush()
    return ResidentEnd(reason, failed, started)


def _run(
    resident: Resident,
    context: WorkerContext,
    log: DatumLog,
    *,
    output: Callable[[str, bytes], None],
    began: Callable[[], None],
) -> tuple[str, bool]:
    try:
        _check_port(resident.internal_port)
        context.clear_working_dir(find_user(resident.transform.user))
        _stage(resident, context)
        ended = _execute(resident, context, output=output, began=began)
    except (CommandError, InvalidInputError, NotFoundError, CorruptDataError) as error:
        return str(error), True
    except LauncherLostError as error:
        return f"command was lost: {error}", True
    log.end_of_command()
    if reason := end_reason(ended, resident.transform, last_error_line=log.last_error_line):
        return reason, True
    return f"command ended with status {ended.status}", False


def _execute(
    resident: Resident, context: WorkerContext, *, output: Callable[[str, bytes], None], began: Callable[[], None]
) -> Ended:
    launcher = context.starters.plain()
    stdin = map_pfs("".join(f"{line}\n" for line in resident.transform.stdin), context.view.seen_as)
    try:
        return run_command(
            launcher,
            _command(resident, context),
            stdin=stdin.encode(errors="surrogateescape"),
            output=output,
            timeout_seconds=None,
            interrupts=context.interrupts,
            began=began,
        ).ended
    except LauncherLostError:
        context.starters.lose(launcher)
        raise


def _stage(resident: Resident, context: WorkerContext) -> None:
    tree = context.inputs.wanted(resident.datum) if resident.datum is not None else WantedTree()
    lines = "".join(f"{name}={value}\n" for name, value in _own_env(resident, context).items())
    try:
        context.view.stage(tree, env_file=lines, owner=find_user(resident.transform.user))
    except OSError as error:
        raise CommandError(f"cannot stage the inputs: {error}") from error


def _own_env(resident: Resident, context: WorkerContext) -> dict[str, str]:
    env = datum_environment(resident.datum) if resident.datum is not None else {}
    return map_values(env, context.view.seen_as)


def _command(resident: Resident, context: WorkerContext) -> Command:
    transform, seen_as = resident.transform, context.view.seen_as
    env = datum_set_environment(resident, base=context.base_env, worker=context.worker)
    env = {
        # Nobody waits until a Python script that never ends has filled a buffer with what it prints.
        "PYTHONUNBUFFERED": "1",
        **map_values(env, seen_as),
        "PFS": seen_as,
        "PACH_CONFIG": _write_client_config(resident, context),
    }
    return resolve(
        tuple(map_pfs(text, seen_as) for text in transform.cmd),
        env=env,
        own_env=_own_env(resident, context),
        cwd=map_pfs(transform.working_dir, seen_as) or context.working_dir,
        user=find_user(transform.user),
    )


def _write_client_config(resident: Resident, context: WorkerContext) -> str:
    """Write the configuration by which clients find the server and the pipeline's project; return its path.

    One of its own, since a client may write it, and that of whoever runs the server is none of the command's business.
    """
    path: Path = context.view.directory.parent / "pachctl" / "config.json"
    address = context.base_env.get("PACHD_ADDRESS", "")
    entry = Context(pachd_address=address, project=resident.project)
    write_config(Config({_CONTEXT: entry}, active_context=_CONTEXT, metrics=False), path)
    if owner := find_user(resident.transform.user):
        # The directory last: its owner could put something else in the place of the file.
        for each in (path, path.parent):
            os.chown(each, owner.uid, owner.gid, follow_symlinks=False)
    return str(path)


def _check_port(port: int) -> None:
    """Raise CommandError if somebody else listens where the command is going to."""
    if not port:
        return
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((LOOPBACK, port))
        except OSError as error:
            raise CommandError(
                f"service.internalPort: cannot listen at port {port} of this machine: {error.strerror}: "
                "end what listens there, or choose another port"
            ) from None
