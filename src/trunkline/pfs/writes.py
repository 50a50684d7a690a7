"""Which writes are under way: what they have stored and not named yet must not be taken for garbage."""

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

_LULL_SECONDS_MAX = 20.0
_BLOCK_SECONDS_MAX = 5.0


class Writes:
    """The writes of one server. A short one ends by naming what it stored; a long one stores for others to name."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._short = 0
        self._paused = False
        self._long: dict[object, int] = {}
        self._mine = threading.local()

    @contextmanager
    def short(self) -> Iterator[None]:
        """Tell that something is written and named inside the block. Waits while `paused` holds."""
        depth = getattr(self._mine, "depth", 0)
        if not depth:
            with self._changed:
                self._changed.wait_for(lambda: not self._paused)
                self._short += 1
        self._mine.depth = depth + 1
        try:
            yield
        finally:
            self._mine.depth = depth
            if not depth:
                with self._changed:
                    self._short -= 1
                    self._changed.notify_all()

    @contextmanager
    def long(self) -> Iterator[None]:
        """Tell that something is stored by others inside the block, like datum sets by workers. Never waits."""
        token = object()
        with self._changed:
            self._long[token] = time.time_ns() // 1000
        try:
            yield
        finally:
            with self._changed:
                del self._long[token]

    def oldest_long(self) -> int | None:
        """Return when the oldest of the long writes under way began, in microseconds since 1970."""
        with self._changed:
            return min(self._long.values(), default=None)

    @contextmanager
    def paused(self) -> Iterator[bool]:
        """Give True in a moment in which no short write is under way, and let none begin until the end of the block.

        Waits for a lull at first, then holds new ones up for a while. Gives False where the moment does not come.
        """
        with self._changed:
            is_quiet = self._changed.wait_for(lambda: self._short == 0, _LULL_SECONDS_MAX)
            self._paused = True
            is_quiet = is_quiet or self._changed.wait_for(lambda: self._short == 0, _BLOCK_SECONDS_MAX)
        try:
            yield is_quiet
        finally:
            with self._changed:
                self._paused = False
                self._changed.notify_all()
