"""``python -m trunkline.executors.next_datum FD``: the service by which batching user code asks for its datums.

A process of its own, so that gRPC and its threads are in none of the processes that start user code. It listens on a
free port of this machine, which it tells first, and passes every question on to the worker at the other end of FD: a
line of JSON each way. It ends when the worker closes the socket.
"""

import json
import os
import select
import socket
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import grpc

from trunkline.proto import worker_pb2, worker_pb2_grpc


class _Worker:
    def __init__(self, fd: int) -> None:
        self._stream = socket.socket(fileno=fd).makefile("rwb")
        self._lock = threading.Lock()

    def tell(self, message: dict[str, Any]) -> None:
        self._stream.write(json.dumps(message).encode() + b"\n")
        self._stream.flush()

    def ask(self, message: dict[str, Any]) -> dict[str, Any]:
        with self._lock:
            self.tell(message)
            answer: dict[str, Any] = json.loads(self._stream.readline())
            return answer


class _Service(worker_pb2_grpc.WorkerServicer):
    def __init__(self, worker: _Worker) -> None:
        self._worker = worker

    def NextDatum(  # noqa: N802 - the wire's name
        self, request: worker_pb2.NextDatumRequest, context: grpc.ServicerContext
    ) -> worker_pb2.NextDatumResponse:
        answer = self._worker.ask({"error": request.error, "peer_port": _port(context.peer())})
        if refusal := answer.get("refusal"):
            context.abort(grpc.StatusCode.PERMISSION_DENIED, refusal)
        return worker_pb2.NextDatumResponse(env=answer["env"])


def _port(peer: str) -> int:
    """Return the port of what gRPC calls a peer, such as ``ipv4:127.0.0.1:4711``; 0 if it has none."""
    port = peer.rpartition(":")[2]
    return int(port) if port.isdecimal() else 0


def main(fd: int) -> None:
    """Serve until the worker closes the socket."""
    worker = _Worker(fd)
    server = grpc.server(ThreadPoolExecutor(2), options=(("grpc.so_reuseport", 0),))
    worker_pb2_grpc.add_WorkerServicer_to_server(_Service(worker), server)
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    worker.tell({"port": port})
    poll = select.poll()
    poll.register(fd, select.POLLRDHUP)
    poll.poll()
    # Whoever still asks is about to be killed.
    os._exit(0)


if __name__ == "__main__":
    main(int(sys.argv[1]))
