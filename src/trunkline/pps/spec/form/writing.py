"""Corrected text: small values as a person would type them into a spec, in YAML or JSON."""

import json
import re
from collections.abc import Iterator

_PLAIN = re.compile(r"-{0,2}[A-Za-z_/][A-Za-z0-9_/.-]*")
_NOT_PLAIN = frozenset({"true", "false", "null", "yes", "no", "on", "off"})
_LINE_CHARACTERS_MAX = 110


def to_yaml(value: object) -> str:
    """Return value as YAML: mappings in block style, short lists on one line, strings quoted where in doubt."""
    if isinstance(value, dict) and value:
        return "\n".join(_mapping_lines(value))
    if isinstance(value, list) and any(isinstance(item, dict) for item in value):
        return "\n".join(_list_lines(value))
    return _flow(value)


def to_json(value: object) -> str:
    """Return value as JSON; of a mapping the members alone, as they would stand in a larger object."""
    if isinstance(value, dict):
        members = [f"{json.dumps(key)}: {_json_value(item)}" for key, item in value.items()]
        return ",\n".join(members)
    return _json_value(value)


def _json_value(value: object) -> str:
    short = json.dumps(value, ensure_ascii=False)
    return short if len(short) <= _LINE_CHARACTERS_MAX else json.dumps(value, ensure_ascii=False, indent=2)


def _scalar(value: object) -> str:
    if isinstance(value, str) and _PLAIN.fullmatch(value) and value.lower() not in _NOT_PLAIN:
        return value
    return json.dumps(value, ensure_ascii=False)


def _flow(value: object) -> str:
    if isinstance(value, list):
        return "[" + ", ".join(_flow(item) for item in value) + "]"
    if isinstance(value, dict):
        return "{" + ", ".join(f"{_scalar(key)}: {_flow(item)}" for key, item in value.items()) + "}"
    return _scalar(value)


def _mapping_lines(value: dict[str, object]) -> Iterator[str]:
    for key, item in value.items():
        head = f"{_scalar(key)}:"
        flow = _flow(item)
        has_mapping = isinstance(item, list) and any(isinstance(element, dict) for element in item)
        if isinstance(item, dict) and item:
            yield head
            yield from (f"  {line}" for line in _mapping_lines(item))
        elif isinstance(item, list) and (has_mapping or len(flow) > _LINE_CHARACTERS_MAX):
            yield head
            yield from _list_lines(item)
        else:
            yield f"{head} {flow}"


def _list_lines(items: list[object]) -> Iterator[str]:
    for item in items:
        lines = list(_mapping_lines(item)) if isinstance(item, dict) and item else [_flow(item)]
        yield f"- {lines[0]}"
        yield from (f"  {line}" for line in lines[1:])
