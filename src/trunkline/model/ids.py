"""Identifiers: 32 lower-case hex digits of a version 4 UUID, shared by commit sets, jobs and transactions."""

import re
import uuid

_ID = re.compile(r"[0-9a-f]{12}4[0-9a-f]{19}")


def new_id() -> str:
    """Return a fresh random identifier."""
    return uuid.uuid4().hex


def is_id(text: str) -> bool:
    """Tell whether text is an identifier; anything else after ``repo@`` is a branch name."""
    return _ID.fullmatch(text) is not None
