"""The state directory: one server owns it at a time, and only in a format that it knows."""

import fcntl
import json
import os
import secrets
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import IO, Any
from urllib.parse import urlsplit

from trunkline.client.local_server import LOG_FILE, PORTS_FILE, PROOF_FILE, TOKEN_FILE, make_home
from trunkline.errors import ConflictError, InvalidInputError

FORMAT_VERSION = 1
_FORMAT_FILE = "format.json"
_LOCK_FILE = "lock"
_SERVER_FILE = "server.json"
_KEY_FILE = "secret.key"
_KEY_BYTES = 32
_TOKEN_LENGTH_MIN = 16
_DATABASE_FILE = "metadata.db"
_CLOSED_FILES = (_LOCK_FILE, _DATABASE_FILE, f"{_DATABASE_FILE}-wal", f"{_DATABASE_FILE}-shm", LOG_FILE)
_CLOSED_DIRECTORIES = ("objects", "sources")
# Others may read where a server is. Who could write it would be sent the token of whoever looks there.
_TOLD_FILES = (_FORMAT_FILE, PORTS_FILE, _SERVER_FILE)
_TOLD_MODE = 0o644


class StateDirectory:
    """A locked state directory. The lock goes with the process, however that ends."""

    def __init__(self, path: Path) -> None:
        """Make the directory where it is missing; raise ConflictError if another server has it."""
        self.path = path.absolute()
        make_home(self.path)
        self._lock = self._acquire()
        self._check_format()
        self._close_to_others()
        self.scratch = self.path / "scratch"
        make_home(self.scratch)

    @property
    def database_url(self) -> str:
        """Where the metadata is."""
        return f"sqlite:///{self.path / _DATABASE_FILE}"

    @property
    def sources(self) -> Path:
        """Where it is remembered what files of this machine held when they were put."""
        return self.path / "sources"

    @property
    def objects_url(self) -> str:
        """Where packs, tables and logs are."""
        return f"file://{self.path / 'objects'}"

    def _acquire(self) -> IO[str]:
        # Who may open it may hold it, and keep the server from starting.
        lock = os.fdopen(os.open(self.path / _LOCK_FILE, os.O_RDWR | os.O_APPEND | os.O_CREAT, 0o600), "a+")
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            lock.seek(0)
            owner = lock.read().strip() or "unknown"
            lock.close()
            raise ConflictError(
                f"{self.path} is in use by another server (process {owner}): stop that one, or choose another --home"
            ) from None
        lock.seek(0)
        lock.truncate()
        lock.write(f"{os.getpid()}\n")
        lock.flush()
        return lock

    def _check_format(self) -> None:
        file = self.path / _FORMAT_FILE
        if not file.exists():
            self._replace_json(_FORMAT_FILE, {"format_version": FORMAT_VERSION})
            return
        found = json.loads(file.read_text())["format_version"]
        if found != FORMAT_VERSION:
            raise ConflictError(
                f"{self.path} has format {found}, and this version of Trunkline knows format {FORMAT_VERSION}: "
                "use the version that made it"
            )

    def _close_to_others(self) -> None:
        """Let nobody else read what is kept, or write what is told, whoever made the directory and its files."""
        # SQLite gives the files beside the database the rights of this one.
        os.close(os.open(self.path / _DATABASE_FILE, os.O_WRONLY | os.O_CREAT, 0o600))
        for name in _CLOSED_DIRECTORIES:
            (self.path / name).mkdir(mode=0o700, exist_ok=True)
        for name in (*_CLOSED_FILES, *_CLOSED_DIRECTORIES):
            with suppress(FileNotFoundError):
                (self.path / name).chmod((self.path / name).stat().st_mode & 0o700)
        for name in _TOLD_FILES:
            with suppress(FileNotFoundError):
                (self.path / name).chmod((self.path / name).stat().st_mode & _TOLD_MODE)

    def secret_key(self) -> bytes:
        """Return the key that secrets are kept under, made the first time. Nobody else may read its file."""
        return self._kept(_KEY_FILE, lambda: os.urandom(_KEY_BYTES)).read_bytes()

    @property
    def token_file(self) -> Path:
        """Where the token is that lets its bearer call the server."""
        return self.path / TOKEN_FILE

    def token(self) -> str:
        """Return that token, made the first time. Once its file is deleted, the next start makes another."""
        file = self._kept(TOKEN_FILE, f"{secrets.token_hex(_KEY_BYTES)}\n".encode)
        file.chmod(0o600)  # a copy of the directory may have been made with other rights
        token = file.read_text(errors="replace").strip()
        if len(token) < _TOKEN_LENGTH_MIN or not (token.isascii() and token.isprintable()):
            raise InvalidInputError(f"{file} holds no token: delete it, and the next start makes one")
        return token

    def _kept(self, name: str, make: Callable[[], bytes]) -> Path:
        """Return a file that only we may read, with the bytes that were made the first time."""
        file = self.path / name
        if not file.exists():
            self._replace(name, make(), is_durable=True)
        return file

    def _replace_json(self, name: str, values: dict[str, Any]) -> None:
        """Put a file that others may read in the place of one."""
        self._replace(name, f"{json.dumps(values)}\n".encode(), mode=_TOLD_MODE)

    def _replace(self, name: str, content: bytes, *, mode: int = 0o600, is_durable: bool = False) -> None:
        """Put a file that only we may write in the place of one, whole or not at all."""
        temporary = self.path / f"{name}.new"
        temporary.unlink(missing_ok=True)  # its rights would stay
        with os.fdopen(os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode), "wb") as new:
            new.write(content)
            if is_durable:
                new.flush()
                os.fsync(new.fileno())
        temporary.replace(self.path / name)

    def files_proof(self) -> str:
        """Return what a client of our own user reads here to prove that it is one; another one at each start."""
        proof = secrets.token_hex(_KEY_BYTES)
        self._replace(PROOF_FILE, f"{proof}\n".encode())
        return proof

    def publish(self, *, grpc_address: str, http_address: str, version: str, deployment_id: str) -> None:
        """Tell local clients where the server is, and the next start where it was."""
        content = {
            "pid": os.getpid(),
            "grpc_address": grpc_address,
            "http_address": http_address,
            "version": version,
            "deployment_id": deployment_id,
        }
        ports = {"grpc": urlsplit(grpc_address).port, "http": urlsplit(http_address).port}
        self._replace_json(PORTS_FILE, ports)
        self._replace_json(_SERVER_FILE, content)

    def close(self) -> None:
        """Give the directory back."""
        (self.path / _SERVER_FILE).unlink(missing_ok=True)
        self._lock.close()
