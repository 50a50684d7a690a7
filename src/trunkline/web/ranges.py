"""Single byte ranges of RFC 9110, section 14."""

import re
from dataclasses import dataclass

_RANGE = re.compile(r"bytes=[ \t]*([0-9]*)-([0-9]*)[ \t]*", re.IGNORECASE)
_DIGITS_MAX = 18


class UnsatisfiableRangeError(ValueError):
    """The range lies outside the content."""


@dataclass(frozen=True, slots=True)
class ByteRange:
    """Bytes start to stop, stop left out."""

    start: int
    stop: int


def read_range(header: str | None, size: int) -> ByteRange | None:
    """Return what a Range header asks for of content of that size; None where the whole is to be sent.

    A header in a form that is not understood (several ranges, other units) is ignored, as the RFC says.
    """
    parsed = _RANGE.fullmatch(header.strip()) if header else None
    if parsed is None or not any(parsed.groups()):
        return None
    first, last = (_position(digits) for digits in parsed.groups())
    if first is None:
        assert last is not None
        if size == 0 and last:
            return None  # the last bytes of nothing are nothing, and no range can say so
        found = ByteRange(max(0, size - last), size)
    else:
        found = ByteRange(first, size if last is None else min(size, last + 1))
        if last is not None and last < first:
            return None
    if found.start >= found.stop:
        raise UnsatisfiableRangeError(header)
    return found


def _position(digits: str) -> int | None:
    """Return a position; one of thousands of digits, too, which lies beyond every file."""
    if not digits:
        return None
    significant = digits.lstrip("0")
    return 10**_DIGITS_MAX if len(significant) > _DIGITS_MAX else int(significant or "0")
