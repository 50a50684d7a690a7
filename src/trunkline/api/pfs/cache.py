"""The methods of ``pfs_v2.API`` that keep values for clients."""

import grpc
from google.protobuf.any_pb2 import Any
from google.protobuf.empty_pb2 import Empty

from trunkline.pfs import cache
from trunkline.pfs.versioning import Versioning
from trunkline.proto import pfs_pb2


class CacheMethods:
    """Each method parses, calls one function, converts what it returns. Values are kept as they came."""

    _versioning: Versioning

    def PutCache(self, request: pfs_pb2.PutCacheRequest, context: grpc.ServicerContext) -> Empty:
        value = request.value.SerializeToString()
        # A file set that is found shall not become garbage before the entry is there.
        with self._versioning.writes.short(), self._versioning.transaction() as tx:
            cache.put(tx, request.key, value, file_set_ids=request.file_set_ids, tag=request.tag)
        return Empty()

    def GetCache(self, request: pfs_pb2.GetCacheRequest, context: grpc.ServicerContext) -> pfs_pb2.GetCacheResponse:
        with self._versioning.transaction() as tx:
            return pfs_pb2.GetCacheResponse(value=Any.FromString(cache.get(tx, request.key)))

    def ClearCache(self, request: pfs_pb2.ClearCacheRequest, context: grpc.ServicerContext) -> Empty:
        with self._versioning.transaction() as tx:
            cache.clear(tx, request.tag_prefix)
        return Empty()
