"""Durations as specs write them: ``"30s"``, and ``"10m"`` or ``"1h30m"`` besides."""

import re

_WHOLE = re.compile(r"(-?)((?:\d+(?:\.\d*)?|\.\d+)(?:ns|us|µs|ms|s|m|h))+", re.ASCII)
_PART = re.compile(r"(\d+(?:\.\d*)?|\.\d+)(ns|us|µs|ms|s|m|h)", re.ASCII)
_SECONDS = {"ns": 1e-9, "us": 1e-6, "µs": 1e-6, "ms": 1e-3, "s": 1.0, "m": 60.0, "h": 3600.0}
_SECONDS_MAX = 315_576_000_000
"""Ten thousand years, the wire's limit."""


def parse_duration(text: str) -> float:
    """Return the seconds that text says, or raise ValueError."""
    if not (whole := _WHOLE.fullmatch(text)):
        raise ValueError(f"{text!r} is not a duration such as 30s, 10m or 1h30m")
    seconds = sum(float(number) * _SECONDS[unit] for number, unit in _PART.findall(text))
    if seconds > _SECONDS_MAX:
        raise ValueError(f"{text!r} is longer than ten thousand years")
    return -seconds if whole.group(1) else seconds


def format_duration(seconds: float) -> str:
    """Return seconds in the wire's form, such as ``30s`` or ``0.25s``."""
    return f"{seconds:.9f}".rstrip("0").rstrip(".") + "s"
