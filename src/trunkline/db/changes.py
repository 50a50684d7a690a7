"""Waking those who wait for the database to change.

Waiting is level-triggered: whoever wakes reads the state again and decides anew, so a lost or doubled announcement
can delay nobody for ever and mislead nobody.
"""

import threading
import time
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")


class Changes:
    """A counter of committed writes that threads can wait on."""

    def __init__(self) -> None:
        self._condition = threading.Condition()
        self._count = 0

    @property
    def count(self) -> int:
        """How many writes have been announced."""
        return self._count

    def announce(self) -> None:
        """Wake everyone who waits."""
        with self._condition:
            self._count += 1
            self._condition.notify_all()

    def wait(self, seen: int, *, seconds: float) -> int:
        """Return the count as soon as it is beyond seen, or after the given time."""
        with self._condition:
            self._condition.wait_for(lambda: self._count != seen, timeout=seconds)
            return self._count

    def poll(
        self, look: Callable[[], T | None], *, give_up: Callable[[], bool], seconds: float | None = None
    ) -> T | None:
        """Return what look returns once that is not None; None when give_up says so or the time has passed."""
        deadline = None if seconds is None else time.monotonic() + seconds
        while True:
            seen = self._count
            found = look()
            if found is not None:
                return found
            if give_up() or (deadline is not None and time.monotonic() >= deadline):
                return None
            self.wait(seen, seconds=1.0)
