"""Answers of many small messages, sent many at a time to clients that ask for it.

gRPC takes a tenth of a millisecond and several switches between threads for each message, on either side; a listing of
a hundred thousand files is a hundred thousand messages. What the field's clients get is as before.
"""

import time
from collections.abc import Callable, Iterator
from typing import Any, TypeAlias

import grpc

from trunkline.proto.batches_pb2 import Batch

HEADER = ("trunkline-batches", "1")
_BATCH_BYTES = 64 * 1024
_BATCH_SECONDS = 0.05

MaybeHandler: TypeAlias = "grpc.RpcMethodHandler[Any, Any] | None"


class BatchInterceptor(grpc.ServerInterceptor):
    """Sends batches where a client understands them. Stands behind what turns exceptions into statuses."""

    def intercept_service(
        self,
        continuation: Callable[[grpc.HandlerCallDetails], MaybeHandler],
        handler_call_details: grpc.HandlerCallDetails,
    ) -> MaybeHandler:
        """Wrap the handler of a call that asks for batches."""
        handler: Any = continuation(handler_call_details)
        asked = HEADER in (handler_call_details.invocation_metadata or ())
        if asked and handler is not None and handler.response_streaming and not handler.request_streaming:
            handler = grpc.unary_stream_rpc_method_handler(
                _batching(handler.unary_stream, handler.response_serializer),
                handler.request_deserializer,
                Batch.SerializeToString,
            )
        found: MaybeHandler = handler
        return found


def _batching(
    behaviour: Callable[[object, grpc.ServicerContext], Iterator[object]], serialize: Callable[[object], bytes]
) -> Callable[[object, grpc.ServicerContext], Iterator[Batch]]:
    def call(request: object, context: grpc.ServicerContext) -> Iterator[Batch]:
        context.send_initial_metadata((HEADER,))
        for messages in _batches(map(serialize, behaviour(request, context))):
            yield Batch(messages=messages)

    return call


def _batches(messages: Iterator[bytes]) -> Iterator[list[bytes]]:
    """Yield messages in order, many together, but none much later than it came while others keep coming.

    What came before a failure comes before it here, too.
    """
    batch: list[bytes] = []
    size = 0
    began = time.monotonic()
    try:
        for message in messages:
            batch.append(message)
            size += len(message)
            if size >= _BATCH_BYTES or time.monotonic() - began > _BATCH_SECONDS:
                yield batch
                batch, size, began = [], 0, time.monotonic()
    except Exception:
        if batch:
            yield batch
        raise
    if batch:
        yield batch
