"""Runs a program of this package in a process of its own: bounded in memory, output and time, one at a time."""

import os
import signal
import subprocess
import sys
import tempfile
import threading
import time
from typing import BinaryIO

from trunkline.api.confined.limits import MEMORY_BYTES_MAX, OUTPUT_BYTES_MAX
from trunkline.errors import InvalidInputError, UnavailableError

WAIT_SECONDS_MAX = 20.0
"""How long a run waits for those before it."""
_REASON_BYTES_MAX = 2000
# What an interpreter may need to start at all. The program forgets it before it runs what a user wrote.
_KEPT = ("PYTHONHOME", "PYTHONPATH", "LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH")
_turn = threading.Lock()


def run_confined(program: str, given: bytes, *, what: str, seconds: float) -> tuple[bytes, float]:
    """Return what a module of this package answers to what it is given, and the seconds that it took.

    Raise InvalidInputError, which begins with ``what``, if it fails, takes longer than ``seconds``, or more memory or
    output than `limits` allow; UnavailableError if others are being run all the while.
    """
    with tempfile.TemporaryFile() as stdin, tempfile.TemporaryFile() as stdout, tempfile.TemporaryFile() as stderr:
        stdin.write(given)
        stdin.seek(0)
        if not _turn.acquire(timeout=WAIT_SECONDS_MAX):
            raise UnavailableError(f"{what}: others are being run, one at a time: try again")
        try:
            began = time.monotonic()
            code = _run(program, stdin, stdout, stderr, seconds)
            took = time.monotonic() - began
        finally:
            _turn.release()
        if code is None:
            raise InvalidInputError(f"{what}: it took longer than {seconds:.0f} s")
        if code:
            raise InvalidInputError(f"{what}: {_reason(code, _told(stderr))}")
        stdout.seek(0)
        return stdout.read(), took


def _run(program: str, stdin: BinaryIO, stdout: BinaryIO, stderr: BinaryIO, seconds: float) -> int | None:
    """Return the exit code, None where time was up."""
    environ = {name: os.environ[name] for name in _KEPT if name in os.environ}
    command = [sys.executable, "-P", "-s", "-m", f"{__package__}.{program}"]
    try:
        done = subprocess.run(
            command, stdin=stdin, stdout=stdout, stderr=stderr, env=environ, cwd="/", timeout=seconds, check=False
        )
    except subprocess.TimeoutExpired:
        return None
    return done.returncode


def _told(stderr: BinaryIO) -> str:
    """Return the end of what was written there."""
    size = stderr.seek(0, os.SEEK_END)
    stderr.seek(max(0, size - _REASON_BYTES_MAX))
    return stderr.read().decode(errors="replace").strip()


def _reason(code: int, told: str) -> str:
    if code in (-signal.SIGXCPU, -signal.SIGKILL):
        return "it took too long"
    if code == -signal.SIGXFSZ:
        return f"it writes more than {OUTPUT_BYTES_MAX // 2**20} MiB"
    if code < 0:
        return f"it took more than {MEMORY_BYTES_MAX // 2**20} MiB of memory, or nests too deeply"
    if told.startswith("Traceback"):
        return told.splitlines()[-1]
    return told or "it ended without a reason"
