"""What the system tells of processes below a launcher."""

import os
from collections.abc import Iterator
from pathlib import Path


def children(pid: int | str) -> list[str]:
    """Return the processes that one has started and not waited for. Raises OSError if it is gone or not ours to see."""
    return [
        child
        for thread in os.listdir(f"/proc/{pid}/task")
        for child in Path(f"/proc/{pid}/task/{thread}/children").read_text().split()
    ]


def descendants(pid: int | str) -> Iterator[str]:
    """Yield all processes below one; those that are gone by then are left out."""
    try:
        found = children(pid)
    except OSError:
        return
    for child in found:
        yield child
        yield from descendants(child)
