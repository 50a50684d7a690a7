"""The service ``trunkline.store.Maintenance``: what keeps the store in order."""

import grpc

from trunkline.pfs.garbage import GRACE_SECONDS, Garbage
from trunkline.proto import maintenance_pb2, maintenance_pb2_grpc


class MaintenanceService(maintenance_pb2_grpc.MaintenanceServicer):
    """Each method parses, calls one function, converts what it returns."""

    def __init__(self, garbage: Garbage) -> None:
        self._garbage = garbage

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
