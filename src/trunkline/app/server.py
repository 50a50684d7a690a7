"""Everything of one server, built from its state directory."""

import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import Connection, insert, select

from trunkline import __version__
from trunkline.api.server import GrpcServer, start_grpc_server
from trunkline.app.collector import Collector
from trunkline.app.state import StateDirectory
from trunkline.auth.access import AccessRule
from trunkline.auth.peers import tells_users_apart
from trunkline.config import LOOPBACK
from trunkline.db.engine import Database
from trunkline.db.tables import settings
from trunkline.executors.local import LocalExecutor
from trunkline.executors.residents import LocalResidence
from trunkline.model.datums import Runner
from trunkline.model.ids import new_id
from trunkline.model.names import META
from trunkline.objects import open_object_store
from trunkline.objects.local_files import LocalFiles
from trunkline.pfs.chunk_index import DatabaseChunkIndex
from trunkline.pfs.garbage import Garbage
from trunkline.pfs.settling import THREAD as SETTLING
from trunkline.pfs.versioning import Versioning
from trunkline.pps.controller import Controller
from trunkline.pps.inputs.timer import Timer
from trunkline.pps.jobs.executor import Executor
from trunkline.pps.jobs.meta import MetaFiles
from trunkline.pps.jobs.moves import JobMaker
from trunkline.pps.logs.reading import Logs
from trunkline.pps.logs.resident_logs import ResidentLogs
from trunkline.pps.residents.upkeep import Residents
from trunkline.pps.secrets import Secrets
from trunkline.storage.fileset import FileSets
from trunkline.supervision import BackgroundThread, Supervisor
from trunkline.web.chunks import chunk_path
from trunkline.web.server import start_http_server


@dataclass(frozen=True, slots=True)
class ServerOptions:
    """How a server is started. Port 0 picks a free one; no worker count means one a core."""

    home: Path
    host: str
    grpc_port: int
    http_port: int
    workers: int | None = None
    runner: Runner = Runner.AUTO
    allows_local_users: bool = False
    """Whether every user of this machine may call it, as whom it then acts."""
    passed_variables: tuple[str, ...] = ()
    """What commands see of the server's environment besides the usual."""
    allowed_files: tuple[Path, ...] = ()
    """Directories of this machine below which URLs may name files."""


class Server:
    """A running server. Close it to stop it; what it was doing goes on when the next one starts."""

    def __init__(self, options: ServerOptions, *, open_executor: Callable[[FileSets], Executor] | None = None) -> None:
        """Start it. Another executor than the local one is opened on the server's own file sets."""
        self._state = StateDirectory(options.home)
        supervisor = Supervisor()
        objects = open_object_store(self._state.objects_url)
        objects.recover()
        self._db = Database(self._state.database_url)
        index = DatabaseChunkIndex(self._db)
        self.versioning = Versioning(self._db, FileSets(objects, index, sources=self._state.sources), supervisor)
        self.versioning.local_files = LocalFiles(options.allowed_files, self._state.path, self._state.files_proof())
        self.versioning.listeners.append(JobMaker())
        self.versioning.derived[META] = MetaFiles(self.versioning).root_of
        worker_environ = dict(os.environ)
        local = self._local_executor(options, worker_environ)
        executor: Executor = local if open_executor is None else open_executor(self.versioning.file_sets)
        secrets = Secrets(self.versioning, self._state.secret_key())
        resident_logs = ResidentLogs(self.versioning, objects)
        residence = LocalResidence(local.settings)
        self._residents = Residents(self.versioning, residence, resident_logs, secrets=secrets, supervisor=supervisor)
        self._controller = Controller(
            self.versioning,
            executor,
            self._residents,
            secrets=secrets,
            supervisor=supervisor,
            runner=options.runner,
        )
        self._timer = Timer(self.versioning, supervisor)
        settling = self.versioning.settling
        self._settler = BackgroundThread(supervisor, SETTLING, settling.try_again, wakes=settling.failed)
        self._collector = Collector(Garbage(self.versioning), supervisor)
        deployment_id = self._deployment_id()
        access = self._access_rule(allows_local_users=options.allows_local_users)
        self._http = start_http_server(
            self.versioning, supervisor, access=access, host=options.host, port=options.http_port
        )
        self._grpc: GrpcServer = start_grpc_server(
            self.versioning,
            executor=executor,
            residents=self._residents,
            logs=Logs(self.versioning, objects, resident_logs),
            secrets=secrets,
            garbage=self._collector.garbage,
            supervisor=supervisor,
            access=access,
            host=options.host,
            port=options.grpc_port,
            deployment_id=deployment_id,
            state_directory=self._state.path,
            chunk_url=lambda ref: self.http_address + chunk_path(ref),
        )
        # By these, clients inside user code find the server; no worker has been started yet.
        worker_environ |= _server_variables(options.host, self._grpc.port)
        self._start_threads()
        self._state.publish(
            grpc_address=self.address,
            http_address=self.http_address,
            version=__version__,
            deployment_id=deployment_id,
        )

    @property
    def address(self) -> str:
        """Where clients reach it: ``grpc://host:port``."""
        return self._grpc.address

    @property
    def port(self) -> int:
        """The port for gRPC."""
        return self._grpc.port

    @property
    def http_address(self) -> str:
        """Where files are to be had: ``http://host:port``."""
        return self._http.address

    def close(self) -> None:
        """Stop answering, stop the workers, give the state directory back."""
        # Before the doors close: a spout would take that for a failure.
        self._residents.close()
        self._grpc.stop()
        self._http.stop()
        self._timer.close()
        self._collector.close()
        self._settler.close()
        self._controller.close()
        self._db.close()
        self._state.close()

    def _start_threads(self) -> None:
        self._controller.start()
        self._settler.start()
        self._timer.start()
        self._collector.start()

    def _local_executor(self, options: ServerOptions, environ: dict[str, str]) -> LocalExecutor:
        return LocalExecutor(
            self._state.objects_url,
            self._state.scratch,
            slots=options.workers or os.cpu_count() or 1,
            find_chunks=self.versioning.file_sets.chunks.find,
            environ=environ,
            hidden=self._state.path,
            passed_variables=options.passed_variables,
        )

    def _access_rule(self, *, allows_local_users: bool) -> AccessRule:
        uid = os.geteuid()
        return AccessRule(
            own_uid=uid if tells_users_apart(uid) else None,
            token=self._state.token(),
            token_file=self._state.token_file,
            allows_local_users=allows_local_users,
        )

    def _deployment_id(self) -> str:
        with self._db.write() as connection:
            return _setting(connection, "deployment_id", new_id())


def _server_variables(host: str, port: int) -> dict[str, str]:
    reachable = _reachable(host)
    return {
        "PACHD_ADDRESS": f"grpc://{reachable}:{port}",
        "PACHD_PEER_SERVICE_HOST": reachable,
        "PACHD_PEER_SERVICE_PORT": str(port),
    }


def _reachable(host: str) -> str:
    """Return where a server that listens on host is to be found from the same machine."""
    return LOOPBACK if host in ("", "0.0.0.0", "::") else f"[{host}]" if ":" in host else host  # noqa: S104 - compared, not listened on


def _setting(connection: Connection, name: str, default: str) -> str:
    """Return a setting, which gets the default the first time."""
    found = connection.execute(select(settings.c.value).where(settings.c.name == name)).scalar()
    if found is not None:
        return str(found)
    connection.execute(insert(settings).values(name=name, value=default))
    return default
