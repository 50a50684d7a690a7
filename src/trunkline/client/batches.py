"""Listings, whose many small messages are asked for in batches. A server that does not know of batches sends none."""

from collections import deque
from collections.abc import Iterator
from typing import Any, TypeAlias

import grpc
from google.protobuf.descriptor import MethodDescriptor
from google.protobuf.message import Message
from google.protobuf.message_factory import GetMessageClass

from trunkline.proto.batches_pb2 import Batch

Metadata: TypeAlias = tuple[tuple[str, str], ...]

HEADER = ("trunkline-batches", "1")
LISTINGS = frozenset(
    {
        *("ListFile", "WalkFile", "GlobFile", "DiffFile"),
        *("ListProject", "ListRepo", "ListBranch", "ListCommit", "ListCommitSet"),
        *("ListPipeline", "ListJob", "ListJobSet", "ListDatum"),
        *("Why", "Impact", "GetLogs"),
    }
)
"""Methods whose messages come as fast as they can be made."""


def comes_in_batches(method: str, request: Message) -> bool:
    """Tell whether to ask for batches: not where each message is waited for."""
    return method in LISTINGS and not getattr(request, "follow", False)


class BatchedCall(Iterator[Message]):
    """The messages of one call."""

    def __init__(
        self,
        channel: grpc.Channel,
        method: MethodDescriptor,
        request: Message,
        *,
        metadata: Metadata,
        timeout: float | None,
    ) -> None:
        path = f"/{method.containing_service.full_name}/{method.name}"
        call: Any = channel.unary_stream(path, request_serializer=lambda message: message.SerializeToString())
        self._call: Any = call(request, timeout=timeout, metadata=(*metadata, HEADER))
        self._message = GetMessageClass(method.output_type)
        self._pending: deque[bytes] = deque()
        self._in_batches: bool | None = None

    def __next__(self) -> Message:
        while not self._pending:
            data = next(self._call)
            if self._in_batches is None:
                self._in_batches = any((key, value) == HEADER for key, value in self._call.initial_metadata())
            if self._in_batches:
                self._pending.extend(Batch.FromString(data).messages)
            else:
                self._pending.append(data)
        return self._message.FromString(self._pending.popleft())

    def cancel(self) -> None:
        """End the call; the server stops sending."""
        self._call.cancel()
