"""Rows for tables, read from CSV or JSON piece by piece, and the values of their cells in the forms of databases."""

import codecs
import io
import json
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from datetime import date, datetime, time
from decimal import Decimal, InvalidOperation
from typing import Any, TypeAlias

import msgspec
import pyarrow as pa
from pyarrow import csv
from sqlalchemy import JSON, Column

from trunkline.errors import InvalidInputError

Row: TypeAlias = Mapping[str, object]
"""Values by column. Of CSV all are text, or None where a cell is empty and not quoted."""

_CSV_ROW_BYTES_MAX = 16 * 1024 * 1024
_ENCODER = msgspec.json.Encoder(decimal_format="number")
_TRUTH = dict.fromkeys(("true", "t", "yes", "on", "1"), True) | dict.fromkeys(("false", "f", "no", "off", "0"), False)


def csv_rows(pieces: Iterable[bytes], path: str, names: Sequence[str]) -> Iterator[Row]:
    """Yield the rows of a CSV file, whose cells are in the order of names. A first row that repeats them is a header.

    A cell without anything is None, and ``""`` is an empty text.
    """
    with io.BufferedReader(_Stream(pieces)) as stream:
        if not stream.peek(1):
            return
        try:
            reader = csv.open_csv(
                stream,
                csv.ReadOptions(column_names=names, use_threads=False, block_size=_CSV_ROW_BYTES_MAX),
                csv.ParseOptions(newlines_in_values=True),
                csv.ConvertOptions(
                    column_types=dict.fromkeys(names, pa.string()),
                    null_values=[""],
                    strings_can_be_null=True,
                    quoted_strings_can_be_null=False,
                ),
            )
            is_first = True
            for batch in reader:
                rows = batch.to_pylist()
                yield from rows[1:] if is_first and rows and list(rows[0].values()) == list(names) else rows
                is_first = False
        except pa.ArrowException as error:
            raise InvalidInputError(f"{path} is no CSV of the columns {', '.join(names)}: {error}") from None


class _Stream(io.RawIOBase):
    """Pieces as a file that can be read once."""

    def __init__(self, pieces: Iterable[bytes]) -> None:
        self._pieces = iter(pieces)
        self._rest = memoryview(b"")

    def readable(self) -> bool:
        """Return True."""
        return True

    def readinto(self, buffer: Any) -> int:  # noqa: ANN401 - whatever can be written into
        """Fill the buffer as far as one piece goes; return 0 at the end."""
        while not self._rest:
            piece = next(self._pieces, None)
            if piece is None:
                return 0
            self._rest = memoryview(piece)
        count = min(len(buffer), len(self._rest))
        buffer[:count] = self._rest[:count]
        self._rest = self._rest[count:]
        return count


def json_rows(pieces: Iterable[bytes], path: str, *, documents: Collection[str] = ()) -> Iterator[Row]:
    """Yield the objects of a file of JSON, one after another. Values of documents become text of JSON again."""
    decoder = json.JSONDecoder(parse_float=Decimal)
    number, text, start = 0, "", 0
    for more, is_last in _texts(pieces, path):
        text, start = text[start:] + more, 0
        while (start := _skip_space(text, start)) < len(text):
            try:
                found, end = decoder.raw_decode(text, start)
            except json.JSONDecodeError as error:
                if not is_last:
                    break  # the rest of the object is in the next piece
                raise InvalidInputError(f"{path}, object {number + 1}: is no JSON: {error.msg}") from None
            number += 1
            if not isinstance(found, dict):
                raise InvalidInputError(f"{path}, object {number}: rows must be JSON objects, one after another")
            start = end
            yield {
                name: _ENCODER.encode(value).decode() if name in documents and value is not None else value
                for name, value in found.items()
            }


def _texts(pieces: Iterable[bytes], path: str) -> Iterator[tuple[str, bool]]:
    """Yield pieces of text, and with each whether it is the last, which is empty."""
    decoder = codecs.getincrementaldecoder("utf-8-sig")()
    try:
        for piece in pieces:
            yield decoder.decode(piece), False
        yield decoder.decode(b"", final=True), True
    except UnicodeDecodeError as error:
        raise InvalidInputError(f"{path} is no text in UTF-8: {error.reason}") from None


def _skip_space(text: str, start: int) -> int:
    while start < len(text) and text[start] in " \t\r\n":
        start += 1
    return start


def text_form(value: object) -> object:
    """Return a value as text that Postgres reads as any type; of a list, that of its items."""
    match value:
        case None | str():
            return value
        case bool():
            return "true" if value else "false"
        case list():
            return [text_form(item) for item in value]
        case dict():
            return _ENCODER.encode(value).decode()
        case _:
            return str(value)


def column_value(value: object, column: Column[Any], *, path: str, row: int) -> object:
    """Return a value as the driver of a column takes it, or raise InvalidInputError with where it stands."""
    try:
        kind = dict if isinstance(column.type, JSON) else column.type.python_type
    except NotImplementedError:
        kind = str
    if isinstance(value, dict | list):
        value = _ENCODER.encode(value).decode()
    try:
        return _converted(value, kind)
    except (ValueError, InvalidOperation):
        raise InvalidInputError(f"{path}, row {row}: {value!r} in column {column.name} is no {kind.__name__}") from None


def _converted(value: object, kind: type) -> object:
    if value is None or kind is str:
        return value if value is None or isinstance(value, str | int | float) else str(value)
    if isinstance(value, str):
        return _read(value, kind)
    if kind in (int, float, Decimal) and isinstance(value, int | float | Decimal):
        if kind is int and value != int(value):
            raise ValueError(value)
        return kind(value)
    return value


def _read(text: str, kind: type) -> object:
    if kind is bool:
        if text.lower() not in _TRUTH:
            raise ValueError(text)
        return _TRUTH[text.lower()]
    if kind in (date, datetime, time):
        return kind.fromisoformat(text)
    if kind is bytes:
        return bytes.fromhex(text[2:]) if text.startswith("\\x") else text.encode()
    if kind is dict:
        return json.loads(text)
    return kind(text) if kind in (int, float, Decimal) else text
