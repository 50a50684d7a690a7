"""Sending one edit of a commit: all of a ModifyFile stream happens, or nothing."""

import threading
from collections.abc import Callable, Iterable, Iterator

import grpc

from trunkline.client.addresses import Address
from trunkline.client.failures import translate
from trunkline.client.stubs import Metadata
from trunkline.proto import pfs_pb2
from trunkline.proto.pfs_pb2_grpc import APIStub


def send_edit(
    stub: APIStub,
    requests: Iterable[pfs_pb2.ModifyFileRequest],
    *,
    address: Address,
    metadata: Metadata,
    compress: bool,
) -> None:
    """Send the requests as one edit and wait until it has happened.

    What iterating requests raises comes out here, after the edit is called off; Ctrl-C calls it off, too.
    """
    guarded = _GuardedRequests(iter(requests))
    call = stub.ModifyFile.future(
        guarded, metadata=metadata, compression=grpc.Compression.Gzip if compress else grpc.Compression.NoCompression
    )
    guarded.start(call.cancel)
    try:
        call.result()
    except grpc.RpcError as error:
        raise (guarded.failure or translate(error, address)) from None
    except grpc.FutureCancelledError:
        # Only the requests cancel the call while it is waited for.
        assert guarded.failure is not None
        raise guarded.failure from None
    except BaseException:
        call.cancel()
        raise


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
