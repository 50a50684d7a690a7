"""From our errors to gRPC status codes, once and for all methods."""

import traceback
from collections.abc import Callable, Iterator
from typing import Any, NoReturn, TypeAlias

import grpc

from trunkline import errors
from trunkline.api.validation import check_request
from trunkline.pfs.commits import AlreadyFinishedError
from trunkline.pfs.provenance import ProvenanceCycleError
from trunkline.telemetry import log

MaybeHandler: TypeAlias = "grpc.RpcMethodHandler[Any, Any] | None"

# The first class that fits decides. Clients match phrases for the ones that the field sends as UNKNOWN.
_CODES: tuple[tuple[type[errors.Error], grpc.StatusCode], ...] = (
    (AlreadyFinishedError, grpc.StatusCode.UNKNOWN),
    (ProvenanceCycleError, grpc.StatusCode.INTERNAL),
    (errors.NotFoundError, grpc.StatusCode.NOT_FOUND),
    (errors.AlreadyExistsError, grpc.StatusCode.ALREADY_EXISTS),
    (errors.UnfinishedError, grpc.StatusCode.UNAVAILABLE),
    (errors.ConflictError, grpc.StatusCode.FAILED_PRECONDITION),
    (errors.InvalidInputError, grpc.StatusCode.INVALID_ARGUMENT),
    (errors.UnavailableError, grpc.StatusCode.UNAVAILABLE),
    (errors.NotSupportedError, grpc.StatusCode.UNIMPLEMENTED),
    (errors.CorruptDataError, grpc.StatusCode.DATA_LOSS),
)


def status_of(error: errors.Error) -> grpc.StatusCode:
    """Return the code that an error is sent as."""
    return next((code for kind, code in _CODES if isinstance(error, kind)), grpc.StatusCode.UNKNOWN)


class ErrorInterceptor(grpc.ServerInterceptor):
    """Turns exceptions of any method into a status with one clear line."""

    def intercept_service(
        self,
        continuation: Callable[[grpc.HandlerCallDetails], MaybeHandler],
        handler_call_details: grpc.HandlerCallDetails,
    ) -> MaybeHandler:
        """Wrap the handler of one call."""
        log("api").debug("call of %s", handler_call_details.method)
        handler: Any = continuation(handler_call_details)
        if handler is None:
            return None
        kind = ("stream" if handler.request_streaming else "unary", "stream" if handler.response_streaming else "unary")
        make = getattr(grpc, f"{kind[0]}_{kind[1]}_rpc_method_handler")
        behaviour = getattr(handler, f"{kind[0]}_{kind[1]}")
        wrapped: MaybeHandler = make(
            (_guard_stream if handler.response_streaming else _guard)(behaviour, handler_call_details.method),
            handler.request_deserializer,
            handler.response_serializer,
        )
        return wrapped


def _guard(behaviour: Callable[..., Any], method: str) -> Callable[..., Any]:
    def call(request: object, context: grpc.ServicerContext) -> object:
        try:
            check_request(request)
            return behaviour(request, context)
        except Exception as error:  # noqa: BLE001 - whatever it is, the client gets a status
            _abort(context, error, method)

    return call


def _guard_stream(behaviour: Callable[..., Any], method: str) -> Callable[..., Any]:
    def call(request: object, context: grpc.ServicerContext) -> Iterator[object]:
        try:
            check_request(request)
            yield from behaviour(request, context)
        except Exception as error:  # noqa: BLE001
            _abort(context, error, method)

    return call


def _abort(context: grpc.ServicerContext, error: Exception, method: str) -> NoReturn:
    if isinstance(error, errors.Error):
        context.abort(status_of(error), _text(error))
    if isinstance(error, NotImplementedError):  # what generated code raises for methods that we have not written
        context.abort(grpc.StatusCode.UNIMPLEMENTED, f"this server does not offer {method}")
    if context.is_active():
        log("api").error("%s failed: %s", method, "".join(traceback.format_exception(error)))
    context.abort(grpc.StatusCode.INTERNAL, f"internal error: {type(error).__name__}: {_text(error)}")


def _text(error: Exception) -> str:
    # It may quote the name of a file that is no text, and what is sent must be.
    return str(error).encode(errors="backslashreplace").decode()
