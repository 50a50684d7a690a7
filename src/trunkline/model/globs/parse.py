"""The syntax tree of a glob pattern, and its parser."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import TypeAlias

from trunkline.errors import InvalidInputError

NESTING_MAX = 50


@dataclass(frozen=True, slots=True)
class Literal:
    """Text that stands for itself."""

    text: str


@dataclass(frozen=True, slots=True)
class Star:
    """``*``, or ``**`` which also runs across slashes."""

    crosses_directories: bool


@dataclass(frozen=True, slots=True)
class AnyCharacter:
    """``?``: one character, but no slash."""


@dataclass(frozen=True, slots=True)
class CharacterSet:
    """``[a-z]``: one character in (or, negated, outside) any of the inclusive ranges."""

    ranges: tuple[tuple[str, str], ...]
    negated: bool

    def contains(self, character: str) -> bool:
        """Tell whether character matches."""
        return any(low <= character <= high for low, high in self.ranges) != self.negated


@dataclass(frozen=True, slots=True)
class Group:
    """``{a,b}`` (number is None) or ``@(a|b)`` and its quantified forms, which capture."""

    options: "tuple[Sequence, ...]"
    quantifier: str
    """One of ``?``, ``*``, ``+``, ``!``, or empty for exactly one."""
    number: int | None
    anchored: bool = False
    """For ``!``: an alternative is excluded only where it would reach the end of the path."""


Node: TypeAlias = Literal | Star | AnyCharacter | CharacterSet | Group
Sequence: TypeAlias = tuple[Node, ...]

_ASCII_END = "\x7f"
_LAST = "\U0010ffff"
_CLASSES: dict[str, tuple[tuple[str, str], ...]] = {
    "alnum": (("0", "9"), ("A", "Z"), ("a", "z")),
    "alpha": (("A", "Z"), ("a", "z")),
    "ascii": (("\x00", _ASCII_END),),
    "blank": (("\t", "\t"), (" ", " ")),
    "cntrl": (("\x00", "\x1f"), ("\x7f", "\x7f")),
    "digit": (("0", "9"),),
    "graph": (("!", "~"),),
    "lower": (("a", "z"),),
    "print": ((" ", "~"),),
    "punct": (("!", "/"), (":", "@"), ("[", "`"), ("{", "~")),
    "space": (("\t", "\r"), (" ", " ")),
    "upper": (("A", "Z"),),
    "word": (("0", "9"), ("A", "Z"), ("_", "_"), ("a", "z")),
    "xdigit": (("0", "9"), ("A", "F"), ("a", "f")),
}


def parse(pattern: str) -> tuple[Sequence, int]:
    """Return the tree of pattern and the number of its capture groups."""
    parser = _Parser(pattern)
    tree = parser.sequence(closers="")
    if parser.position < len(pattern):
        raise parser.error(f"unexpected {pattern[parser.position]!r}")
    if parser.last_negation is not None and parser.last_bound < parser.last_negation:
        tree = _anchor(tree, parser.last_negation_number)
    return tree, parser.group_count


def _anchor(sequence: Sequence, number: int) -> Sequence:
    """Return sequence with the negative group of that number anchored."""
    nodes: list[Node] = []
    for node in sequence:
        if isinstance(node, Group):
            options = tuple(_anchor(option, number) for option in node.options)
            nodes.append(replace(node, options=options, anchored=node.number == number))
        else:
            nodes.append(node)
    return tuple(nodes)


class _Parser:
    """Recursive descent. Notes on the way where the last negative group closed and where bounding text stood."""

    def __init__(self, pattern: str) -> None:
        self.pattern = pattern
        self.position = 0
        self.group_count = 0
        self.nesting = 0
        self.last_negation: int | None = None
        self.last_negation_number = 0
        self.last_bound = -1
        self.rules: dict[str, Callable[[], Node]] = {
            "(": lambda: self.capture(""),
            "{": lambda: self.group(quantifier="", number=None, separator=",", closer="}"),
            "[": self.character_set,
            "?": self.any_character,
            "*": self.star,
        }

    def error(self, reason: str) -> InvalidInputError:
        return InvalidInputError(f"glob {self.pattern!r} is malformed at character {self.position + 1}: {reason}")

    def peek(self, ahead: int = 0) -> str:
        return self.pattern[self.position + ahead : self.position + ahead + 1]

    def sequence(self, closers: str) -> Sequence:
        """Parse up to one of closers (not consumed) or the end."""
        nodes: list[Node] = []
        text = ""
        while (character := self.peek()) and character not in closers:
            if (node := self.special(character)) is not None:
                if text:
                    nodes.append(Literal(text))
                    text = ""
                nodes.append(node)
            else:
                self.last_bound = self.position
                text += self.literal(character)
        if text:
            nodes.append(Literal(text))
        return tuple(nodes)

    def special(self, character: str) -> Node | None:
        """Parse one node that is not literal text, or return None."""
        if self.peek(1) == "(" and character in "@?*+!^":
            if character == "^":
                raise self.error("quantifier '^' is unimplemented")
            self.position += 1
            return self.capture("" if character == "@" else character)
        if character in ")]}":
            raise self.error(f"unbalanced {character!r}")
        rule = self.rules.get(character)
        return rule() if rule else None

    def literal(self, character: str) -> str:
        if character == "\\":
            self.position += 1
            character = self.peek()
            if not character:
                raise self.error("nothing follows the backslash")
        self.position += 1
        return character

    def any_character(self) -> AnyCharacter:
        self.position += 1
        return AnyCharacter()

    def star(self) -> Star:
        self.last_bound = self.position
        self.position += 1
        crosses = False
        # "**(x)" is "*" and then "*(x)".
        while self.peek() == "*" and self.peek(1) != "(":
            crosses = True
            self.position += 1
        return Star(crosses)

    def capture(self, quantifier: str) -> Group:
        self.group_count += 1
        number = self.group_count
        group = self.group(quantifier=quantifier, number=number, separator="|", closer=")")
        if quantifier == "!":
            self.last_negation = self.position - 1
            self.last_negation_number = number
        return group

    def group(self, *, quantifier: str, number: int | None, separator: str, closer: str) -> Group:
        self.nesting += 1
        if self.nesting > NESTING_MAX:
            raise self.error(f"groups nest deeper than {NESTING_MAX}")
        options = []
        while True:
            self.position += 1
            options.append(self.sequence(separator + closer))
            if not self.peek():
                raise self.error(f"missing {closer!r}")
            if self.peek() == closer:
                break
        self.position += 1
        self.nesting -= 1
        return Group(tuple(options), quantifier, number)

    def character_set(self) -> Node:
        self.position += 1
        negated = self.peek() in ("!", "^")
        self.position += negated
        ranges: list[tuple[str, str]] = []
        while (character := self.peek()) != "]":
            if not character:
                raise self.error("missing ']'")
            if character == "[" and self.peek(1) == ":":
                ranges.extend(self.named_class())
            else:
                ranges.append(self.range())
        self.position += 1
        return CharacterSet(tuple(ranges), negated) if ranges else Literal("")

    def range(self) -> tuple[str, str]:
        low = self.literal(self.peek())
        if self.peek() != "-" or self.peek(1) in ("]", ""):
            return low, low
        self.position += 1
        high = self.literal(self.peek())
        if high < low:
            raise self.error(f"range {low}-{high} is backwards")
        return low, high

    def named_class(self) -> tuple[tuple[str, str], ...]:
        end = self.pattern.find(":]", self.position + 2)
        name = self.pattern[self.position + 2 : end] if end >= 0 else ""
        negated = name.startswith("^")
        ranges = _CLASSES.get(name.removeprefix("^"))
        if ranges is None:
            raise self.error("unknown character class")
        self.position = end + 2
        return _complement(ranges) if negated else ranges


def _complement(ranges: tuple[tuple[str, str], ...]) -> tuple[tuple[str, str], ...]:
    result = []
    start = "\x00"
    for low, high in ranges:
        if start < low:
            result.append((start, chr(ord(low) - 1)))
        start = chr(ord(high) + 1)
    result.append((start, _LAST))
    return tuple(result)
