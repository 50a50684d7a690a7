"""What is told of a transfer where there is no terminal: lines now and then while it is long, and one at the end."""

from __future__ import annotations

from dataclasses import dataclass

from trunkline.cli.show import human

_FIRST_LINE_SECONDS = 2.0
_GAP_SECONDS_MIN = 10.0
_GAP_SECONDS_MAX = 300.0
_GAP_SHARE = 0.1


@dataclass(frozen=True, slots=True)
class Amount:
    """Files and bytes; None where nobody knows."""

    files: int | None
    size_bytes: int | None


def next_line_seconds(elapsed_seconds: float) -> float:
    """Return when the next line is due, in seconds since the start.

    Short transfers are silent, and the longer one takes, the rarer its lines are: nobody reads ten thousand of them.
    """
    if elapsed_seconds < _FIRST_LINE_SECONDS:
        return _FIRST_LINE_SECONDS
    return elapsed_seconds + min(max(elapsed_seconds * _GAP_SHARE, _GAP_SECONDS_MIN), _GAP_SECONDS_MAX)


def last_line_is_due(elapsed_seconds: float, wanted: bool | None) -> bool:
    """Tell whether a transfer that has ended is worth a line; wanted is what was asked for, None for nothing."""
    return wanted is not False and (wanted is True or elapsed_seconds >= _FIRST_LINE_SECONDS)


def line_so_far(verb: str, done: Amount, total: Amount, elapsed_seconds: float) -> str:
    """Return a line about a transfer that goes on."""
    if not done.files and not done.size_bytes:
        return f"{verb} goes on after {human.duration(elapsed_seconds)}"
    files = (
        f"{done.files} of {human.count(total.files, 'file')}" if total.files else human.count(done.files or 0, "file")
    )
    size = human.size(done.size_bytes or 0) + (f" of {human.size(total.size_bytes)}" if total.size_bytes else "")
    return f"{verb} so far: {files}, {size}{_rate(done, elapsed_seconds)}{_left(done, total, elapsed_seconds)}"


def line_at_end(verb: str, done: Amount, elapsed_seconds: float) -> str:
    """Return the line about a transfer that has succeeded."""
    amount = f"{human.count(done.files or 0, 'file')}, {human.size(done.size_bytes or 0)}"
    return f"{verb} {amount} in {human.duration(elapsed_seconds)}{_rate(done, elapsed_seconds)}"


def _rate(done: Amount, elapsed_seconds: float) -> str:
    # Below a second the start of the command is most of it.
    if not done.size_bytes or elapsed_seconds < 1:
        return ""
    return f", {human.size(round(done.size_bytes / elapsed_seconds))}/s"


def _left(done: Amount, total: Amount, elapsed_seconds: float) -> str:
    if not done.size_bytes or not total.size_bytes:
        return ""
    left_bytes = max(total.size_bytes - done.size_bytes, 0)
    return f", {human.duration(round(left_bytes * elapsed_seconds / done.size_bytes))} left" if left_bytes else ""
