"""gRPC channels with the limits of the field."""

import base64
import binascii

import grpc
from grpc.experimental import ChannelOptions

from trunkline.client.addresses import Address
from trunkline.errors import InvalidInputError

MESSAGE_BYTES_MAX = 20 << 20
_KEEPALIVE_MS = 20_000
# A client that lives for days, such as a mount, finds a server that was restarted soon.
_RECONNECT_MS = (100, 1000)


def open_channel(address: Address, *, server_cas: str = "") -> grpc.Channel:
    """Return a channel that dials address on its first call. server_cas: PEM certificates in base64, for TLS only."""
    options: list[tuple[str, int]] = [
        ("grpc.max_receive_message_length", MESSAGE_BYTES_MAX),
        ("grpc.max_send_message_length", MESSAGE_BYTES_MAX),
        ("grpc.keepalive_time_ms", _KEEPALIVE_MS),
        ("grpc.keepalive_timeout_ms", _KEEPALIVE_MS),
        ("grpc.use_local_subchannel_pool", 1),
        ("grpc.initial_reconnect_backoff_ms", _RECONNECT_MS[0]),
        ("grpc.max_reconnect_backoff_ms", _RECONNECT_MS[1]),
        # Answers of many small messages, such as listings, are read without a thread in between: a third less CPU.
        (ChannelOptions.SingleThreadedUnaryStream, 1),
    ]
    if address.is_loopback:
        # A proxy of the environment must not come between a user and the server on the same machine.
        options.append(("grpc.enable_http_proxy", 0))
    if not address.secure:
        if server_cas:
            raise InvalidInputError(f"server_cas is set, but {address} is not a TLS address: use grpcs://")
        return grpc.insecure_channel(address.target, options=options)
    return grpc.secure_channel(address.target, grpc.ssl_channel_credentials(_certificates(server_cas)), options=options)


def _certificates(server_cas: str) -> bytes | None:
    if not server_cas:
        return None
    try:
        return base64.b64decode(server_cas, validate=True)
    except binascii.Error:
        raise InvalidInputError("server_cas of the context must be PEM certificates in base64") from None
