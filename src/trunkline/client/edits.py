"""Sending one edit of a commit, in one stream or several at once: all of it happens, or nothing."""

import threading
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import FIRST_EXCEPTION, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass
from typing import Any

import grpc

from trunkline.client.addresses import Address
from trunkline.client.batches import Metadata
from trunkline.client.failures import translate
from trunkline.proto import pfs_pb2
from trunkline.proto.pfs_pb2_grpc import APIStub

Requests = Iterable[pfs_pb2.ModifyFileRequest]

_TTL_SECONDS = 1800
_RENEW_SECONDS = 300.0


@dataclass(frozen=True, slots=True)
class EditSender:
    """Sends edits to one server."""

    stub: APIStub
    address: Address
    metadata: Metadata
    compress: bool = False

    def send(self, requests: Requests) -> None:
        """Send the requests as one edit and wait until it has happened.

        What iterating requests raises comes out here, after the edit is called off; Ctrl-C calls it off, too.
        """
        self._stream(self.stub.ModifyFile, requests, _Calls())

    def send_parts(
        self,
        target: pfs_pb2.Commit,
        parts: Sequence[Requests],
        *,
        parallelism: int,
        renew_seconds: float = _RENEW_SECONDS,
    ) -> None:
        """Send parts at the same time, so many at once, as one edit that does what they do one after the other.

        Each becomes a temporary file set, and all of them are put on the commit in one step at the end: if a part
        fails, or on Ctrl-C, nothing has happened.
        """
        calls = _Calls()
        with ThreadPoolExecutor(parallelism) as pool:
            futures = [pool.submit(self._stream, self.stub.CreateFileSet, part, calls) for part in parts]
            try:
                ids = self._await(futures, renew_seconds)
            except BaseException:
                pool.shutdown(wait=False, cancel_futures=True)
                calls.cancel()
                raise
        composed = pfs_pb2.ComposeFileSetRequest(file_set_ids=ids, ttl_seconds=_TTL_SECONDS)
        id = self._call(self.stub.ComposeFileSet, composed).file_set_id  # noqa: A001 - the field's word
        self._call(self.stub.AddFileSet, pfs_pb2.AddFileSetRequest(commit=target, file_set_id=id))

    def _await(self, futures: Sequence[Future[Any]], renew_seconds: float) -> list[str]:
        """Return the ids of the file sets, which are kept alive until the last one is there."""
        renewed_at = time.monotonic()
        while True:
            done, left = wait(futures, timeout=renew_seconds, return_when=FIRST_EXCEPTION)
            for future in done:
                future.result()
            if not left:
                return [future.result().file_set_id for future in futures]
            if time.monotonic() - renewed_at >= renew_seconds:
                renewed_at = time.monotonic()
                for future in done:
                    request = pfs_pb2.RenewFileSetRequest(
                        file_set_id=future.result().file_set_id, ttl_seconds=_TTL_SECONDS
                    )
                    self._call(self.stub.RenewFileSet, request)

    def _call(self, method: Callable[..., Any], request: object) -> Any:  # noqa: ANN401 - whatever it answers
        try:
            return method(request, metadata=self.metadata)
        except grpc.RpcError as error:
            raise translate(error, self.address) from None

    def _stream(self, method: Any, requests: Requests, calls: "_Calls") -> Any:  # noqa: ANN401 - a generated method
        guarded = _GuardedRequests(iter(requests))
        compression = grpc.Compression.Gzip if self.compress else grpc.Compression.NoCompression
        call = method.future(guarded, metadata=self.metadata, compression=compression)
        calls.add(call)
        guarded.start(call.cancel)
        try:
            return call.result()
        except grpc.RpcError as error:
            raise (guarded.failure or translate(error, self.address)) from None
        except grpc.FutureCancelledError:
            if guarded.failure is None:  # called off from outside, where the reason is known
                raise
            raise guarded.failure from None
        except BaseException:
            call.cancel()
            raise


class _Calls:
    """Calls that can be called off together, those that are yet to come as well."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._calls: list[Any] = []
        self._cancelled = False

    def add(self, call: Any) -> None:  # noqa: ANN401 - gRPC's class has no public name
        with self._lock:
            self._calls.append(call)
            cancelled = self._cancelled
        if cancelled:
            call.cancel()

    def cancel(self) -> None:
        with self._lock:
            self._cancelled = True
            calls = list(self._calls)
        for call in calls:
            call.cancel()


class _GuardedRequests(Iterator[pfs_pb2.ModifyFileRequest]):
    """Requests that cancel their call before they end with an error.

    gRPC's own thread iterates. Were it to see the error, it would log it; were it to see the end, the server would take
    the half for the whole.
    """

    def __init__(self, requests: Iterator[pfs_pb2.ModifyFileRequest]) -> None:
        self.failure: BaseException | None = None
        self._requests = requests
        self._cancel: Callable[[], object] | None = None
        self._started = threading.Event()

    def start(self, cancel: Callable[[], object]) -> None:
        """Let the requests flow, now that there is a call to cancel."""
        self._cancel = cancel
        self._started.set()

    def __next__(self) -> pfs_pb2.ModifyFileRequest:
        self._started.wait()
        assert self._cancel is not None
        try:
            return next(self._requests)
        except StopIteration:
            raise
        except BaseException as error:  # noqa: BLE001 - whatever it is, the sender shall see it
            self.failure = error
            self._cancel()
            raise StopIteration from None
