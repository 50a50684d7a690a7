"""The method ``Egress`` of ``pfs_v2.API``: a commit's files elsewhere, without a pipeline."""

import grpc

from trunkline.api.wire import pfs as wire
from trunkline.errors import InvalidInputError, UnavailableError
from trunkline.model.pipelines import Egress, ObjectStorageEgress, SQLDatabaseEgress, SQLFileFormat, SQLSecret
from trunkline.pfs.versioning import Versioning
from trunkline.pps.jobs.egress import copy_out
from trunkline.pps.secrets import Secrets
from trunkline.proto import pfs_pb2

_FORMATS = pfs_pb2.SQLDatabaseEgress.FileFormat.Type


class EgressMethods:
    """What copies files elsewhere."""

    _versioning: Versioning
    _secrets: Secrets

    def Egress(self, request: pfs_pb2.EgressRequest, context: grpc.ServicerContext) -> pfs_pb2.EgressResponse:
        target = _read_target(request)
        _, files = self._versioning.open_files(wire.read_commit_of(request, "commit"))

        def check() -> None:
            if not context.is_active():
                raise UnavailableError("the caller has gone")

        result = copy_out(files, target, secrets=self._secrets, local_files=self._versioning.local_files, check=check)
        if target.sql_database is None:
            written = pfs_pb2.EgressResponse.ObjectStorageResult(bytes_written=result.bytes_written)
            return pfs_pb2.EgressResponse(object_storage=written)
        rows = pfs_pb2.EgressResponse.SQLDatabaseResult(rows_written=result.rows_written)
        return pfs_pb2.EgressResponse(sql_database=rows)


def _read_target(request: pfs_pb2.EgressRequest) -> Egress:
    match request.WhichOneof("target"):
        case "object_storage":
            return Egress(object_storage=ObjectStorageEgress(request.object_storage.url))
        case "sql_database":
            database = request.sql_database
            file_format = SQLFileFormat(
                type=_FORMATS.Name(database.file_format.type), columns=tuple(database.file_format.columns)
            )
            secret = SQLSecret(database.secret.name, database.secret.key) if database.secret.name else None
            return Egress(sql_database=SQLDatabaseEgress(database.url, file_format, secret))
        case _:
            raise InvalidInputError("target must be given: object_storage or sql_database")
