"""The gRPC server: services, limits, health, reflection."""

import socket
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import grpc
from grpc_health.v1 import health, health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha import reflection

from trunkline.api.access import AccessInterceptor
from trunkline.api.actions import Actions
from trunkline.api.admin.cluster import AdminService, VersionService
from trunkline.api.admin.debug import DebugService
from trunkline.api.admin.enterprise import EnterpriseService
from trunkline.api.admin.inactive import add_inactive_services
from trunkline.api.admin.maintenance import MaintenanceService
from trunkline.api.errors import ErrorInterceptor
from trunkline.api.pfs.file_sets import FilesetService
from trunkline.api.pfs.metadata import MetadataService
from trunkline.api.pfs.service import PfsService
from trunkline.api.pps.lineage import LineageService
from trunkline.api.pps.logs import LogsService
from trunkline.api.pps.service import PpsService
from trunkline.api.transaction import TransactionService
from trunkline.api.wire.batches import BatchInterceptor
from trunkline.auth.access import AccessRule
from trunkline.errors import UnavailableError
from trunkline.pfs.garbage import Garbage
from trunkline.pfs.versioning import Versioning
from trunkline.pps.jobs.executor import Executor
from trunkline.pps.logs.reading import Logs
from trunkline.pps.residents.upkeep import Residents
from trunkline.pps.secrets import Secrets
from trunkline.proto import (
    admin_pb2_grpc,
    debug_pb2_grpc,
    enterprise_pb2_grpc,
    lineage_pb2_grpc,
    logs_pb2_grpc,
    maintenance_pb2_grpc,
    metadata_pb2_grpc,
    pfs_pb2_grpc,
    pps_pb2_grpc,
    storage_pb2_grpc,
    transaction_pb2_grpc,
    version_pb2_grpc,
)
from trunkline.storage.chunk import ChunkRef
from trunkline.supervision import Supervisor

MESSAGE_BYTES_MAX = 20 * 1024 * 1024
# Clients hold about 100 streams open at once, and waiting for a commit or a job holds one thread.
_THREADS = 256
_SERVICES = (
    "pfs_v2.API",
    "pps_v2.API",
    "transaction_v2.API",
    "storage.Fileset",
    "metadata.API",
    "logs.API",
    "debug_v2.Debug",
    "enterprise_v2.API",
    "admin_v2.API",
    "versionpb_v2.API",
    "trunkline.Lineage",
    "trunkline.store.Maintenance",
)
_OPTIONS = (
    ("grpc.max_receive_message_length", MESSAGE_BYTES_MAX),
    ("grpc.max_send_message_length", MESSAGE_BYTES_MAX),
    # The Go client pings every 20 seconds even when idle.
    ("grpc.http2.min_ping_interval_without_data_ms", 5000),
    ("grpc.keepalive_permit_without_calls", 1),
    ("grpc.http2.max_ping_strikes", 0),
    ("grpc.so_reuseport", 0),
)


@dataclass(frozen=True, slots=True)
class GrpcServer:
    """A server that answers at ``address``."""

    server: grpc.Server
    address: str
    port: int

    def stop(self, *, grace_seconds: float = 2.0) -> None:
        """End calls under way within the grace period."""
        self.server.stop(grace_seconds).wait()


def _check_port(host: str, port: int) -> None:
    """Raise UnavailableError with the system's reason; gRPC says no more than that it failed, in a log line, too."""
    with socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError as error:
            hint = "--grpc-port names another, 0 any that is free"
            raise UnavailableError(f"cannot listen on {host}:{port}: {error.strerror}; {hint}") from error


def _bind(server: grpc.Server, host: str, port: int) -> int:
    """Return the port that it will listen on. host: as addresses have it, in brackets for IPv6."""
    try:
        return int(server.add_insecure_port(f"{host}:{port}"))
    except RuntimeError as error:
        raise UnavailableError(f"cannot listen on {host}:{port}: {error}") from error


def start_grpc_server(
    versioning: Versioning,
    *,
    executor: Executor,
    residents: Residents,
    logs: Logs,
    secrets: Secrets,
    garbage: Garbage,
    supervisor: Supervisor,
    access: AccessRule,
    host: str,
    port: int,
    deployment_id: str,
    state_directory: Path,
    chunk_url: Callable[[ChunkRef], str],
) -> GrpcServer:
    """Serve on host and port; port 0 picks a free one. Raise UnavailableError where the port is taken."""
    _check_port(host, port)
    entrance = AccessInterceptor(access, host)
    server = grpc.server(
        ThreadPoolExecutor(_THREADS, thread_name_prefix="grpc"),
        options=_OPTIONS,
        interceptors=[entrance, ErrorInterceptor(), BatchInterceptor()],
    )
    actions = Actions(versioning)
    pfs_pb2_grpc.add_APIServicer_to_server(PfsService(versioning, actions, secrets), server)
    pps_pb2_grpc.add_APIServicer_to_server(
        PpsService(
            versioning,
            actions,
            executor=executor,
            residents=residents,
            logs=logs,
            secrets=secrets,
        ),
        server,
    )
    transaction_pb2_grpc.add_APIServicer_to_server(TransactionService(versioning, actions), server)
    admin_pb2_grpc.add_APIServicer_to_server(
        AdminService(versioning, supervisor, deployment_id=deployment_id, state_directory=state_directory), server
    )
    storage_pb2_grpc.add_FilesetServicer_to_server(FilesetService(versioning, chunk_url), server)
    debug_pb2_grpc.add_DebugServicer_to_server(DebugService(versioning), server)
    enterprise_pb2_grpc.add_APIServicer_to_server(EnterpriseService(), server)
    metadata_pb2_grpc.add_APIServicer_to_server(MetadataService(versioning), server)
    logs_pb2_grpc.add_APIServicer_to_server(LogsService(logs), server)
    lineage_pb2_grpc.add_LineageServicer_to_server(LineageService(versioning), server)
    maintenance_pb2_grpc.add_MaintenanceServicer_to_server(MaintenanceService(versioning, garbage), server)
    version_pb2_grpc.add_APIServicer_to_server(VersionService(), server)
    add_inactive_services(server)
    servicer = health.HealthServicer()
    health_pb2_grpc.add_HealthServicer_to_server(servicer, server)
    reflection.enable_server_reflection((*_SERVICES, health.SERVICE_NAME, reflection.SERVICE_NAME), server)
    written = f"[{host}]" if ":" in host else host
    entrance.port = bound = _bind(server, written, port)
    server.start()
    for service in ("", *_SERVICES):
        servicer.set(service, health_pb2.HealthCheckResponse.SERVING)
    return GrpcServer(server, f"grpc://{written}:{bound}", bound)
