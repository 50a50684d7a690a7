"""The service ``trunkline.store.Maintenance``: what keeps the store in order."""

import grpc
from google.protobuf.empty_pb2 import Empty

from trunkline.api.wire import pfs as wire
from trunkline.pfs.garbage import GRACE_SECONDS, Garbage
from trunkline.pfs.versioning import Versioning
from trunkline.proto import maintenance_pb2, maintenance_pb2_grpc, pfs_pb2


class MaintenanceService(maintenance_pb2_grpc.MaintenanceServicer):
    """Each method parses, calls one function, converts what it returns."""

    def __init__(self, versioning: Versioning, garbage: Garbage) -> None:
        self._versioning = versioning
        self._garbage = garbage

    def CheckWritable(self, request: pfs_pb2.Commit, context: grpc.ServicerContext) -> Empty:
        self._versioning.check_writable(wire.read_commit(request))
        return Empty()

    def CollectGarbage(
        self, request: maintenance_pb2.CollectGarbageRequest, context: grpc.ServicerContext
    ) -> maintenance_pb2.CollectGarbageResponse:
        grace_seconds = request.grace.ToNanoseconds() / 1e9 if request.HasField("grace") else GRACE_SECONDS
        done = self._garbage.collect(grace_seconds=grace_seconds)
        return maintenance_pb2.CollectGarbageResponse(
            deleted_objects=done.deleted_objects,
            deleted_bytes=done.deleted_bytes,
            condemned_objects=done.condemned_objects,
            moved_chunks=done.moved_chunks,
        )
