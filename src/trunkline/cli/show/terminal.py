"""The one way to a terminal: text of other people is shown there, and never steers it.

Names, descriptions, reasons and lines of logs may hold escape sequences, which move the cursor, set the title, or make
a text read as another. Where the output is no terminal, nothing is changed: programs get what there is.
"""

import re
import sys

import click

_KEPT = "\n\t"
_COLOUR = re.compile(r"(\x1b\[[0-9;]*m)")
_PLAIN = "\x1b[0m"


def say(text: object = "", *, err: bool = False, nl: bool = True, keep_colours: bool = False) -> None:
    """Print text, made safe if a terminal shows it; keep_colours lets those of a log line through."""
    said = str(text)
    if is_terminal(err=err):
        said = safe(said, keep_colours=keep_colours)
    click.echo(said, err=err, nl=nl)


def say_styled(line: str) -> None:
    """Print a line that has colours of ours, and all else of which is safe."""
    click.echo(line)


def is_terminal(*, err: bool = False) -> bool:
    """Tell whether standard output, or standard error, is a terminal."""
    stream = sys.stderr if err else sys.stdout
    return stream is not None and stream.isatty()


def safe(text: str, *, keep_colours: bool = False) -> str:
    r"""Return text with an escape such as ``\u001b`` for each character that shows nothing by itself.

    Line breaks and tabs stay. JSON that is treated so says the same as before.
    """
    if all(line.isprintable() for line in re.split("[\n\t]", text)):
        return text
    if not keep_colours:
        return "".join(character if _shows(character) else _escape(character) for character in text)
    parts = [part if _COLOUR.fullmatch(part) else safe(part) for part in _COLOUR.split(text)]
    return "".join(parts) + (_PLAIN if len(parts) > 1 else "")


def _shows(character: str) -> bool:
    return character.isprintable() or character in _KEPT


def _escape(character: str) -> str:
    import json

    escaped = json.dumps(character)[1:-1]
    return escaped if escaped != character else f"\\u{ord(character):04x}"
