"""Waiting, in a test, for what another process does: nothing announces that."""

import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

T = TypeVar("T")

_SECONDS_MAX = 60.0
_AGAIN_SECONDS = 0.05


def eventually(look: Callable[[], T]) -> T:
    """Return what look returns once that is true; fail the test if it never is."""
    deadline = time.monotonic() + _SECONDS_MAX
    while not (found := look()):
        assert time.monotonic() < deadline, "it never came to be"
        time.sleep(_AGAIN_SECONDS)
    return found


def pid_in(path: Path) -> int:
    """Return the process id in a file, once it is there."""
    return int(eventually(lambda: path.exists() and path.read_text().strip()))


def is_alive(pid: int) -> bool:
    """Return whether a process is there."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True
