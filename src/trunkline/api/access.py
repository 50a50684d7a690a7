"""Nobody gets to a method who may not call this server: health and reflection are no exceptions."""

from collections.abc import Callable, Iterator
from typing import Any, NoReturn, TypeAlias

import grpc

from trunkline.auth.access import AccessRule, Refusal
from trunkline.auth.peers import Connection, loopback_addresses, parse_peer, uid_of

MaybeHandler: TypeAlias = "grpc.RpcMethodHandler[Any, Any] | None"

_TOKEN_KEY = "authn-token"  # noqa: S105 - the name of the field


class AccessInterceptor(grpc.ServerInterceptor):
    """Turns callers away whom a rule does not let in. Stands before everything else."""

    def __init__(self, rule: AccessRule, host: str) -> None:
        """host: where the server listens. At which port must be said before it starts."""
        self._rule = rule
        self._own = loopback_addresses(host)
        self.port = 0

    def intercept_service(
        self,
        continuation: Callable[[grpc.HandlerCallDetails], MaybeHandler],
        handler_call_details: grpc.HandlerCallDetails,
    ) -> MaybeHandler:
        """Let a call with the token through; wrap the handler of any other, since only calls tell their peer."""
        handler: Any = continuation(handler_call_details)
        shown = [value for key, value in handler_call_details.invocation_metadata or () if key == _TOKEN_KEY]
        if handler is None or self._rule.allows_local_users or self._rule.token_fits(shown):
            found: MaybeHandler = handler
            return found
        kind = ("stream" if handler.request_streaming else "unary", "stream" if handler.response_streaming else "unary")
        make = getattr(grpc, f"{kind[0]}_{kind[1]}_rpc_method_handler")
        behaviour = getattr(handler, f"{kind[0]}_{kind[1]}")
        wrapped: MaybeHandler = make(
            (self._guard_stream if handler.response_streaming else self._guard)(behaviour),
            handler.request_deserializer,
            handler.response_serializer,
        )
        return wrapped

    def _guard(self, behaviour: Callable[..., Any]) -> Callable[..., Any]:
        def call(request: object, context: grpc.ServicerContext) -> object:
            self._check(context)
            return behaviour(request, context)

        return call

    def _guard_stream(self, behaviour: Callable[..., Any]) -> Callable[..., Any]:
        def call(request: object, context: grpc.ServicerContext) -> Iterator[object]:
            self._check(context)
            yield from behaviour(request, context)

        return call

    def _check(self, context: grpc.ServicerContext) -> None:
        peer = parse_peer(context.peer())
        uid = None
        if peer is not None and (own := self._own.get(peer[0].version)) is not None:
            uid = uid_of(Connection(*peer, own, self.port))
        if refusal := self._rule.refusal(uid):
            _abort(context, refusal)
        if not context.is_active():
            # Its connection is gone: what the kernel knows by these ports may be another user's, who came after.
            _abort(context, Refusal("the connection was closed", is_known=False))


def _abort(context: grpc.ServicerContext, refusal: Refusal) -> NoReturn:
    code = grpc.StatusCode.PERMISSION_DENIED if refusal.is_known else grpc.StatusCode.UNAUTHENTICATED
    context.abort(code, refusal.reason)
