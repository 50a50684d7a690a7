"""A matcher for glob trees that cannot explode.

It tries alternatives in the order in which a backtracking regular expression would, so it captures the same text, but
it remembers every (instruction, position) that failed and never tries it again. A negative group's look-ahead depends
on its position only and is remembered likewise. Work is thus at most the length of the program times the length of the
path, times the path's length once more where there are negative groups; beyond `STEPS_MAX` the pattern is refused.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import lru_cache
from typing import TypeAlias

from trunkline.errors import InvalidInputError
from trunkline.model.globs.parse import AnyCharacter, CharacterSet, Group, Literal, Node, Sequence, Star

STEPS_MAX = 500_000


@dataclass(frozen=True, slots=True)
class _Take:
    """Consume one character that the predicate likes."""

    accepts: Callable[[str], bool]


@dataclass(slots=True)
class _Split:
    """Go on at first; if that fails, at second."""

    first: int = 0
    second: int = 0


@dataclass(slots=True)
class _Jump:
    target: int = 0


@dataclass(frozen=True, slots=True)
class _Save:
    slot: int


@dataclass(frozen=True, slots=True)
class _Reject:
    """Fail if the program matches from here (to the end of the path, if anchored)."""

    program: "Program"
    anchored: bool


_Instruction: TypeAlias = _Take | _Split | _Jump | _Save | _Reject


@dataclass(frozen=True, slots=True, eq=False)
class Program:
    """Instructions; falling off their end is a match."""

    instructions: list[_Instruction] = field(default_factory=list)


@lru_cache(maxsize=256)
def compile_program(tree: Sequence) -> Program:
    """Return the program that matches tree."""
    program = Program()
    _emit(program.instructions, tree)
    return program


def run(program: Program, path: str, group_count: int) -> tuple[str, ...] | None:
    """Return what the groups captured if the whole of path matches, else None."""
    return _Run(path, group_count).captures(program)


def _emit(code: list[_Instruction], sequence: Sequence) -> None:
    for node in sequence:
        _emit_node(code, node)


def _emit_node(code: list[_Instruction], node: Node) -> None:
    match node:
        case Literal(text):
            code.extend(_Take(character.__eq__) for character in text)
        case AnyCharacter():
            code.append(_Take(_is_no_slash))
        case Star(crosses_directories):
            _emit_loop(code, _is_anything if crosses_directories else _is_no_slash)
        case CharacterSet():
            code.append(_Take(node.contains))
        case Group():
            _emit_group(code, node)


def _is_no_slash(character: str) -> bool:
    return character != "/"


def _is_anything(character: str) -> bool:
    return bool(character)


def _emit_loop(code: list[_Instruction], accepts: Callable[[str], bool]) -> None:
    start = len(code)
    code.extend((_Split(start + 1, start + 3), _Take(accepts), _Jump(start)))


def _emit_group(code: list[_Instruction], group: Group) -> None:
    if group.number is not None:
        code.append(_Save(2 * group.number - 2))
    match group.quantifier:
        case "!":
            inner = Program()
            _emit_options(inner.instructions, group.options)
            code.append(_Reject(inner, group.anchored))
            _emit_loop(code, _is_no_slash)
        case "?":
            split = _Split(len(code) + 1)
            code.append(split)
            _emit_options(code, group.options)
            split.second = len(code)
        case "*":
            start = len(code)
            split = _Split(start + 1)
            code.append(split)
            _emit_options(code, group.options)
            code.append(_Jump(start))
            split.second = len(code)
        case "+":
            start = len(code)
            _emit_options(code, group.options)
            code.append(_Split(start, len(code) + 1))
        case _:
            _emit_options(code, group.options)
    if group.number is not None:
        code.append(_Save(2 * group.number - 1))


def _emit_options(code: list[_Instruction], options: tuple[Sequence, ...]) -> None:
    jumps = []
    for option in options[:-1]:
        split = _Split(len(code) + 1)
        code.append(split)
        _emit(code, option)
        jumps.append(_Jump())
        code.append(jumps[-1])
        split.second = len(code)
    _emit(code, options[-1])
    for jump in jumps:
        jump.target = len(code)


class _Run:
    """One path being matched."""

    def __init__(self, path: str, group_count: int) -> None:
        self.path = path
        self.slots = [-1] * (2 * group_count)
        self.steps_left = STEPS_MAX
        self.rejections: dict[tuple[Program, int, bool], bool] = {}

    def captures(self, program: Program) -> tuple[str, ...] | None:
        if not self.matches(program, 0, anchored=True):
            return None
        ends = zip(self.slots[::2], self.slots[1::2], strict=True)
        return tuple(self.path[start:end] if start >= 0 and end >= 0 else "" for start, end in ends)

    def matches(self, program: Program, start: int, *, anchored: bool) -> bool:
        code, path = program.instructions, self.path
        tried: set[tuple[int, int]] = set()
        # Either (instruction, position) still to try, or (~slot, value) to put back when what came after it failed.
        pending = [(0, start)]
        while pending:
            at, position = pending.pop()
            if at < 0:
                self.slots[~at] = position
                continue
            while (at, position) not in tried:
                tried.add((at, position))
                self.count_step()
                if at == len(code):
                    if not anchored or position == len(path):
                        return True
                    break
                step = code[at]
                at += 1
                if isinstance(step, _Take):
                    if position == len(path) or not step.accepts(path[position]):
                        break
                    position += 1
                elif isinstance(step, _Split):
                    pending.append((step.second, position))
                    at = step.first
                elif isinstance(step, _Jump):
                    at = step.target
                elif isinstance(step, _Save):
                    pending.append((~step.slot, self.slots[step.slot]))
                    self.slots[step.slot] = position
                elif self.rejects(step, position):
                    break
        return False

    def rejects(self, step: _Reject, position: int) -> bool:
        key = (step.program, position, step.anchored)
        if key not in self.rejections:
            outer, self.slots = self.slots, list(self.slots)
            self.rejections[key] = self.matches(step.program, position, anchored=step.anchored)
            self.slots = outer
        return self.rejections[key]

    def count_step(self) -> None:
        self.steps_left -= 1
        if self.steps_left < 0:
            raise InvalidInputError("glob takes too long to match: simplify it")
