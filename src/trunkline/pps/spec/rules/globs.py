"""Globs that templates such as ``$1`` draw on: how many groups they take, and the pattern corrected to have them."""

import re
from collections.abc import Iterator

from trunkline.model.globs.dialect import group_number

_TEMPLATE = re.compile(r"\$(?:(\$)|(\d+)|\{(\d+)\})")
_STARS = re.compile(r"\*{1,2}")
_GROUPS_MAX = 100
"""More than that are a slip, which nobody wants spelled out."""


def groups_needed(template: str) -> int:
    """Return the highest group that a template names; 0 when it names none."""
    return max(
        (group_number(match[2] or match[3]) for match in _TEMPLATE.finditer(template) if not match[1]), default=0
    )


def with_groups(glob: str, count: int) -> str:
    """Return the glob with stars put in parentheses until it has count groups; a new one when it has too few stars."""
    have = glob.count("(")
    missing = count - have
    if missing <= 0:
        return glob
    bare = list(_bare_stars(glob))
    if len(bare) < missing:
        # No stars to capture: a name made of as many parts as there must be groups.
        return "/" + "-".join(["(*)"] * min(count, _GROUPS_MAX))
    for start, end in reversed(bare[:missing]):
        glob = f"{glob[:start]}({glob[start:end]}){glob[end:]}"
    return glob


def _bare_stars(glob: str) -> Iterator[tuple[int, int]]:
    """Yield where a ``*`` or ``**`` stands outside of any parentheses and is no quantifier."""
    depth = 0
    position = 0
    while position < len(glob):
        if glob[position] in "([{":
            depth += 1
        elif glob[position] in ")]}":
            depth -= 1
        elif (match := _STARS.match(glob, position)) and depth == 0:
            quantifies = glob[match.end() : match.end() + 1] == "("
            if not quantifies:
                yield match.span()
            position = match.end() - 1
        position += 1


def starred_group(glob: str) -> str | None:
    """Return the glob as it was surely meant when ``*(x)`` stands where star and group were meant; None otherwise."""
    if not re.search(r"(?<![\\*])\*\((?!\*\))", glob):
        return None
    return re.sub(r"(?<![\\*])\*\((?!\*\))", "*@(", glob)
