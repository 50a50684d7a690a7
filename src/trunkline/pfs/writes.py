"""Which writes are under way: what they have stored and not named yet must not be taken for garbage.

Nothing here waits. Writes are numbered as they begin, so that garbage collection can ask whether all that may have
relied on an object before some moment have ended. Numbers and not times: clocks go back.
"""

import threading
import time
from collections.abc import Collection, Iterable, Iterator
from contextlib import contextmanager


class Writes:
    """The writes of one server."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._next = 1
        self._running: dict[int, float] = {}
        self._mine = threading.local()
        self._relied_on: dict[str, int] = {}

    @contextmanager
    def short(self) -> Iterator[None]:
        """Tell that something is stored and named inside the block, by this thread. Blocks inside are part of it."""
        if getattr(self._mine, "writes", False):
            yield
            return
        self._mine.writes = True
        try:
            with self.long():
                yield
        finally:
            self._mine.writes = False

    @contextmanager
    def long(self) -> Iterator[None]:
        """Tell that something is stored by others inside the block, like datum sets by workers."""
        with self._lock:
            number = self._next
            self._next += 1
            self._running[number] = time.monotonic()
        try:
            yield
        finally:
            with self._lock:
                del self._running[number]

    def oldest(self) -> int:
        """Return the number of the oldest write under way, or that of the next one: all before it have ended."""
        with self._lock:
            return min(self._running, default=self._next)

    def may_rely_on(self, keys: Iterable[str]) -> None:
        """Tell that the writes under way now may rely on these objects, and those that begin later do not."""
        with self._lock:
            self._relied_on |= dict.fromkeys(keys, self._next)

    def free_of(self, keys: Collection[str], oldest: int) -> list[str]:
        """Return those of the objects that no write from that number on may rely on, and forget all others."""
        with self._lock:
            self._relied_on = {key: self._relied_on[key] for key in keys if key in self._relied_on}
            # Of what an earlier process has told nothing is known here, and its writes have ended.
            return [key for key in keys if self._relied_on.get(key, 0) <= oldest]

    def oldest_seconds(self) -> float:
        """Return for how long the oldest write has been under way."""
        with self._lock:
            return time.monotonic() - min(self._running.values()) if self._running else 0.0
