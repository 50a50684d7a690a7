"""The thread that collects garbage from time to time."""

from trunkline.db.changes import Changes
from trunkline.pfs.garbage import Garbage
from trunkline.supervision import BackgroundThread, Supervisor
from trunkline.telemetry import log

PERIOD_SECONDS = 6 * 3600.0
"""Also how long after its start a server makes its first pass: one that runs for a command has other things to do."""
_BACK_OFF_SECONDS = 60.0
"""A pass is long; a full disk or a lost service takes its time to pass, too."""


class Collector:
    """Makes a pass every few hours, and the next one earlier where one failed."""

    def __init__(self, garbage: Garbage, supervisor: Supervisor, *, period_seconds: float = PERIOD_SECONDS) -> None:
        self.garbage = garbage
        self._thread = BackgroundThread(
            supervisor,
            "garbage",
            self._pass,
            wakes=Changes(),
            first_seconds=period_seconds,
            look_seconds_max=period_seconds,
            back_off_seconds=min(_BACK_OFF_SECONDS, period_seconds),
        )

    def start(self) -> None:
        """Begin to wait for the first pass."""
        self._thread.start()

    def close(self) -> None:
        """End, after the pass that is under way."""
        self._thread.close()

    def _pass(self) -> None:
        done = self.garbage.collect()
        log("garbage").info("deleted %d objects, %d bytes", done.deleted_objects, done.deleted_bytes)
