"""The glob dialect (reference, section 2): parse a pattern, match paths, fill templates from its captures.

A pattern becomes a small syntax tree, which is rendered twice: as a regular expression, and, where backtracking could
explode, as a program for `trunkline.model.globs.match`, whose work grows with pattern times path and never faster.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import lru_cache, reduce
from itertools import zip_longest
from math import inf
from operator import or_

from trunkline.errors import InvalidInputError
from trunkline.model.globs import match
from trunkline.model.globs.negation import rejections
from trunkline.model.globs.parse import (
    AnyCharacter,
    CharacterSet,
    Group,
    Literal,
    Node,
    Sequence,
    Star,
    parse,
)

PATTERN_CHARACTERS_MAX = 2048
_REPEATS = frozenset("?*+")
_BACKTRACKING_MAX = 300_000
_UNBOUNDED_DEGREE = 60
_UNBOUNDED_FACTOR = 1 << 60
_TEMPLATE = re.compile(r"\$(?:(\$)|(\d+)|\{(\d+)\})")


@dataclass(frozen=True, slots=True)
class Match:
    """A path that matched, with what the capture groups saw. ``path`` has no trailing slash."""

    path: str
    groups: tuple[str, ...] = ()

    def expand(self, template: str) -> str:
        """Return template with ``$1`` and ``${1}`` filled in.

        ``$0`` is the path and ``$$`` a dollar; a group that is not there is empty.
        """

        def fill(found: re.Match[str]) -> str:
            if found[1]:
                return "$"
            index = group_number(found[2] or found[3])
            if index == 0:
                return self.path
            return self.groups[index - 1] if index <= len(self.groups) else ""

        return _TEMPLATE.sub(fill, template)


@dataclass(frozen=True, slots=True)
class Glob:
    """A compiled pattern."""

    pattern: str
    """The pattern with a leading slash, single slashes and no trailing slash."""
    tree: Sequence
    group_count: int
    literal_prefix: str
    """What every matching path starts with."""
    depth_max: int | None
    """No matching path has more slashes than this; None when there is no bound."""
    re2: str
    """Anchored expression without look-around. It matches all that the glob matches, and more if ``has_negation``."""
    re2_captures: str
    """The same with the groups named ``g1``, ``g2``, …"""
    has_negation: bool
    re2_rejections: tuple[str, ...] | None
    """Expressions like ``re2``: what matches that and none of these matches the glob. None where none can say it."""
    has_empty_iterations: bool
    """Whether a repeated group can match nothing: then engines capture different text, and only `match` is to say."""
    _regex: re.Pattern[str] = field(repr=False)
    _regex_path_characters_max: float = field(repr=False)
    """On longer paths backtracking might explode: they go to `globmatch`."""

    @property
    def is_literal(self) -> bool:
        """Tell whether the pattern names exactly one path, `literal_prefix`."""
        return all(isinstance(node, Literal) for node in self.tree)

    def match(self, path: str) -> Match | None:
        """Return the match of path, which may be a directory with its trailing slash, or None."""
        path = path.rstrip("/")
        if not path:
            return Match("/") if self.pattern == "/" else None
        if not path.startswith(self.literal_prefix):
            return None
        if len(path) <= self._regex_path_characters_max:
            found = self._regex.fullmatch(path)
            return Match(path, tuple(group or "" for group in found.groups())) if found else None
        groups = match.run(match.compile_program(self.tree), path, self.group_count)
        return None if groups is None else Match(path, groups)


def group_number(digits: str) -> int:
    """Return the number of a group as a template has it; numbers beyond any pattern's groups may come out smaller."""
    return int(digits.lstrip("0")[:9] or "0")


@lru_cache(maxsize=1024)
def compile_glob(pattern: str) -> Glob:
    """Return the glob for pattern, or raise InvalidInputError if it is malformed. An empty pattern is ``/``."""
    if len(pattern) > PATTERN_CHARACTERS_MAX:
        raise InvalidInputError(f"glob is longer than {PATTERN_CHARACTERS_MAX} characters")
    cleaned = re.sub("/+", "/", "/" + pattern)
    cleaned = cleaned.rstrip("/") or "/"
    tree, group_count = parse(cleaned)
    has_empty = any(node.quantifier in _REPEATS and _is_empty_able(node.options) for node in _groups(tree))
    return Glob(
        pattern=cleaned,
        tree=tree,
        group_count=group_count,
        literal_prefix=_literal_prefix(tree),
        depth_max=_depth_max(tree),
        re2="^(?:" + _render(tree, _Style(captures=False, negation=False)) + ")$",
        re2_captures="^(?:" + _render(tree, _Style(captures=True, negation=False)) + ")$",
        re2_rejections=rejections(tree, lambda part: _render(part, _Style(captures=False, negation=False))),
        has_negation=any(node.quantifier == "!" for node in _groups(tree)),
        _regex=re.compile(_render(tree, _Style(captures=True, negation=True)), re.DOTALL),
        has_empty_iterations=has_empty,
        _regex_path_characters_max=-1 if has_empty else _backtracking(tree).safe_length(),
    )


@dataclass(frozen=True, slots=True)
class _Style:
    captures: bool
    negation: bool


def _render(sequence: Sequence, style: _Style) -> str:
    return "".join(_render_node(node, style) for node in sequence)


def _render_node(node: Node, style: _Style) -> str:
    match node:
        case Literal(text):
            return re.escape(text)
        case Star(crosses_directories):
            return "(?s:.*)" if crosses_directories else "[^/]*"
        case AnyCharacter():
            return "[^/]"
        case CharacterSet():
            return _render_set(node)
        case Group():
            return _render_group(node, style)


def _render_set(node: CharacterSet) -> str:
    body = "".join(f"{re.escape(low)}-{re.escape(high)}" for low, high in node.ranges)
    return f"[{'^' if node.negated else ''}{body}]"


def _render_group(node: Group, style: _Style) -> str:
    # What a negative group's own alternatives capture is never seen, but their numbers count.
    options = "|".join(_render(option, style) for option in node.options)
    if node.quantifier == "!":
        if style.negation:
            end = r"\Z" if node.anchored else ""
            inner = f"(?!(?:{options}){end})[^/]*"
        else:
            inner = "[^/]*"
    else:
        inner = f"(?:{options}){node.quantifier}"
    if node.number is None or not style.captures:
        return f"(?:{inner})"
    return f"(?P<g{node.number}>{inner})"


def _groups(sequence: Sequence) -> Iterator[Group]:
    for node in sequence:
        if isinstance(node, Group):
            yield node
            for option in node.options:
                yield from _groups(option)


def _is_empty_able(options: tuple[Sequence, ...]) -> bool:
    """Tell whether one of options can match the empty text."""
    return any(all(_can_be_empty(node) for node in option) for option in options)


def _can_be_empty(node: Node) -> bool:
    match node:
        case Literal(text):
            return not text
        case Star():
            return True
        case Group():
            return node.quantifier in ("?", "*", "!") or _is_empty_able(node.options)
        case _:
            return False


def _literal_prefix(tree: Sequence) -> str:
    text = ""
    for node in tree:
        if not isinstance(node, Literal):
            break
        text += node.text
    return text


def _depth_max(sequence: Sequence) -> int | None:
    """Return how many slashes sequence can match at most, None if any number."""
    total = 0
    for node in sequence:
        depth = _node_depth_max(node)
        if depth is None:
            return None
        total += depth
    return total


def _node_depth_max(node: Node) -> int | None:
    match node:
        case Literal(text):
            return text.count("/")
        case Star(crosses_directories):
            return None if crosses_directories else 0
        case CharacterSet():
            return int(node.contains("/"))
        case Group() if node.quantifier != "!":
            return _group_depth_max(node)
        case _:
            return 0


def _group_depth_max(node: Group) -> int | None:
    deepest = 0
    for option in node.options:
        depth = _depth_max(option)
        if depth is None:
            return None
        deepest = max(deepest, depth)
    return None if deepest and node.quantifier in ("*", "+") else deepest


@dataclass(frozen=True, slots=True)
class _Ways:
    """A bound of the ways in which a backtracking matcher could try something: factor * length ** degree."""

    factor: int = 1
    degree: int = 0

    def __mul__(self, other: "_Ways") -> "_Ways":
        return _Ways(
            min(self.factor * other.factor, _UNBOUNDED_FACTOR), min(self.degree + other.degree, _UNBOUNDED_DEGREE)
        )

    def __or__(self, other: "_Ways") -> "_Ways":
        return _Ways(min(self.factor + other.factor, _UNBOUNDED_FACTOR), max(self.degree, other.degree))

    def safe_length(self) -> float:
        """Return the length up to which trying all ways is quick."""
        if not self.degree:
            return inf if self.factor <= _BACKTRACKING_MAX else 0
        return float((_BACKTRACKING_MAX / self.factor) ** (1 / self.degree))


_ONE_WAY = _Ways()
_ANY_END = _Ways(degree=1)


def _backtracking(sequence: Sequence) -> _Ways:
    ways = _ONE_WAY
    for node, following in zip_longest(sequence, sequence[1:]):
        if isinstance(node, Star) and not node.crosses_directories and _starts_with_slash(following):
            continue  # only one place for it to end
        ways *= _node_backtracking(node)
    return ways


def _starts_with_slash(node: Node | None) -> bool:
    return isinstance(node, Literal) and node.text.startswith("/")


def _node_backtracking(node: Node) -> _Ways:
    if isinstance(node, Star):
        return _ANY_END
    if not isinstance(node, Group):
        return _ONE_WAY
    ways = reduce(or_, (_backtracking(option) for option in node.options))
    match node.quantifier:
        case "?":
            return ways | _ONE_WAY
        case "!":
            return ways * _ANY_END
        case "*" | "+":
            return _ANY_END if _is_single_character(node) else _Ways(degree=_UNBOUNDED_DEGREE)
        case _:
            return ways


def _is_single_character(node: Group) -> bool:
    if len(node.options) != 1 or len(node.options[0]) != 1:
        return False
    only = node.options[0][0]
    return isinstance(only, AnyCharacter | CharacterSet) or (isinstance(only, Literal) and len(only.text) == 1)
