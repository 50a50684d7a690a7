"""Addresses of servers: ``host[:port]``, ``grpc://``, ``http://``, ``grpcs://``, ``https://``, ``unix:path``."""

import ipaddress
from dataclasses import dataclass
from urllib.parse import urlsplit

from trunkline.errors import InvalidInputError

DEFAULT_PORT = 30650
_SECURE_BY_SCHEME = {"grpc": False, "http": False, "grpcs": True, "https": True}


@dataclass(frozen=True, slots=True)
class Address:
    """Where a server listens. ``socket`` is the path of a unix socket; host and port are unused then."""

    host: str = ""
    port: int = DEFAULT_PORT
    secure: bool = False
    socket: str = ""

    @property
    def target(self) -> str:
        """What gRPC dials."""
        if self.socket:
            return f"unix:{self.socket}"
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{host}:{self.port}"

    @property
    def is_loopback(self) -> bool:
        """Whether the server runs on this machine."""
        if self.socket or self.host == "localhost":
            return True
        try:
            return ipaddress.ip_address(self.host).is_loopback
        except ValueError:
            return False

    def __str__(self) -> str:
        if self.socket:
            return self.target
        return f"{'grpcs' if self.secure else 'grpc'}://{self.target}"


def parse_address(text: str) -> Address:
    """Return the address that text names, or raise InvalidInputError that says what is wrong with it."""
    if text.startswith("unix:"):
        path = text.removeprefix("unix:").removeprefix("//")
        if not path:
            raise InvalidInputError(f"address {text!r} names no socket: write unix:/path/to/socket")
        return Address(socket=path)
    full = text if "://" in text else f"grpc://{text}"
    try:
        parts = urlsplit(full)
        port = parts.port
    except ValueError as error:
        raise InvalidInputError(f"address {text!r} is not understood: {error}") from None
    if parts.scheme not in _SECURE_BY_SCHEME:
        known = ", ".join(f"{scheme}://" for scheme in _SECURE_BY_SCHEME)
        raise InvalidInputError(f"address {text!r} has an unknown scheme: use one of {known}")
    if not parts.hostname:
        raise InvalidInputError(f"address {text!r} names no host")
    if parts.username is not None or parts.query or parts.fragment or parts.path not in ("", "/"):
        raise InvalidInputError(f"address {text!r} must be a host and a port only, such as grpc://localhost:30650")
    return Address(
        host=parts.hostname, port=DEFAULT_PORT if port is None else port, secure=_SECURE_BY_SCHEME[parts.scheme]
    )
