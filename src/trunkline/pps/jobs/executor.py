"""Where datum sets run, as the control side sees it. Engines implement this; the controller is their only caller."""

from concurrent.futures import Future
from typing import Protocol

from trunkline.model.datums import AtWork, DatumSet, DatumSetResult


class Executor(Protocol):
    """Runs datum sets somewhere. Every method may be called from any thread."""

    def submit(self, datum_set: DatumSet) -> Future[DatumSetResult]:
        """Queue the set and return its future, at once.

        The result speaks for every datum of the set. A set that is lost with its worker runs again under the next
        attempt number, which the result then carries; a set that is lost for good comes back with its datums failed and
        the reason. So the future raises only ``CancelledError``, after `cancel` or `close`.
        """

    def capacity(self) -> int:
        """Return how many sets can run at the same time; more of them wait, fairly between jobs."""

    def cancel(self, job: str) -> None:
        """Drop the job's waiting sets and kill what runs of it. Their futures raise ``CancelledError``."""

    def running(self, job: str) -> list[DatumSet]:
        """Return the sets of the job that are being run now."""

    def at_work(self, job: str) -> list[AtWork]:
        """Return the workers that run sets of the job now, and the datum that each is at."""

    def restart(self, job: str, index: int) -> None:
        """Kill what runs of that set and run it again from its first datum; nothing if it does not run."""

    def close(self) -> None:
        """Cancel everything and return when no process is left behind."""
