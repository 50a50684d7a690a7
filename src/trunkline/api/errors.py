"""From our errors to gRPC status codes, once and for all methods."""

import traceback
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NoReturn, TypeAlias
from urllib.parse import quote

import google.protobuf
import grpc

from trunkline import errors
from trunkline.api.wire.validation import check_request, tolerant
from trunkline.pfs.history.commits import AlreadyFinishedError
from trunkline.pfs.history.provenance import ProvenanceCycleError
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

# What is sent as the status must fit in a header, percent-encoded; beyond 8 KiB clients begin to refuse it.
_HEADER_BYTES_MAX = 6000
_PROTOBUF = str(Path(google.protobuf.__file__).parent)


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
            tolerant(handler.request_deserializer) if handler.request_deserializer else None,
            handler.response_serializer,
        )
        return wrapped


def _guard(behaviour: Callable[..., Any], method: str) -> Callable[..., Any]:
    def call(request: object, context: grpc.ServicerContext) -> object:
        try:
            return behaviour(_checked(request), context)
        except Exception as error:  # noqa: BLE001 - whatever it is, the client gets a status
            _abort(context, error, method)

    return call


def _guard_stream(behaviour: Callable[..., Any], method: str) -> Callable[..., Any]:
    def call(request: object, context: grpc.ServicerContext) -> Iterator[object]:
        try:
            yield from behaviour(_checked(request), context)
        except Exception as error:  # noqa: BLE001
            _abort(context, error, method)

    return call


def _checked(request: object) -> object:
    """Return a request that is sound so far as its type tells; a stream's messages are checked as they come."""
    if isinstance(request, Iterator):
        return map(_checked, request)
    check_request(request)
    return request


def _abort(context: grpc.ServicerContext, error: Exception, method: str) -> NoReturn:
    if isinstance(error, errors.CorruptDataError):
        # Not the caller's doing: whoever keeps the server has to hear of it, too.
        log("api").error("%s met damage: %s", method, error)
    if isinstance(error, errors.Error):
        context.abort(status_of(error), fitting(_text(error)))
    if isinstance(error, NotImplementedError):  # what generated code raises for methods that we have not written
        context.abort(grpc.StatusCode.UNIMPLEMENTED, f"this server does not offer {method}")
    if context.is_active():
        log("api").error("%s failed: %s", method, "".join(traceback.format_exception(error)))
    if is_of_the_request(error):
        context.abort(
            grpc.StatusCode.INVALID_ARGUMENT,
            fitting(f"the request holds a value that cannot be worked with: {type(error).__name__}: {_text(error)}"),
        )
    context.abort(grpc.StatusCode.INTERNAL, fitting(f"internal error: {type(error).__name__}: {_text(error)}"))


def is_of_the_request(error: Exception) -> bool:
    """Tell whether an error that nobody foresaw is of a kind that only values from outside lead to.

    The last line of defence: what it tells is logged, and belongs into the checks of the field that it came from.
    """
    if isinstance(error, RecursionError | OverflowError | UnicodeError):
        return True
    if not isinstance(error, ValueError | TypeError):
        return False
    # Much of protobuf is no Python and has no frame: only its words tell.
    frames = traceback.extract_tb(error.__traceback__)
    return str(error).startswith("Value out of range") or (bool(frames) and frames[-1].filename.startswith(_PROTOBUF))


def fitting(text: str) -> str:
    """Return text as it is, or so much of its beginning as a status can hold, whole lines if there are."""
    if len(quote(text)) <= _HEADER_BYTES_MAX:
        return text
    kept = text[:_HEADER_BYTES_MAX]
    while len(quote(kept)) > _HEADER_BYTES_MAX:
        kept = kept[: len(kept) * _HEADER_BYTES_MAX // len(quote(kept))]
    lines = kept.rfind("\n")
    if lines > len(kept) // 2:
        kept = kept[:lines]
    return f"{kept}\n[{len(text) - len(kept)} more characters are left out]"


def _text(error: Exception) -> str:
    # It may quote the name of a file that is no text, and what is sent must be.
    return str(error).encode(errors="backslashreplace").decode()
