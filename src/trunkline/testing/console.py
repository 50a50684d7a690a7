"""Commands in Markdown: what a ```console block tells the reader to type, and what it says comes of it."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

_BLOCK = re.compile(
    r"(?:<!-- (?P<mark>not run|before):(?P<note>.*?)-->\s*)?^```console\n(?P<text>.*?)^```", re.MULTILINE | re.DOTALL
)
_STEP = re.compile(r"^\$ ", re.MULTILINE)
_CHANGING = re.compile(
    r"(?P<id>\b(?=[a-f]*\d)(?:[0-9a-f]{4,64}\.\.\.|[0-9a-f]{6,64}\b))|(?P<any>\.\.\.)"
    r"|(?P<ago>less than a second ago|\d+ \w+ ago)|(?P<time>\b\d+(?:\.\d+)?m?s\b)"
)
_STANDS_FOR = {
    "id": "[0-9a-f]+",
    "any": ".*?",
    "ago": r"(?:less than a second|\d+ \w+) ago",
    "time": r"\d+(?:\.\d+)?m?s",
}


@dataclass(frozen=True, slots=True)
class Step:
    """One command, and the lines that the page shows of what it prints; none where it shows nothing."""

    command: str
    shown: tuple[str, ...] = ()

    def matches(self, printed: str) -> bool:
        """Whether that is what the page shows.

        ``...`` stands for anything, in a line or in place of lines. An id, and a time, stand for any other.
        """
        if not self.shown:
            return True
        pattern = "".join("(?:.*\n)*?" if line == "..." else _expression(line) + "\n" for line in self.shown)
        return re.fullmatch(pattern, _without_padding(printed) + "\n") is not None


@dataclass(frozen=True, slots=True)
class Block:
    """One block of a page. ``reason`` says why it is not run; ``before`` is a script that the page does not show."""

    text: str
    before: str = ""
    reason: str = ""

    def steps(self) -> Iterator[Step]:
        """Yield the commands in order."""
        if self.before:
            yield Step(self.before)
        for each in _STEP.split(self.text)[1:]:
            first, *rest = each.splitlines()
            more = [line[2:] for line in rest if line.startswith("> ")]
            yield Step("\n".join([first, *more]), tuple(line for line in rest if not line.startswith("> ")))


def blocks(page: Path) -> list[Block]:
    """Return the blocks of a page, in order."""
    found = []
    for match in _BLOCK.finditer(page.read_text()):
        note = (match["note"] or "").strip()
        is_before = match["mark"] == "before"
        found.append(Block(match["text"], note if is_before else "", "" if is_before else note))
    return found


def _expression(line: str) -> str:
    pieces, end = [], 0
    text = _without_padding(line)
    for found in _CHANGING.finditer(text):
        pieces += [re.escape(text[end : found.start()]), _STANDS_FOR[found.lastgroup or "any"]]
        end = found.end()
    return "".join([*pieces, re.escape(text[end:])])


def _without_padding(text: str) -> str:
    """Return the lines with single spaces, so that a column may be wider than on the page."""
    return "\n".join(" ".join(line.split()) for line in text.strip("\n").splitlines())
