"""Waiting, in a test, for what another process does: nothing announces that."""

import time
from collections.abc import Callable
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
