"""The thread that collects garbage from time to time."""

import threading

from trunkline.pfs.garbage import Garbage
from trunkline.telemetry import log

PERIOD_SECONDS = 6 * 3600.0
"""Also how long after its start a server makes its first pass: one that runs for a command has other things to do."""


class Collector:
    """Makes a pass every few hours."""

    def __init__(self, garbage: Garbage, *, period_seconds: float = PERIOD_SECONDS) -> None:
        self.garbage = garbage
        self._period_seconds = period_seconds
        self._closing = threading.Event()
        self._thread = threading.Thread(target=self._run, name="garbage", daemon=True)

    def start(self) -> None:
        """Begin to wait for the first pass."""
        self._thread.start()

    def close(self) -> None:
        """End, after the pass that is under way."""
        self._closing.set()
        if self._thread.is_alive():
            self._thread.join()

    def _run(self) -> None:
        while not self._closing.wait(self._period_seconds):
            try:
                done = self.garbage.collect()
            except Exception:  # noqa: BLE001 - a full disk or a lost service passes, and the next pass tries again
                log("garbage").exception("garbage collection was given up")
            else:
                log("garbage").info("deleted %d objects, %d bytes", done.deleted_objects, done.deleted_bytes)
