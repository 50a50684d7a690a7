"""JSON that somebody else wrote."""

import json
import re
from collections.abc import Callable
from typing import Any

_SURROGATE = re.compile(rb"\\u[dD][89a-fA-F]")


def load_json(
    text: str | bytes,
    *,
    object_pairs_hook: Callable[[list[tuple[str, Any]]], Any] | None = None,
    parse_constant: Callable[[str], Any] | None = None,
) -> Any:  # noqa: ANN401 - whatever JSON holds
    """Return the value in text, or raise ValueError, also where it nests too deeply or holds what is no text."""
    try:
        found = json.loads(text, object_pairs_hook=object_pairs_hook, parse_constant=parse_constant)
    except RecursionError:
        raise ValueError("it is nested too deeply") from None
    # Half of a surrogate pair can be written, but neither stored nor sent.
    if _SURROGATE.search(text if isinstance(text, bytes) else text.encode(errors="replace")):
        try:
            json.dumps(found, ensure_ascii=False).encode()
        except UnicodeEncodeError as error:
            raise ValueError(f"it has {error.object[error.start]!a}, half of a character") from None
    return found
