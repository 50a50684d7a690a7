"""Services that are off: every method answers with the phrase by which clients know that."""

from collections.abc import Callable
from typing import Any, NoReturn

import grpc

from trunkline.errors import NotSupportedError
from trunkline.proto import auth_pb2, identity_pb2

NOT_ACTIVATED = "the auth service is not activated"


def add_inactive_services(server: grpc.Server) -> None:
    """Answer all methods of auth and identity with 'not activated'."""
    for module in (auth_pb2, identity_pb2):
        service: Any = module.DESCRIPTOR.services_by_name["API"]
        handlers: dict[str, Any] = {
            method.name: grpc.unary_unary_rpc_method_handler(_refuse()) for method in service.methods
        }
        server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler(service.full_name, handlers),))


def _refuse() -> Callable[[bytes, grpc.ServicerContext], NoReturn]:
    def method(_: bytes, context: grpc.ServicerContext) -> NoReturn:
        raise NotSupportedError(NOT_ACTIVATED)

    return method
