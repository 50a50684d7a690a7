"""From gRPC statuses back to our errors: the mirror of the server's table."""

import re

import grpc

from trunkline import errors
from trunkline.client.addresses import Address

_ERRORS: dict[grpc.StatusCode, type[errors.Error]] = {
    grpc.StatusCode.NOT_FOUND: errors.NotFoundError,
    grpc.StatusCode.ALREADY_EXISTS: errors.AlreadyExistsError,
    grpc.StatusCode.FAILED_PRECONDITION: errors.ConflictError,
    grpc.StatusCode.ABORTED: errors.ConflictError,
    grpc.StatusCode.INVALID_ARGUMENT: errors.InvalidInputError,
    grpc.StatusCode.OUT_OF_RANGE: errors.InvalidInputError,
    grpc.StatusCode.UNAVAILABLE: errors.UnavailableError,
    grpc.StatusCode.DEADLINE_EXCEEDED: errors.UnavailableError,
    grpc.StatusCode.RESOURCE_EXHAUSTED: errors.UnavailableError,
    grpc.StatusCode.UNAUTHENTICATED: errors.AccessDeniedError,
    grpc.StatusCode.PERMISSION_DENIED: errors.AccessDeniedError,
    grpc.StatusCode.UNIMPLEMENTED: errors.NotSupportedError,
    grpc.StatusCode.DATA_LOSS: errors.CorruptDataError,
}

# What gRPC itself says when no server answers, and our words for it. Servers send UNAVAILABLE, too: the text decides.
_TRANSPORT_FAILURES = (
    (re.compile(r"connection refused", re.IGNORECASE), "connection refused"),
    (re.compile(r"no such file or directory", re.IGNORECASE), "no such socket"),
    (re.compile(r"^errors resolving|^DNS resolution failed|lookup failed"), "the host name is not known"),
    (re.compile(r"handshake failed|SSL_ERROR|TSI_", re.IGNORECASE), "the TLS handshake failed"),
    (re.compile(r"failed to connect to all addresses|connections to all backends failing"), "no answer"),
    (
        re.compile(r"^(Cancelling all calls|Socket closed|GOAWAY|keepalive|End of TCP|Endpoint)"),
        "the connection was cut",
    ),
    (re.compile(r"recvmsg:|sendmsg:|connection reset|broken pipe", re.IGNORECASE), "the connection was cut"),
)

# Which row of a table was looked for. Clients of the field look for this text; what is missing is named again after it.
_ROW = re.compile(r"\brepo \(id=0, [^)]*\) not found: (?=repo )")


class UnreachableError(errors.UnavailableError):
    """No server answers at the address."""


def translate(error: grpc.RpcError, address: Address) -> errors.Error:
    """Return the error that the server meant, or UnreachableError if the answer did not come from a server."""
    assert isinstance(error, grpc.Call)  # what stubs raise is always both
    code, details = error.code(), error.details() or ""
    if code is grpc.StatusCode.UNAVAILABLE:
        for pattern, reason in _TRANSPORT_FAILURES:
            if pattern.search(details):
                return UnreachableError(_unreachable(address, reason))
    if code is grpc.StatusCode.DEADLINE_EXCEEDED:
        details = f"the server at {address} did not answer in time"
    details = _ROW.sub("", details)
    return _ERRORS.get(code, errors.Error)(details or f"the server answered {code.name}")


def _unreachable(address: Address, reason: str) -> str:
    hint = "; start it with `trunkline serve`" if address.is_loopback else ""
    return f"cannot reach the server at {address}: {reason}{hint}"
