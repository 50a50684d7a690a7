"""Messages over a socket: JSON with a length in front, and file descriptors that travel beside it."""

from __future__ import annotations

import array
import json
import socket
import struct
from collections.abc import Sequence
from typing import Any

_LENGTH = struct.Struct("!I")
_FD_BYTES = array.array("i").itemsize
_FDS_MAX = 3


class Connection:
    """One end of the socket. Raises EOFError or ConnectionError when the other end is gone."""

    def __init__(self, fd: int) -> None:
        self._socket = socket.socket(fileno=fd)

    def fileno(self) -> int:
        """Return the socket's descriptor, which is readable when a message waits."""
        return self._socket.fileno()

    def receive(self) -> tuple[dict[str, Any], list[int]]:
        """Return the next message and its descriptors; waits for it."""
        fds = array.array("i")
        head, ancillary, _, _ = self._socket.recvmsg(_LENGTH.size, socket.CMSG_SPACE(_FDS_MAX * _FD_BYTES))
        for level, kind, data in ancillary:
            if level == socket.SOL_SOCKET and kind == socket.SCM_RIGHTS:
                fds.frombytes(data[: len(data) - len(data) % _FD_BYTES])
        head += self._exactly(_LENGTH.size - len(head))
        return json.loads(self._exactly(_LENGTH.unpack(head)[0])), list(fds)

    def send(self, message: dict[str, Any], fds: Sequence[int] = ()) -> None:
        """Send one message, and copies of these descriptors."""
        data = json.dumps(message).encode()
        data = _LENGTH.pack(len(data)) + data
        sent = 0
        if fds:
            # They ride on the first bytes, which the other side reads apart from the rest.
            rights = (socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", fds))
            sent = self._socket.sendmsg([data[: _LENGTH.size]], [rights])
        self._socket.sendall(data[sent:])

    def close(self) -> None:
        """Close this end."""
        self._socket.close()

    def _exactly(self, count: int) -> bytes:
        data = b""
        while len(data) < count:
            piece = self._socket.recv(count - len(data))
            if not piece:
                raise EOFError
            data += piece
        return data
