"""The secret methods of ``pps_v2.API``. None of them returns what a secret holds."""

import grpc
from google.protobuf.empty_pb2 import Empty

from trunkline.api.wire import pfs as wire
from trunkline.pps.queries.secrets import SecretRow
from trunkline.pps.secrets import Secrets, read_manifest
from trunkline.proto import pps_pb2


class SecretMethods:
    """Creates, lists and deletes secrets."""

    _secrets: Secrets

    def CreateSecret(self, request: pps_pb2.CreateSecretRequest, context: grpc.ServicerContext) -> Empty:
        self._secrets.create(read_manifest(request.file))
        return Empty()

    def InspectSecret(self, request: pps_pb2.InspectSecretRequest, context: grpc.ServicerContext) -> pps_pb2.SecretInfo:
        return _info(self._secrets.find(request.secret.name))

    def ListSecret(self, request: Empty, context: grpc.ServicerContext) -> pps_pb2.SecretInfos:
        return pps_pb2.SecretInfos(secret_info=[_info(row) for row in self._secrets.list()])

    def DeleteSecret(self, request: pps_pb2.DeleteSecretRequest, context: grpc.ServicerContext) -> Empty:
        self._secrets.delete(request.secret.name)
        return Empty()


def _info(row: SecretRow) -> pps_pb2.SecretInfo:
    return pps_pb2.SecretInfo(
        secret=pps_pb2.Secret(name=row.name), type=row.type, creation_timestamp=wire.timestamp(row.created_at)
    )
