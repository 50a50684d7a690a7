"""Threads that run for a server's whole life: no error ends one, and whoever looks sees which of them fail.

A `BackgroundThread` looks again and again whether there is something to do. What it does for one thing among many goes
through `Supervisor.attempt`, so that a bad one is left alone for a while, and its neighbours are not.
"""

import threading
import time
from collections.abc import Callable, Collection
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Protocol, TypeVar

from trunkline.errors import Error
from trunkline.telemetry import log

T = TypeVar("T")

BACK_OFF_SECONDS = 1.0
"""How long to wait after a first failure; each one more in a row doubles it, up to sixty times as much."""
LOOK_SECONDS_MAX = 60.0
_TEXT_MAX = 500


@dataclass(frozen=True, slots=True)
class Trouble:
    """What fails again and again since a time, in seconds since 1970. It is over with the first success."""

    thread: str
    item: str
    """What of the thread's work it is; empty when the whole thread fails."""
    is_vital: bool
    """Whether more than one user's thing does not work for it."""
    since: float
    count: int
    last_at: float
    last_error: str
    retry_at: float
    """When it is tried again, on the clock that only goes forward."""

    def __str__(self) -> str:
        """Tell it in one line."""
        what = f"{self.thread}, {self.item}" if self.item else self.thread
        times = f"{self.count} times" if self.count > 1 else "once"
        return f"{what}: fails since {_time(self.since)}, {times}, last at {_time(self.last_at)}: {self.last_error}"


class Supervisor:
    """Knows what fails of the threads of one server, since when, how often and how."""

    def __init__(
        self, *, monotonic: Callable[[], float] = time.monotonic, wall_clock: Callable[[], float] = time.time
    ) -> None:
        self._monotonic = monotonic
        self._wall_clock = wall_clock
        self._lock = threading.Lock()
        self._troubles: dict[tuple[str, str], Trouble] = {}

    def troubles(self) -> list[Trouble]:
        """Return what fails at present, what is vital first."""
        with self._lock:
            found = list(self._troubles.values())
        return sorted(found, key=lambda trouble: (not trouble.is_vital, trouble.thread, trouble.item))

    def attempt(self, thread: str, item: str, act: Callable[[], T], *, vital: bool = False) -> T | None:
        """Return what act returns. None where it fails, which is logged and noted, or has failed a short while ago."""
        if self.is_waiting(thread, item):
            return None
        try:
            result = act()
        except BaseException as error:  # noqa: BLE001 - also panics of compiled code, which are no Exception
            self.failed(thread, item, error, vital=vital)
            return None
        self.succeeded(thread, item)
        return result

    def failed(
        self,
        thread: str,
        item: str,
        error: BaseException,
        *,
        vital: bool = False,
        back_off_seconds: float = BACK_OFF_SECONDS,
    ) -> float:
        """Log a failure and note it; return how many seconds to wait before the next attempt."""
        text = f"{type(error).__name__}: {error}" if not isinstance(error, Error) else str(error)
        text = " ".join(text.split())[:_TEXT_MAX]
        at = self._wall_clock()
        with self._lock:
            before = self._troubles.get((thread, item))
            trouble = before or Trouble(thread, item, vital or not item, at, 0, at, "", 0.0)
            count = trouble.count + 1
            seconds = back_off_seconds * min(60.0, 2.0 ** min(count - 1, 16))
            self._troubles[thread, item] = replace(
                trouble, count=count, last_at=at, last_error=text, retry_at=self._monotonic() + seconds
            )
        # The same error every minute needs its traceback once; errors that we word ourselves need none.
        is_news = before is None or before.last_error != text
        is_ours = isinstance(error, Error)
        what = f"{item} failed" if item else "failed"
        trace = error if is_news and not is_ours else None
        log(thread).warning("%s, %d in a row: %s", what, count, text, exc_info=trace)
        return seconds

    def succeeded(self, thread: str, item: str) -> None:
        """Note that something works; a trouble of it is over."""
        with self._lock:
            over = self._troubles.pop((thread, item), None)
        if over is not None:
            log(thread).info("%s works again after %d failures", item or "the thread", over.count)

    def keep_only(self, thread: str, items: Collection[str]) -> None:
        """Forget the troubles of all other items of a thread: they are gone."""
        with self._lock:
            for key in [key for key in self._troubles if key[0] == thread and key[1] and key[1] not in items]:
                del self._troubles[key]

    def is_waiting(self, thread: str, item: str) -> bool:
        """Tell whether something failed so short a while ago that it is not to be tried yet."""
        with self._lock:
            trouble = self._troubles.get((thread, item))
        return trouble is not None and self._monotonic() < trouble.retry_at

    def seconds_to_retry(self, thread: str) -> float | None:
        """Return in how many seconds the next item of a thread is to be tried again; None if there is none."""
        with self._lock:
            times = [each.retry_at for key, each in self._troubles.items() if key[0] == thread and key[1]]
        return max(0.0, min(times) - self._monotonic()) if times else None

    def run_to_end(self, thread: str, work: Callable[[], object]) -> None:
        """Do work that only ends with the server, on the thread of the caller; an error is a trouble that stays."""
        try:
            work()
        except BaseException as error:  # noqa: BLE001 - the thread is lost, and that must be seen
            self.failed(thread, "", error)


class Wakes(Protocol):
    """What threads wait on until something changes: see `trunkline.db.changes`."""

    @property
    def count(self) -> int:
        """How many changes there were."""

    def announce(self) -> None:
        """Wake everyone who waits."""

    def wait(self, seen: int, *, seconds: float) -> int:
        """Return as soon as the count is beyond seen, or after the given time."""


class BackgroundThread:
    """Looks for something to do, sleeps until there may be more, and looks again, whatever went wrong before."""

    def __init__(
        self,
        supervisor: Supervisor,
        name: str,
        look: Callable[[], float | None],
        *,
        wakes: Wakes,
        first_seconds: float = 0.0,
        quiet_seconds: float = 0.0,
        look_seconds_max: float = LOOK_SECONDS_MAX,
        back_off_seconds: float = BACK_OFF_SECONDS,
    ) -> None:
        """Begin nothing yet.

        ``look`` does what is to be done, and returns in how many seconds it wants to look again at the latest, None
        for no wish. It looks earlier when ``wakes`` announces something, but not before ``quiet_seconds`` have passed.
        """
        self._supervisor = supervisor
        self._name = name
        self._look = look
        self._wakes = wakes
        self._first_seconds = first_seconds
        self._quiet_seconds = quiet_seconds
        self._look_seconds_max = look_seconds_max
        self._back_off_seconds = back_off_seconds
        self._closing = threading.Event()
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)

    @property
    def is_closing(self) -> bool:
        """Whether the thread is to end: a long look breaks off."""
        return self._closing.is_set()

    def start(self) -> None:
        """Begin to look."""
        self._thread.start()

    def stop(self) -> None:
        """Tell it to end."""
        self._closing.set()
        self._wakes.announce()

    def close(self) -> None:
        """End it, after the look that is under way."""
        self.stop()
        if self._thread.is_alive():
            self._thread.join()

    def attempt(self, item: str, act: Callable[[], T], *, vital: bool = False) -> T | None:
        """Do one thing among many: see `Supervisor.attempt`."""
        return self._supervisor.attempt(self._name, item, act, vital=vital)

    def keep_only(self, items: Collection[str]) -> None:
        """Forget the troubles of items that are gone."""
        self._supervisor.keep_only(self._name, items)

    def _run(self) -> None:
        self._closing.wait(self._first_seconds)
        while not self._closing.is_set():
            seen = self._wakes.count
            try:
                seconds = self._look()
            except BaseException as error:  # noqa: BLE001 - no error ends a thread of the server
                seconds = self._supervisor.failed(self._name, "", error, back_off_seconds=self._back_off_seconds)
                self._closing.wait(seconds)  # whatever changes meanwhile: each try may be expensive
                continue
            self._supervisor.succeeded(self._name, "")
            wishes = (seconds, self._supervisor.seconds_to_retry(self._name), self._look_seconds_max)
            wait = max(0.0, min(wish for wish in wishes if wish is not None))
            self._wakes.wait(seen, seconds=wait)
            self._closing.wait(min(wait, self._quiet_seconds))


def _time(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
