"""Messages between a worker process and the executor that started it: pickles with a length in front.

Both ends are ours and the socket has no name, so what arrives is trusted.
"""

import contextlib
import pickle
import select
import socket
import struct
import threading
from collections.abc import Mapping
from dataclasses import dataclass

from trunkline.model.datums import DatumSet, DatumSetResult
from trunkline.model.residents import Resident, ResidentEnd
from trunkline.storage.chunk.refs import ChunkRef

_LENGTH = struct.Struct("!Q")


@dataclass(frozen=True, slots=True)
class Ready:
    """Worker: it can take datum sets; what the user should know of it."""

    warnings: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Run:
    """Executor: run this set. The turn numbers what this worker is given."""

    turn: int
    datum_set: DatumSet


@dataclass(frozen=True, slots=True)
class Host:
    """Executor: run this resident until it ends or the turn is cancelled."""

    turn: int
    resident: Resident


@dataclass(frozen=True, slots=True)
class Began:
    """Worker: the command of the resident has been started."""

    turn: int


@dataclass(frozen=True, slots=True)
class Printed:
    """Worker: the resident printed these, as log records (JSON objects)."""

    turn: int
    records: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class LifeEnded:
    """Worker: the turn is over, since the resident ended by itself."""

    turn: int
    end: ResidentEnd


@dataclass(frozen=True, slots=True)
class Cancel:
    """Executor: give up this turn, if it is still going on."""

    turn: int


@dataclass(frozen=True, slots=True)
class Find:
    """Worker: which of these chunks are stored already?"""

    chunks: tuple[bytes, ...]


@dataclass(frozen=True, slots=True)
class Found:
    """Executor: these are."""

    refs: Mapping[bytes, ChunkRef]


@dataclass(frozen=True, slots=True)
class Done:
    """Worker: the turn is over, with a result."""

    turn: int
    result: DatumSetResult


@dataclass(frozen=True, slots=True)
class GaveUp:
    """Worker: the turn is over without a result: it was cancelled (no reason), or something of ours went wrong."""

    turn: int
    reason: str


Message = Ready | Run | Host | Began | Printed | LifeEnded | Cancel | Find | Found | Done | GaveUp


class Channel:
    """One end of the socket. Any thread may send; one receives. Both raise EOFError when the other end is gone."""

    def __init__(self, end: socket.socket) -> None:
        self._socket = end
        self._sending = threading.Lock()

    def fileno(self) -> int:
        """Return the descriptor that is readable when a message waits."""
        return self._socket.fileno()

    def send(self, message: Message) -> None:
        """Send one message."""
        data = pickle.dumps(message, protocol=pickle.HIGHEST_PROTOCOL)
        try:
            with self._sending:
                self._socket.sendall(_LENGTH.pack(len(data)))
                self._socket.sendall(data)
        except OSError as error:
            raise EOFError(str(error)) from error

    def receive(self) -> Message:
        """Return the next message; waits for it."""
        message: Message = pickle.loads(self._exactly(_LENGTH.unpack(self._exactly(_LENGTH.size))[0]))
        return message

    def waits(self, seconds: float = 0.0) -> bool:
        """Whether a message, or the end, has come within this time."""
        return bool(select.select([self._socket], [], [], seconds)[0])

    def hang_up(self) -> None:
        """End the stream in both directions, whatever waits: both ends raise EOFError from now on."""
        with contextlib.suppress(OSError):
            self._socket.shutdown(socket.SHUT_RDWR)

    def close(self) -> None:
        """Close this end."""
        self._socket.close()

    def _exactly(self, count: int) -> memoryview:
        data = bytearray(count)
        view = memoryview(data)
        while view:
            try:
                got = self._socket.recv_into(view)
            except OSError as error:
                raise EOFError(str(error)) from error
            if not got:
                raise EOFError("the other end is gone")
            view = view[got:]
        return memoryview(data)
