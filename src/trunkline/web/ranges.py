"""Single byte ranges of RFC 9110, section 14."""

import re
from dataclasses import dataclass

_RANGE = re.compile(r"bytes=(\d*)-(\d*)")


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
    if parsed is None or parsed.group(0) == "bytes=-":
        return None
    first, last = parsed.groups()
    if not first:
        found = ByteRange(max(0, size - int(last)), size)
    else:
        found = ByteRange(int(first), min(size, int(last) + 1) if last else size)
        if last and int(last) < int(first):
            return None
    if found.start >= found.stop:
        raise UnsatisfiableRangeError(header)
    return found
