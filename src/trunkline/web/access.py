"""Who may ask over HTTP, and what no answer may do in a browser."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from ipaddress import ip_address
from urllib.parse import urlsplit

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send
from uvicorn.protocols.http.h11_impl import H11Protocol

from trunkline.auth.access import AccessRule
from trunkline.auth.peers import uid_of_accepted

_PEER_UID = "peer_uid"
_BEARER = "bearer "
# What browsers are told of every answer: take it for what it is called, and hand it to no other site.
_HEADERS = {
    "x-content-type-options": "nosniff",
    "cross-origin-resource-policy": "same-origin",
    "referrer-policy": "no-referrer",
    "content-security-policy": "default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
}


class PeerProtocol(H11Protocol):
    """HTTP/1.1 whose requests know whose connection they came by. The kernel is asked once for each connection."""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Take a connection."""
        super().connection_made(transport)
        self.app_state = {**self.app_state, _PEER_UID: uid_of_accepted(transport.get_extra_info("socket"))}


@dataclass(frozen=True, slots=True)
class Turned:
    """A request that is turned away."""

    status: int
    reason: str


def turn_away(rule: AccessRule, peer_uid: int | None, headers: Mapping[str, str]) -> Turned | None:
    """Return why a request is turned away, or None.

    Who shows the token is let in. Else it must come from the right user, and must not be what a page of another site
    has a browser of that user send: under a name that leads here by chance (`Host`), or from that page (`Origin`).
    """
    if rule.token_fits(_tokens(headers)):
        return None
    host = headers.get("host", "")
    if host and not _is_loopback(host):
        return Turned(421, f"host {host!r} is not this server: call it localhost or 127.0.0.1")
    origin = headers.get("origin")
    if origin is not None and origin.partition("://")[2] != host:
        return Turned(403, f"origin {origin!r} is another site")
    if refusal := rule.refusal(peer_uid):
        return Turned(403 if refusal.is_known else 401, refusal.reason)
    return None


def _tokens(headers: Mapping[str, str]) -> Sequence[str]:
    shown = headers.get("authorization", "")
    return [shown[len(_BEARER) :].strip()] if shown.lower().startswith(_BEARER) else []


def _is_loopback(host: str) -> bool:
    try:
        name = urlsplit(f"//{host}").hostname or ""
        return name == "localhost" or ip_address(name).is_loopback
    except ValueError:
        return False


class Doorkeeper:
    """Stands before the application."""

    def __init__(self, app: ASGIApp, rule: AccessRule) -> None:
        self._app = app
        self._rule = rule

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request, or have it answered."""

        async def send_safely(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in _HEADERS.items():
                    headers.setdefault(name, value)
            await send(message)

        app = self._app
        turned = turn_away(self._rule, scope.get("state", {}).get(_PEER_UID), Headers(scope=scope))
        if turned is not None:
            login = {"www-authenticate": "Bearer"} if turned.status == 401 else None
            app = PlainTextResponse(f"{turned.reason}\n", turned.status, login)
        await app(scope, receive, send_safely)
