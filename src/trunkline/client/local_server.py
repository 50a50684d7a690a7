"""The server of this machine: found by its record in the home directory, started in the background when there is none.

The record is ``server.json``, which a server writes when it is ready to answer.
"""

import contextlib
import fcntl
import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from trunkline.client.addresses import DEFAULT_PORT, Address, parse_address
from trunkline.errors import InvalidInputError, UnavailableError

RECORD_FILE = "server.json"
PORTS_FILE = "ports.json"
PROOF_FILE = "files.proof"
LOG_FILE = "server.log"
TOKEN_FILE = "token"  # noqa: S105 - its name
_LOCK_FILE = "starting.lock"
_PORT_TAKEN = "cannot listen on"
_DEFAULT_HTTP_PORT = 30600
_START_SECONDS = 60.0
_STOP_SECONDS = 60.0
_POLL_SECONDS = 0.02
_DIAL_SECONDS = 2.0


@dataclass(frozen=True, slots=True)
class ServerRecord:
    """What a running server says about itself."""

    pid: int
    grpc_address: str
    http_address: str = ""
    version: str = ""
    deployment_id: str = ""

    @property
    def address(self) -> Address:
        """Where it answers gRPC."""
        return parse_address(self.grpc_address)


def home_directory() -> Path:
    """Return the directory that holds the local server's state: ``$TRUNKLINE_HOME``, else ``~/.trunkline``."""
    if home := os.environ.get("TRUNKLINE_HOME"):
        return Path(home).absolute()
    return Path.home() / ".trunkline"


def make_home(home: Path) -> None:
    """Make the directory where it is missing, closed to other users.

    Root lets them pass, and see nothing: commands of pipelines that run as another user find their secrets below, and
    `/pfs` too where it is no mount.
    """
    home.mkdir(parents=True, exist_ok=True, mode=0o711 if os.geteuid() == 0 else 0o700)


def find_server(home: Path) -> ServerRecord | None:
    """Return the record of the server that runs in home and answers, or None."""
    record = _read_record(home)
    return record if record and _is_alive(record.pid) and _answers(record.address) else None


def read_token(home: Path) -> str:
    """Return the token that the server in home takes from any user, or "" where we may not read it."""
    try:
        return (home / TOKEN_FILE).read_text(encoding="ascii").strip()
    except (OSError, ValueError):
        return ""


def shares_files(state_directory: str, deployment_id: str) -> bool:
    """Return whether a server that says so of itself sees the files that we see, with our rights.

    Its record must lie where it says that its state is, name the same installation, and belong to our user. A server on
    another machine, at the end of a tunnel, fails that.
    """
    record = Path(state_directory) / RECORD_FILE
    try:
        if not state_directory or record.stat().st_uid != os.geteuid():
            return False
        return bool(deployment_id) and json.loads(record.read_text()).get("deployment_id") == deployment_id
    except (OSError, ValueError):
        return False


def read_proof(state_directory: str) -> str:
    """Return what proves to the server with that state that we read the files that it reads; "" where we do not."""
    try:
        return (Path(state_directory) / PROOF_FILE).read_text(encoding="ascii").strip()
    except (OSError, ValueError):
        return ""


def ensure_server(home: Path, *, announce: Callable[[str], None]) -> ServerRecord:
    """Return the record of the server in home; start one first if none answers, and announce that.

    Of several callers at once, one starts the server and the others wait for it. Raises UnavailableError when the
    server does not come up, with the last line of its log.
    """
    if record := find_server(home):
        return record
    try:
        make_home(home)
    except OSError as error:
        raise InvalidInputError(f"cannot use {home} for the local server: {error.strerror}") from None
    with _lock(home / _LOCK_FILE):
        if record := find_server(home):
            return record
        announce(f"starting the local server in {home} (end it with `trunkline shutdown`)")
        return _start(home)


def stop_server(home: Path) -> ServerRecord | None:
    """End the server that runs in home and wait until it is gone; None if there was none."""
    record = find_server(home)
    if record is None:
        return None
    os.kill(record.pid, signal.SIGTERM)
    deadline = time.monotonic() + _STOP_SECONDS
    while _is_alive(record.pid):
        if time.monotonic() > deadline:
            raise UnavailableError(
                f"the server (process {record.pid}) is still ending after {_STOP_SECONDS:.0f} seconds"
            )
        time.sleep(_POLL_SECONDS)
    return record


class _PortTakenError(UnavailableError):
    """Somebody took a port between our look at it and the server's start."""


def _start(home: Path) -> ServerRecord:
    try:
        return _start_at(home, _port_options(home))
    except _PortTakenError:
        return _start_at(home, ["--grpc-port", "0", "--http-port", "0"])


def _start_at(home: Path, port_options: list[str]) -> ServerRecord:
    (home / RECORD_FILE).unlink(missing_ok=True)
    command = [sys.executable, "-m", "trunkline", "serve", "--home", str(home), *port_options]
    log_path = home / LOG_FILE
    with os.fdopen(os.open(log_path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600), "ab") as log:
        # A session of its own: Ctrl-C and the end of the terminal are not for the server.
        process = subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True, cwd=home
        )
    deadline = time.monotonic() + _START_SECONDS
    while time.monotonic() < deadline:
        if (record := _read_record(home)) and _answers(record.address):
            process.returncode = 0  # It outlives us: keep Popen from warning about a child that still runs.
            return record
        if process.poll() is not None:
            said = _last_line(log_path)
            kind = _PortTakenError if _PORT_TAKEN in said else UnavailableError
            raise kind(f"the local server did not start: {said} (more in {log_path})")
        time.sleep(_POLL_SECONDS)
    process.kill()
    raise UnavailableError(
        f"the local server did not answer within {_START_SECONDS:.0f} seconds; its log is {log_path}"
    )


def _port_options(home: Path) -> list[str]:
    """Return the ports to serve at: where this home's server was last, else the well-known ones, else any free one.

    Clients that were told of a port, and mounts, find the server again where it keeps it.
    """
    try:
        kept = json.loads((home / PORTS_FILE).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        kept = {}
    options = []
    for name, default in (("grpc", DEFAULT_PORT), ("http", _DEFAULT_HTTP_PORT)):
        last = kept.get(name) if isinstance(kept, dict) else None
        wanted = (last if isinstance(last, int) and 0 < last < 1 << 16 else default, default)
        options += [f"--{name}-port", str(next(filter(_is_free, wanted), 0))]
    return options


def _is_free(port: int) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True


def _read_record(home: Path) -> ServerRecord | None:
    try:
        data = json.loads((home / RECORD_FILE).read_text(encoding="utf-8"))
        return ServerRecord(
            pid=int(data["pid"]),
            grpc_address=str(data["grpc_address"]),
            http_address=str(data.get("http_address", "")),
            version=str(data.get("version", "")),
        )
    except (OSError, ValueError, KeyError, TypeError):
        return None


def _answers(address: Address) -> bool:
    try:
        if address.socket:
            with socket.socket(socket.AF_UNIX) as connection:
                connection.settimeout(_DIAL_SECONDS)
                connection.connect(address.socket)
        else:
            socket.create_connection((address.host, address.port), timeout=_DIAL_SECONDS).close()
    except OSError:
        return False
    return True


def _is_alive(pid: int) -> bool:
    """Tell whether the process runs; one of ours that has ended is gone, too, though nobody collected it yet."""
    with contextlib.suppress(ChildProcessError):
        os.waitpid(pid, os.WNOHANG)
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


@contextlib.contextmanager
def _lock(path: Path) -> Iterator[None]:
    # Who may open it may hold it, and keep the server from being started.
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT, 0o600), "w") as file:
        os.fchmod(file.fileno(), 0o600)  # it may have been made with other rights
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def _last_line(path: Path) -> str:
    lines = [line for line in path.read_text(errors="replace").splitlines() if line.strip()]
    return lines[-1] if lines else "it said nothing"
