"""What a process gives up before it runs what a user wrote. Imports as little as it can: it is paid for each run."""

import os
import resource
from pathlib import Path

MEMORY_BYTES_MAX = 256 * 1024 * 1024
"""What a run may take on top of the interpreter."""
OUTPUT_BYTES_MAX = 4 * 1024 * 1024
CPU_SECONDS_MAX = 10


def confine(*, opens_files: bool = False) -> None:
    """Give up the environment, memory and time without end, long output and core files, for good.

    Unless told otherwise, also whatever needs a new descriptor: no file can be opened and no connection made. What is
    open stays open.
    """
    os.environ.clear()
    limits = {
        resource.RLIMIT_CORE: 0,
        resource.RLIMIT_CPU: CPU_SECONDS_MAX,
        resource.RLIMIT_FSIZE: OUTPUT_BYTES_MAX,
    }
    if (size := _address_space_bytes()) is not None:
        limits[resource.RLIMIT_AS] = size + MEMORY_BYTES_MAX
    if not opens_files:
        limits[resource.RLIMIT_NOFILE] = 0
    for kind, wanted in limits.items():
        _, hard = resource.getrlimit(kind)
        lowest = wanted if hard == resource.RLIM_INFINITY else min(wanted, hard)
        resource.setrlimit(kind, (lowest, lowest))


def _address_space_bytes() -> int | None:
    """Return what this process has mapped; None on systems that neither tell that nor hold a process to a limit."""
    try:
        pages = Path("/proc/self/statm").read_bytes().split()[0]
    except FileNotFoundError:
        return None
    return int(pages) * resource.getpagesize()
