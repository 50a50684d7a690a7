"""Tables and lists of details as plain aligned text, fit for pipes."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import chain, islice

import click

from trunkline.cli.show.terminal import is_terminal, safe, say_styled

_GAP = "   "
_ROWS_MEASURED = 1000


@dataclass(frozen=True, slots=True)
class Coloured:
    """A cell that has a colour where the output is a terminal."""

    text: str
    colour: str


Cell = str | Coloured


def print_table(header: Sequence[str], rows: Iterable[Sequence[Cell]]) -> None:
    """Print a header and rows, in columns as wide as the first thousand rows need; longer tables are streamed."""
    for line in table_lines(header, rows):
        say_styled(line)


def table_lines(header: Sequence[str], rows: Iterable[Sequence[Cell]]) -> Iterator[str]:
    """Yield the lines of a table, without trailing blanks."""
    remaining = iter(rows)
    first = list(islice(remaining, _ROWS_MEASURED))
    widths = [max(len(_text(row[column])) for row in [header, *first]) for column in range(len(header))]
    for row in chain([header], first, remaining):
        cells = [_padded(_one_line(cell), width) for cell, width in zip(row, widths, strict=True)]
        yield _GAP.join(cells).rstrip()


def print_details(details: Iterable[tuple[str, Cell]]) -> None:
    """Print ``Name: value`` lines; empty values are left out, and longer ones start on a line of their own."""
    for name, value in details:
        text = _text(value)
        if text:
            shown = _padded(_with_text(value, safe(text)), 0) if is_terminal() else _padded(value, 0)
            say_styled(f"{name}:{chr(10) if chr(10) in text else ' '}{shown}")


def _one_line(cell: Cell) -> Cell:
    """Return the cell with blanks for line breaks, which would tear the row, and for what could upset a terminal."""
    text = _text(cell)
    if text.isprintable():
        return cell
    return _with_text(cell, "".join(character if character.isprintable() else " " for character in text))


def _with_text(cell: Cell, text: str) -> Cell:
    return Coloured(text, cell.colour) if isinstance(cell, Coloured) else text


def _text(cell: Cell) -> str:
    return cell.text if isinstance(cell, Coloured) else cell


def _padded(cell: Cell, width: int) -> str:
    padding = " " * (width - len(_text(cell)))
    return (click.style(cell.text, fg=cell.colour) if isinstance(cell, Coloured) else cell) + padding
