"""Noticing that a forked script will never go on: a library may have held a lock that only the parent could release."""

import platform
import time
from pathlib import Path

from trunkline.worker.commands.processes import children

_FUTEX = {"x86_64": "202", "aarch64": "98", "riscv64": "98"}
_TIMEOUT_FIELD = 4
_CHECKS = 6
DEADLOCK_SECONDS = 30.0


class DeadlockWatch:
    """Watches the child of a launcher. One that sleeps, reads, computes or waits for a child is not taken for dead."""

    def __init__(self, launcher_pid: int, *, seconds: float) -> None:
        self.check_seconds = seconds / _CHECKS
        """How often to ask."""
        self._launcher_pid = launcher_pid
        self._seconds = seconds
        self._still_since: float | None = None
        self._cpu_ticks = -1

    def is_dead(self) -> bool:
        """Whether for long every thread has waited for a lock, without a timeout. To be asked from time to time."""
        ticks = _stuck_ticks(self._launcher_pid)
        now = time.monotonic()
        if ticks is None or ticks != self._cpu_ticks:
            self._still_since = None if ticks is None else now
            self._cpu_ticks = -1 if ticks is None else ticks
            return False
        return self._still_since is not None and now - self._still_since >= self._seconds


def _stuck_ticks(launcher_pid: int) -> int | None:
    """Return the CPU time of the launcher's only child if all its threads wait for locks and it has no children."""
    try:
        found = children(launcher_pid)
        if len(found) != 1 or children(found[0]):
            return None
        task = Path("/proc", found[0], "task")
        if not all(_waits_for_a_lock(thread) for thread in task.iterdir()):
            return None
        fields = Path("/proc", found[0], "stat").read_text().rpartition(")")[2].split()
    except OSError:
        return None  # gone, or not ours to look at
    return int(fields[11]) + int(fields[12])


def _waits_for_a_lock(thread: Path) -> bool:
    call = (thread / "syscall").read_text().split()
    return call[0] == _FUTEX.get(platform.machine()) and int(call[_TIMEOUT_FIELD], 16) == 0
