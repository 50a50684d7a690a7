"""Stubs whose failures are our errors."""

from collections.abc import Callable, Iterator
from typing import Any

import grpc

from trunkline.client.addresses import Address
from trunkline.client.failures import translate

Metadata = tuple[tuple[str, str], ...]


class TranslatingStub:
    """A generated stub with headers and time limit filled in. Its methods raise `trunkline.errors`.

    It and its streams keep the channel, which ends its calls when nothing refers to it: neither the generated stub nor
    the calls do.
    """

    def __init__(
        self,
        kind: Callable[[grpc.Channel], object],
        channel: grpc.Channel,
        address: Address,
        *,
        metadata: Metadata,
        timeout_seconds: float | None,
    ) -> None:
        self._stub = kind(channel)
        self._channel = channel
        self._address = address
        self._metadata = metadata
        self._timeout_seconds = timeout_seconds

    def __getattr__(self, name: str) -> Callable[..., Any]:
        method = getattr(self._stub, name)

        def call(request: object, timeout: float | None = None) -> object:
            try:
                answer = method(request, timeout=timeout or self._timeout_seconds, metadata=self._metadata)
            except grpc.RpcError as error:
                raise translate(error, self._address) from None
            if not isinstance(answer, grpc.Call):
                return answer
            return TranslatingStream(answer, self._channel, self._address)

        return call


class TranslatingStream(Iterator[object]):
    """The messages of a streaming answer. Iterating raises `trunkline.errors`."""

    def __init__(
        self,
        call: Any,  # noqa: ANN401 - gRPC's class has no public name
        channel: grpc.Channel,
        address: Address,
    ) -> None:
        self._call = call
        self._channel = channel
        self._address = address

    def __next__(self) -> object:
        try:
            return next(self._call)
        except grpc.RpcError as error:
            raise translate(error, self._address) from None

    def cancel(self) -> None:
        """End the stream; the server stops sending."""
        self._call.cancel()
