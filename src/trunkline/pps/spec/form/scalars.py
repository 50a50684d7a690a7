"""Single values of a spec: brought to canonical form, or told what they should have been.

Every function returns the value to go on with, and a complaint when the value as written is refused; reading goes on
with the corrected value, so that one slip is told once.
"""

import math
import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime

from trunkline.pps.spec.durations import format_duration, parse_duration
from trunkline.pps.spec.form.schema import Scalar

_TRUE = frozenset({"true", "yes", "on", "y", "1"})
_WIRE_TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,9})?(Z|[+-]\d\d:\d\d)", re.ASCII)
_FALSE = frozenset({"false", "no", "off", "n", "0"})


@dataclass(frozen=True, slots=True)
class Complaint:
    """Why a value is refused. ``corrected`` is what was surely meant, or None."""

    message: str
    corrected: object = None


Reading = tuple[object, Complaint | None]
"""The value to go on with, and what is wrong with the one that was written."""


def read_scalar(value: object, shape: Scalar) -> Reading:
    """Return the canonical form of value, and what is wrong with it, if anything."""
    return _READERS[shape.kind](value, shape)


def _refused(message: str, corrected: object = None) -> Reading:
    return corrected, Complaint(message, corrected)


def text_of(value: object) -> str:
    """Return how a scalar that should have been quoted was written."""
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value)


def _string(value: object, _shape: Scalar) -> Reading:
    if isinstance(value, str):
        return value, None
    if isinstance(value, bool | int | float):
        return _refused("must be a string", text_of(value))
    if isinstance(value, dict) and len(value) == 1:
        # The YAML trap: an unquoted `a: b` in a list is a mapping.
        ((key, inner),) = value.items()
        if isinstance(inner, str | int | float | bool):
            return _refused("must be a string; quote what has a colon in it", f"{key}: {text_of(inner)}")
    return _refused("must be a string")


def _bool(value: object, _shape: Scalar) -> Reading:
    if isinstance(value, bool):
        return value, None
    word = str(value).lower()
    if word in _TRUE | _FALSE:
        return _refused("must be true or false", word in _TRUE)
    return _refused("must be true or false")


def _int(value: object, shape: Scalar) -> Reading:
    number = _whole_number(value)
    if number is None:
        return _refused("must be a whole number")
    if not shape.low <= number <= shape.high:
        return _refused(f"must be between {shape.low} and {shape.high}" if number > 0 else "must not be negative")
    return number, None


def _whole_number(value: object) -> int | None:
    if isinstance(value, bool):
        return None
    if isinstance(value, int):
        return value
    if isinstance(value, float):
        return int(value) if math.isfinite(value) and value == int(value) else None
    if isinstance(value, str) and value.lstrip("-").isascii() and value.removeprefix("-").isdigit() and len(value) < 30:
        return int(value)
    return None


def _float(value: object, _shape: Scalar) -> Reading:
    if isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value):
        return value, None
    if isinstance(value, str):
        try:
            number = float(value)
        except ValueError:
            return _refused("must be a number", _cores(value))
        if math.isfinite(number):
            return number, None
    return _refused("must be a number")


def _cores(text: str) -> float | None:
    """Return the number of cores that Kubernetes writes as ``500m``."""
    return int(text[:-1]) / 1000 if text.endswith("m") and text[:-1].isdigit() else None


def _duration(value: object, _shape: Scalar) -> Reading:
    if isinstance(value, str):
        try:
            return format_duration(parse_duration(value)), None
        except ValueError as problem:
            return _refused(f"must be a duration: {problem}", _in_seconds(value))
    if isinstance(value, int | float) and not isinstance(value, bool):
        return _refused("must be a duration with its unit", _in_seconds(str(value)))
    return _refused('must be a duration such as "30s"')


def _in_seconds(number: str) -> str | None:
    try:
        parse_duration(f"{number}s")
    except ValueError:
        return None
    return f"{number}s"


def _timestamp(value: object, _shape: Scalar) -> Reading:
    if isinstance(value, str):
        try:
            moment = datetime.fromisoformat(value)
        except ValueError:
            return _refused('must be a time such as "2024-05-01T00:00:00Z"')
        if moment.tzinfo is not None and "T" in value.upper():
            return _wire_time(value, moment)
        return _refused("must be a time with its zone", moment.strftime("%Y-%m-%dT%H:%M:%SZ"))
    return _refused('must be a time such as "2024-05-01T00:00:00Z"')


def _wire_time(value: str, moment: datetime) -> Reading:
    """Return a time in the one form that the wire takes: as it is written, if it is written so."""
    try:
        utc = moment.astimezone(UTC).replace(tzinfo=None)
    except OverflowError:
        return _refused("must be a time between the years 1 and 9999")
    return (value if _WIRE_TIME.fullmatch(value) else f"{utc.isoformat()}Z"), None


def _enum(value: object, shape: Scalar) -> Reading:
    names = shape.names
    if value in names:
        return value, None
    number = _whole_number(value)
    if number is not None and 0 <= number < len(names):
        return names[number], None
    if isinstance(value, str) and value.upper() in names:
        return _refused(f"must be one of {', '.join(names)}", value.upper())
    return _refused(f"must be one of {', '.join(names)}")


_READERS: dict[str, Callable[[object, Scalar], Reading]] = {
    "string": _string,
    "bool": _bool,
    "int": _int,
    "float": _float,
    "duration": _duration,
    "timestamp": _timestamp,
    "enum": _enum,
}
