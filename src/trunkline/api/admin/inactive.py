"""Services that are off or absent: every method says so, in the phrase by which clients know it where there is one."""

from collections.abc import Callable
from types import ModuleType
from typing import Any, NoReturn

import grpc

from trunkline.errors import NotSupportedError
from trunkline.proto import auth_pb2, identity_pb2, license_pb2, pjs_pb2, proxy_pb2, snapshot_pb2

NOT_ACTIVATED = "the auth service is not activated"
_REASONS: tuple[tuple[ModuleType, str], ...] = (
    (auth_pb2, NOT_ACTIVATED),
    (identity_pb2, NOT_ACTIVATED),
    (license_pb2, "there are no licences: everything is on without one"),
    (pjs_pb2, "there is no job system below pipelines: ask pps_v2"),
    (proxy_pb2, "there is no database whose channels could be listened to"),
    (snapshot_pb2, "there are no snapshots: copy the state directory while the server is stopped"),
)
# What clients of the 1.x line call. Some services of today have no version in their name either.
_FIRST_GENERATION = tuple(
    f"/{name}.API/"
    for name in ("admin", "auth", "debug", "enterprise", "identity", "pfs", "pps", "transaction", "versionpb")
)


def add_inactive_services(server: grpc.Server) -> None:
    """Answer all methods of services that are off or absent with the reason."""
    for module, reason in _REASONS:
        service: Any = module.DESCRIPTOR.services_by_name["API"]
        handlers: dict[str, Any] = {
            method.name: grpc.unary_unary_rpc_method_handler(_refuse(reason)) for method in service.methods
        }
        server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler(service.full_name, handlers),))
    server.add_generic_rpc_handlers((_FirstGeneration(),))


class _FirstGeneration(grpc.GenericRpcHandler):
    def service(self, handler_call_details: grpc.HandlerCallDetails) -> "grpc.RpcMethodHandler[Any, Any] | None":
        if not handler_call_details.method.startswith(_FIRST_GENERATION):
            return None
        reason = (
            "this client is of the 1.x line, and this server of the 2.x line: upgrade pachctl or the client library"
        )
        handler: grpc.RpcMethodHandler[Any, Any] = grpc.unary_unary_rpc_method_handler(_refuse(reason))
        return handler


def _refuse(reason: str) -> Callable[[bytes, grpc.ServicerContext], NoReturn]:
    def method(_: bytes, context: grpc.ServicerContext) -> NoReturn:
        raise NotSupportedError(reason)

    return method
