"""Sizes, times and durations as people read them."""

from datetime import UTC, datetime
from typing import Protocol

_UNITS = ("B", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB")
_MINUTE = 60
_HOUR = 60 * _MINUTE
_DAY = 24 * _HOUR
_AGES = ((365 * _DAY, "year"), (30 * _DAY, "month"), (7 * _DAY, "week"), (_DAY, "day"), (_HOUR, "hour"))


class Stamp(Protocol):
    """A protobuf Timestamp or Duration."""

    @property
    def seconds(self) -> int: ...  # noqa: D102
    @property
    def nanos(self) -> int: ...  # noqa: D102


def size(count: int) -> str:
    """Return a number of bytes with up to four digits, such as ``1.465KiB``."""
    number, unit = float(count), 0
    while number >= 1024 and unit < len(_UNITS) - 1:
        number, unit = number / 1024, unit + 1
    return f"{number:.4g}{_UNITS[unit]}"


def seconds_of(stamp: Stamp) -> float:
    """Return a protobuf Timestamp or Duration in seconds."""
    return stamp.seconds + stamp.nanos / 1e9


def age(seconds: float) -> str:
    """Return how long ago something was: ``3 minutes ago``."""
    return f"{_rough(seconds)} ago"


def _rough(seconds: float) -> str:
    whole = int(seconds)
    if whole < 1:
        return "less than a second"
    if whole < _MINUTE:
        return count(whole, "second")
    if whole < _HOUR:
        return count(whole // _MINUTE, "minute")
    # Up to two of a unit, the next smaller one says more: 36 hours rather than 1 day.
    for length, unit in _AGES:
        if whole >= 2 * length:
            return count(whole // length, unit)
    return count(whole // _HOUR, "hour")


def count(number: int, unit: str) -> str:
    """Return a number of things: ``1 file``, ``2 files``."""
    return f"{number} {unit}" + ("" if number == 1 else "s")


def full_time(seconds: float) -> str:
    """Return a time as RFC 3339, in UTC."""
    return datetime.fromtimestamp(seconds, UTC).isoformat().replace("+00:00", "Z")


def duration(seconds: float) -> str:
    """Return a length of time: ``85ms``, ``2.31s``, ``1m05s``, ``3h02m``."""
    if seconds < 1:
        return f"{seconds * 1000:.0f}ms"
    if seconds < _MINUTE:
        return f"{seconds:.3g}s"
    whole = round(seconds)
    if whole < _HOUR:
        return f"{whole // _MINUTE}m{whole % _MINUTE:02d}s"
    return f"{whole // _HOUR}h{whole % _HOUR // _MINUTE:02d}m"
