"""Holding commands to an amount of memory, by looking at what they have from time to time."""

import time
from collections.abc import Iterable
from pathlib import Path

from trunkline.worker.commands.processes import descendants

CHECK_SECONDS = 0.05
_WAIT_PER_LOOK = 20
"""Looking closely takes at most a twentieth of the time: it is slow where a process has very much memory."""
_PRIVATE = ("RssAnon", "RssShmem", "VmSwap")
_SHARES = ("Pss_Anon", "Pss_Shmem", "SwapPss")


class MemoryWatch:
    """Watches what a launcher runs, all its descendants together.

    Counted is what they hold for themselves: anonymous and shared memory, swapped out or not, but no pages of files. A
    page that several processes share, such as those of a warm interpreter with its fork, counts in parts for each.
    """

    def __init__(self, launcher_pid: int, *, bytes_max: int) -> None:
        self.check_seconds = CHECK_SECONDS
        """How often to ask."""
        self.bytes_max = bytes_max
        self.peak_bytes = 0
        """The most that was seen, where it came near the limit."""
        self._launcher_pid = launcher_pid
        self._next_at = 0.0

    def is_over(self) -> bool:
        """Whether they have more than they may. To be asked from time to time."""
        started = time.monotonic()
        if started < self._next_at:
            return False
        self._next_at = started + CHECK_SECONDS
        pids = list(descendants(self._launcher_pid))
        # The quick look counts shared pages several times, so it is never below the close one.
        if _sum(pids, "status", _PRIVATE) <= self.bytes_max:
            return False
        self.peak_bytes = max(self.peak_bytes, _sum(pids, "smaps_rollup", _SHARES))
        now = time.monotonic()
        self._next_at = now + max(CHECK_SECONDS, _WAIT_PER_LOOK * (now - started))
        return self.peak_bytes > self.bytes_max


def _sum(pids: Iterable[str], file: str, fields: tuple[str, ...]) -> int:
    total = 0
    for pid in pids:
        try:
            lines = Path("/proc", pid, file).read_text().splitlines()
        except OSError:
            continue  # gone meanwhile
        total += sum(int(line.split()[1]) for line in lines if line.partition(":")[0] in fields)
    return total << 10


def describe(size_bytes: int) -> str:
    """Return an amount of memory for people."""
    return f"{size_bytes / (1 << 20):,.0f} MiB"
