"""Reading what ``--raw`` prints: JSON objects one after another."""

import json
from collections.abc import Iterator
from typing import Any


def read_objects(text: str) -> Iterator[dict[str, Any]]:
    """Yield each object of the text."""
    decoder = json.JSONDecoder()
    rest = text.lstrip()
    while rest:
        found, end = decoder.raw_decode(rest)
        yield found
        rest = rest[end:].lstrip()
