"""YAML that somebody else wrote."""

from typing import Any

import yaml

_CHARACTERS_MAX = 64 * 1024
_DEPTH_MAX = 64
_VALUES_MAX = 10_000
_LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


def load_yaml(text: str) -> Any:  # noqa: ANN401 - whatever YAML holds
    """Return the one value in text, or raise ValueError.

    Bounded by what it says with its aliases written out: a few lines of them can say gigabytes.
    """
    if len(text) > _CHARACTERS_MAX:
        raise ValueError(f"it has {len(text)} characters, and may have {_CHARACTERS_MAX}")
    try:
        _count(text)
        # Not the one in C, whose errors name other lines.
        return yaml.safe_load(text)
    except (yaml.YAMLError, RecursionError, OverflowError) as error:
        raise ValueError(" ".join(str(error).split())) from None


def _count(text: str) -> None:
    """Raise ValueError if text says more values, or nests them more deeply, than anybody means."""
    sizes: dict[str, int] = {}
    opened: list[tuple[str | None, int]] = []
    total = 0
    events = yaml.parse(text, Loader=_LOADER)
    while (event := _next(events)) is not None:
        line = event.start_mark.line + 1 if event.start_mark is not None else 0
        if isinstance(event, yaml.AliasEvent):
            if event.anchor not in sizes:
                raise ValueError(f"line {line}: *{event.anchor} is not the name of a value before it")
            total += sizes[event.anchor]
        elif isinstance(event, yaml.CollectionEndEvent):
            anchor, before = opened.pop()
            if anchor is not None:
                sizes[anchor] = total - before
        elif isinstance(event, yaml.NodeEvent):
            total += 1
            if isinstance(event, yaml.CollectionStartEvent):
                opened.append((event.anchor, total - 1))
            elif event.anchor is not None:
                sizes[event.anchor] = 1
        if total > _VALUES_MAX:
            raise ValueError(f"line {line}: it says more than {_VALUES_MAX} values, aliases written out")
        if len(opened) > _DEPTH_MAX:
            raise ValueError(f"line {line}: it is nested more than {_DEPTH_MAX} levels deep")


def _next(events: Any) -> yaml.Event | None:  # noqa: ANN401 - a generator of them
    """Return the next event; None at the end, and where text is no YAML: what loads it says that better."""
    try:
        event: yaml.Event | None = next(events, None)
    except yaml.YAMLError:
        return None
    return event
