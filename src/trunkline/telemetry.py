"""The server's own log lines, and how much of them there is."""

import logging
import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

OFF = logging.CRITICAL + 1
"""A level at which nothing is logged."""


def log(name: str) -> logging.Logger:
    """Return the logger of one part of Trunkline; lines go to stderr once ``configure`` has run."""
    return logging.getLogger(f"trunkline.{name}")


def configure(*, verbose: bool = False) -> None:
    """Send log lines to stderr, one per event, with time, level and part."""
    logging.basicConfig(
        level=logging.DEBUG if verbose else logging.INFO,
        format="%(asctime)s %(levelname)s %(name)s %(message)s",
    )
    if not verbose:
        logging.getLogger("alembic").setLevel(logging.WARNING)  # a new state directory is no event for its user


class Cancellable(Protocol):
    """What will happen later unless it is cancelled."""

    def cancel(self) -> None:
        """Let it not happen."""


def later(seconds: float, act: Callable[[], None]) -> Cancellable:
    """Do something after a while, unless the process ends before."""
    timer = threading.Timer(seconds, act)
    timer.daemon = True
    timer.start()
    return timer


@dataclass(frozen=True, slots=True)
class _Change:
    before: int
    end: Cancellable


class LogLevels:
    """Changes the levels of loggers for a while. A later change replaces an earlier one of the same logger."""

    def __init__(self, schedule: Callable[[float, Callable[[], None]], Cancellable] = later) -> None:
        self._schedule = schedule
        self._lock = threading.Lock()
        self._changes: dict[str, _Change] = {}

    def change(self, name: str, level: int, *, seconds: float) -> None:
        """Set the level of a logger and all below it, and set it back when the time has passed."""
        logger = logging.getLogger(name)
        with self._lock:
            earlier = self._changes.get(name)
            if earlier is not None:
                earlier.end.cancel()
            before = logger.level if earlier is None else earlier.before
            logger.setLevel(level)
            change: list[_Change] = []
            end = self._schedule(seconds, lambda: self._end(name, change))
            change.append(_Change(before, end))
            self._changes[name] = change[0]

    def _end(self, name: str, change: list[_Change]) -> None:
        with self._lock:
            # A change that was replaced while its end was on its way ends nothing.
            if change and self._changes.get(name) is change[0]:
                logging.getLogger(name).setLevel(self._changes.pop(name).before)
