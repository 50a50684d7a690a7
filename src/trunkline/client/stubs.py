"""Stubs whose failures are our errors."""

from collections.abc import Callable, Iterator
from typing import Any

import grpc
from google.protobuf.descriptor import ServiceDescriptor
from google.protobuf.message import Message

from trunkline.client.addresses import Address
from trunkline.client.batches import BatchedCall, Metadata, comes_in_batches
from trunkline.client.failures import translate


class TranslatingStub:
    """A generated stub with headers and time limit filled in. Its methods raise `trunkline.errors`.

    It and its streams keep the channel, which ends its calls when nothing refers to it: neither the generated stub nor
    the calls do. Listings come in batches.
    """

    def __init__(
        self,
        kind: Callable[[grpc.Channel], object],
        service: ServiceDescriptor,
        channel: grpc.Channel,
        address: Address,
        *,
        metadata: Metadata,
        timeout_seconds: float | None,
    ) -> None:
        self._stub = kind(channel)
        self._service = service
        self._channel = channel
        self._address = address
        self._metadata = metadata
        self._timeout_seconds = timeout_seconds

    def __getattr__(self, name: str) -> Callable[..., Any]:
        method = getattr(self._stub, name)
        described = self._service.methods_by_name[name]

        def call(request: Message, timeout: float | None = None) -> object:
            timeout = timeout or self._timeout_seconds
            try:
                if comes_in_batches(name, request):
                    answer = BatchedCall(self._channel, described, request, metadata=self._metadata, timeout=timeout)
                else:
                    answer = method(request, timeout=timeout, metadata=self._metadata)
            except grpc.RpcError as error:
                raise translate(error, self._address) from None
            return TranslatingStream(answer, self._channel, self._address) if described.server_streaming else answer

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
