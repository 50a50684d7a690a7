"""``trunkline serve``: a server in the foreground until it is told to stop."""

import faulthandler
import os
import signal
import sys
import threading
from pathlib import Path

from trunkline import telemetry
from trunkline.app.server import Server, ServerOptions
from trunkline.client.config import tell_local_port
from trunkline.client.local_server import home_directory as local_home
from trunkline.config import GRPC_PORT, HTTP_PORT, LOOPBACK, home
from trunkline.errors import InvalidInputError
from trunkline.model.datums import Runner
from trunkline.worker.commands.environment import check_passed

_LOOPBACK_HOSTS = (LOOPBACK, "localhost", "::1")


def serve(
    *,
    home_directory: Path | None = None,
    host: str = LOOPBACK,
    grpc_port: int = GRPC_PORT,
    http_port: int = HTTP_PORT,
    workers: int | None = None,
    runner: str = "auto",
    allows_local_users: bool = False,
    passed_variables: tuple[str, ...] = (),
    allowed_files: tuple[Path, ...] = (),
    verbose: bool = False,
) -> None:
    """Serve until SIGTERM or SIGINT. Prints where it listens once it answers."""
    if host not in _LOOPBACK_HOSTS:
        raise InvalidInputError(
            f"--host {host}: there is no TLS yet, so a server listens on {LOOPBACK} only: "
            "reach it from elsewhere through an SSH tunnel"
        )
    check_passed(passed_variables, os.environ)
    telemetry.configure(verbose=verbose)
    faulthandler.enable()  # a crash in compiled code ends without a word otherwise
    stopping = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stopping.set())
    options = ServerOptions(
        home=home_directory or home(),
        host=host,
        grpc_port=grpc_port,
        http_port=http_port,
        workers=workers,
        runner=Runner(runner),
        allows_local_users=allows_local_users,
        passed_variables=passed_variables,
        allowed_files=allowed_files,
    )
    server = Server(options)
    if options.home.absolute() == local_home():
        tell_local_port(server.port)
    sys.stdout.write(f"listening on {server.address} and {server.http_address}, state in {options.home}\n")
    sys.stdout.flush()
    stopping.wait()
    server.close()
