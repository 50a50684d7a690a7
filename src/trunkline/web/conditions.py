"""Conditional requests of RFC 9110, section 13, for content whose validators are known."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import format_datetime, parsedate_to_datetime

_TAG = re.compile(r'(W/)?("[\x21\x23-\x7e\x80-\xff]*")')
_TAGS = re.compile(rf"[\s,]*(?:{_TAG.pattern}[\s,]*)*")


@dataclass(frozen=True, slots=True)
class Validators:
    """What tells one state of a file from another."""

    etag: str
    """Strong, with its quotes."""
    modified: datetime | None = None
    """To the second, as it is sent."""

    @property
    def headers(self) -> dict[str, str]:
        """The header fields that tell a client."""
        found = {"etag": self.etag}
        if self.modified is not None:
            found["last-modified"] = format_datetime(self.modified, usegmt=True)
        return found


def status_of(headers: Mapping[str, str], validators: Validators) -> int | None:
    """Return 304 or 412 where the conditions of a GET or HEAD say so, None where it is to be done (section 13.2.2)."""
    if (wanted := headers.get("if-match")) is not None:
        if not _lists(wanted, validators.etag, weak=False):
            return 412
    elif (since := _date(headers.get("if-unmodified-since"))) and validators.modified and validators.modified > since:
        return 412
    if (known := headers.get("if-none-match")) is not None:
        return 304 if _lists(known, validators.etag, weak=True) else None
    since = _date(headers.get("if-modified-since"))
    return 304 if since and validators.modified and validators.modified <= since else None


def range_applies(headers: Mapping[str, str], validators: Validators) -> bool:
    """Return whether a Range is meant for this state of the file (section 13.1.5)."""
    condition = headers.get("if-range")
    if condition is None:
        return True
    if '"' in condition:
        return condition.strip() == validators.etag
    date = _date(condition)
    return date is not None and date == validators.modified


def _lists(text: str, etag: str, *, weak: bool) -> bool:
    """Return whether a list of tags has this one; one that is malformed has none."""
    if text.strip() == "*":
        return True
    if not _TAGS.fullmatch(text):
        return False
    return any(tag == etag and (weak or not prefix) for prefix, tag in _TAG.findall(text))


def _date(text: str | None) -> datetime | None:
    if not text:
        return None
    try:
        found = parsedate_to_datetime(text)
        return found if found.tzinfo else found.replace(tzinfo=UTC)
    except (ValueError, TypeError, OverflowError, IndexError):
        return None
