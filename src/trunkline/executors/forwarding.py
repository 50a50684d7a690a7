"""Ports of this machine that lead to others: how a service is reached at its external port."""

import asyncio
import contextlib
import os
import threading
from collections.abc import Coroutine, Mapping
from typing import Any, TypeVar

from trunkline.config import LOOPBACK

T = TypeVar("T")

_PIECE_BYTES = 64 << 10
_DIAL_SECONDS_MAX = 10.0
"""How long a connection waits for a process that is just being started anew."""
_DIAL_AGAIN_SECONDS = 0.1


class Forwarding:
    """Listens on the loopback interface and passes bytes on, in a thread of its own that starts with the first port."""

    def __init__(self) -> None:
        self._loop: asyncio.AbstractEventLoop | None = None
        self._thread: threading.Thread | None = None
        self._doors: dict[int, _Door] = {}
        self._lock = threading.Lock()

    def set(self, ports: Mapping[int, int]) -> dict[int, str]:
        """Make these ports, and no others, lead to the given ones; return those that cannot be had, and why."""
        with self._lock:
            for port in [port for port, door in self._doors.items() if ports.get(port) != door.target]:
                self._do(self._doors.pop(port).close())
            problems = {}
            for port, target in ports.items():
                if port in self._doors:
                    continue
                door = _Door(port, target)
                try:
                    self._do(door.open())
                except OSError as error:
                    problems[port] = os.strerror(error.errno) if error.errno else str(error)
                else:
                    self._doors[port] = door
            return problems

    def close(self) -> None:
        """Close every port, and the connections that came through."""
        self.set({})
        if self._loop is not None and self._thread is not None:
            self._loop.call_soon_threadsafe(self._loop.stop)
            self._thread.join()
            self._loop.close()
            self._loop = self._thread = None

    def _do(self, work: Coroutine[Any, Any, T]) -> T:
        if self._loop is None:
            self._loop = asyncio.new_event_loop()
            self._thread = threading.Thread(target=self._loop.run_forever, name="forwarding", daemon=True)
            self._thread.start()
        return asyncio.run_coroutine_threadsafe(work, self._loop).result()


class _Door:
    """One port that listens."""

    def __init__(self, port: int, target: int) -> None:
        self.target = target
        self._port = port
        self._server: asyncio.Server | None = None
        self._connections: set[asyncio.Task[None]] = set()

    async def open(self) -> None:
        """Listen; raise OSError if the port cannot be had."""
        self._server = await asyncio.start_server(self._serve, LOOPBACK, self._port)

    async def close(self) -> None:
        """Stop listening and end what came through."""
        if self._server is not None:
            self._server.close()
        for connection in list(self._connections):
            connection.cancel()
        await asyncio.gather(*self._connections, return_exceptions=True)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._connections.add(task)
        try:
            await self._pass_on(reader, writer)
        except asyncio.CancelledError:
            pass
        finally:
            self._connections.discard(task)
            writer.close()

    async def _pass_on(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(OSError):
            inner_reader, inner_writer = await self._dial()
            try:
                await asyncio.gather(_pump(reader, inner_writer), _pump(inner_reader, writer))
            finally:
                inner_writer.close()

    async def _dial(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        loop = asyncio.get_running_loop()
        deadline = loop.time() + _DIAL_SECONDS_MAX
        while True:
            try:
                return await asyncio.open_connection(LOOPBACK, self.target)
            except ConnectionRefusedError:
                if loop.time() >= deadline:
                    raise
            await asyncio.sleep(_DIAL_AGAIN_SECONDS)


async def _pump(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Pass on all that comes, and then its end; the other direction may go on."""
    while data := await reader.read(_PIECE_BYTES):
        writer.write(data)
        await writer.drain()
    if writer.can_write_eof():
        writer.write_eof()
