"""Which inputs of a datum are code: those that its command runs, as against those that it is given."""

import re
import shlex
from itertools import takewhile

from trunkline.model.pipelines import Transform

_SHELLS = r"(?:ba|da|z|k|a)?sh"
_INTERPRETERS = (
    rf"{_SHELLS}|python[\d.]*|pypy\d*|Rscript|perl|ruby|node|deno|bun|julia|php|lua|java|papermill|duckdb|psql"
)
_START = r"(?:^|[;|&({`]|\b(?:do|then|else|exec|time|nice|env)\s)\s*(?:\w+=\S*\s+)*"
_OPTIONS = r"(?:-\S+\s+|run\s+)*"
_SHELL = re.compile(rf"(?:.*/)?{_SHELLS}")


def command_lines(transform: Transform) -> str:
    """Return what a transform starts, a command a line, what it tells a shell to start included."""
    lines = [shlex.join(transform.cmd)]
    if transform.cmd and _SHELL.fullmatch(transform.cmd[0]):
        options = list(takewhile(lambda text: text.startswith("-"), transform.cmd[1:]))
        rest = transform.cmd[1 + len(options) :]
        if not rest:
            lines += transform.stdin
        elif any("c" in option for option in options):
            lines.append(rest[0])
    return "\n".join(lines)


def runs(lines: str, path: str) -> bool:
    """Return whether a command is this file, or one below it, or is an interpreter that it is given to."""
    if path not in lines:
        return False  # so it is with nearly all, and compiling a pattern for each would take longer than the rest
    inside = r"[^\s;|&)'\"]+" if path.endswith("/") else ""
    named = rf"['\"]?{re.escape(path)}{inside}['\"]?(?=[\s;|&)`]|$)"
    given_to = rf"(?:(?:\S*/)?(?:{_INTERPRETERS})\s+{_OPTIONS}|\.\s+|source\s+)?"
    return re.search(_START + given_to + named, lines, re.MULTILINE) is not None
