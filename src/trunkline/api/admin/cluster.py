"""The small services that clients ask before anything else: version, cluster, auth and enterprise that are off."""

import platform
from pathlib import Path

import grpc
from google.protobuf.empty_pb2 import Empty

from trunkline import __version__
from trunkline.errors import NotSupportedError
from trunkline.pfs.metadata import cluster_metadata
from trunkline.pfs.queries.repos import find_project
from trunkline.pfs.versioning import Versioning
from trunkline.proto import admin_pb2, admin_pb2_grpc, version_pb2, version_pb2_grpc
from trunkline.supervision import Supervisor

# Of the 2.12 line: clients of that line accept it without a warning.
FIELD_VERSION = (2, 12, 2)


def version_warnings(client: version_pb2.Version) -> list[str]:
    """Return what a person at a client of that version should know. Versions 0.x are of developers, who know."""
    if client.major == 0 or (client.major, client.minor) == FIELD_VERSION[:2]:
        return []
    age = "older" if (client.major, client.minor) < FIELD_VERSION[:2] else "newer"
    own = ".".join(map(str, FIELD_VERSION))
    return [
        f"the client, {client.major}.{client.minor}.{client.micro}, is {age} than what this server speaks, {own}: use "
        f"one of {FIELD_VERSION[0]}.{FIELD_VERSION[1]}"
    ]


class VersionService(version_pb2_grpc.APIServicer):
    """``versionpb_v2.API``."""

    def GetVersion(self, request: Empty, context: grpc.ServicerContext) -> version_pb2.Version:
        major, minor, micro = FIELD_VERSION
        return version_pb2.Version(
            major=major,
            minor=minor,
            micro=micro,
            additional=f"-trunkline-{__version__}",
            platform=f"{platform.system().lower()}/{platform.machine()}",
        )


class AdminService(admin_pb2_grpc.APIServicer):
    """``admin_v2.API``."""

    def __init__(
        self, versioning: Versioning, supervisor: Supervisor, *, deployment_id: str, state_directory: Path
    ) -> None:
        self._versioning = versioning
        self._supervisor = supervisor
        self._state_directory = state_directory
        self._deployment_id = deployment_id

    def RestartPachyderm(
        self, request: admin_pb2.RestartPachydermRequest, context: grpc.ServicerContext
    ) -> admin_pb2.RestartPachydermResponse:
        raise NotSupportedError("this server cannot start itself again: use `pachctl shutdown`, and the next command")

    def InspectCluster(
        self, request: admin_pb2.InspectClusterRequest, context: grpc.ServicerContext
    ) -> admin_pb2.ClusterInfo:
        with self._versioning.reading() as tx:
            pairs = cluster_metadata(tx)
            project = request.current_project.name
            has_project = not project or find_project(tx.connection, project) is not None
        warnings = version_warnings(request.client_version)
        if not has_project:
            warnings.append(f'the current project "{project}" does not exist: choose another, or create it')
        warnings += map(str, self._supervisor.troubles())
        return admin_pb2.ClusterInfo(
            id=self._deployment_id,
            deployment_id=self._deployment_id,
            warnings_ok=True,
            warnings=warnings,
            web_resources=admin_pb2.WebResource(archive_download_base_url="/archive/"),
            metadata=pairs,
            state_directory=str(self._state_directory),
        )
