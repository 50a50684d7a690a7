"""Rows out of CSV and JSON, however the bytes are cut."""

import datetime
from collections.abc import Iterator
from decimal import Decimal

import pytest
from sqlalchemy import JSON, Boolean, Column, Date, DateTime, Integer, LargeBinary, Numeric, String

from trunkline.errors import InvalidInputError
from trunkline.pps.jobs.table_rows import column_value, csv_rows, json_rows, text_form

LONG = "x" * 100_000


def cut(text: str, size: int) -> Iterator[bytes]:
    data = text.encode()
    return (data[start : start + size] for start in range(0, len(data), size))


@pytest.mark.parametrize("size", [1, 7, 1_000_000])
def test_csv_keeps_quotes_newlines_and_commas_and_tells_nothing_from_empty_text(size: int) -> None:
    text = 'a,"say ""ä"",\nplease"\r\n,""\n"b",NULL\n'

    rows = list(csv_rows(cut(text, size), "/f", ["x", "y"]))

    assert rows == [{"x": "a", "y": 'say "ä",\nplease'}, {"x": None, "y": ""}, {"x": "b", "y": "NULL"}]


def test_only_a_first_row_that_repeats_the_names_is_a_header() -> None:
    text = "x,y\n1,2\nx,y\n"

    assert [list(row.values()) for row in csv_rows(cut(text, 9), "/f", ["x", "y"])] == [["1", "2"], ["x", "y"]]
    assert len(list(csv_rows(cut(text, 9), "/f", ["y", "x"]))) == 3
    assert list(csv_rows([], "/f", ["x"])) == []


@pytest.mark.parametrize("text", ["1,2\n3\n", "1,2,3\n", "\xff\x00".encode("latin-1").decode("latin-1") + ",1,2"])
def test_a_csv_row_with_more_or_fewer_cells_names_the_file(text: str) -> None:
    with pytest.raises(InvalidInputError, match=r"^/f is no CSV of the columns x, y: .*columns"):
        list(csv_rows(cut(text, 100), "/f", ["x", "y"]))


@pytest.mark.parametrize("size", [1, 3, 50_000, 1_000_000])
def test_json_objects_follow_one_another_in_any_layout(size: int) -> None:
    text = f'{{"a": 1}}{{"a": [1, {{"b": null}}]}}\n\n {{\n "a": "}} ö", "long": "{LONG}"\n}}\n'

    rows = list(json_rows(cut(text, size), "/f"))

    assert rows == [{"a": 1}, {"a": [1, {"b": None}]}, {"a": "} ö", "long": LONG}]


def test_numbers_of_json_keep_all_their_digits() -> None:
    text = '{"n": 0.12345678901234567890123, "i": 123456789012345678901234567890, "doc": {"x": 0.10}}'

    (row,) = json_rows(cut(text, 1000), "/f", documents={"doc"})

    assert text_form(row["n"]) == "0.12345678901234567890123"
    assert text_form(row["i"]) == "123456789012345678901234567890"
    assert row["doc"] == '{"x":0.10}'


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (b'{"a": 1}\n{"a": ', "/f, object 2: is no JSON"),
        (b'{"a": 1}\n[1]', "/f, object 2: rows must be JSON objects"),
        (b"\xff\xfe", "/f is no text in UTF-8"),
    ],
)
def test_what_is_no_json_names_the_file_and_the_object(data: bytes, said: str) -> None:
    with pytest.raises(InvalidInputError, match=said):
        list(json_rows([data], "/f"))


@pytest.mark.parametrize(
    ("value", "form"),
    [
        (None, None),
        ("a\tb", "a\tb"),
        (True, "true"),
        (1, "1"),
        ([1, None, [True]], ["1", None, ["true"]]),
        ({"a": Decimal("1.50")}, '{"a":1.50}'),
    ],
)
def test_values_as_text(value: object, form: object) -> None:
    assert text_form(value) == form


@pytest.mark.parametrize(
    ("kind", "value", "converted"),
    [
        (Integer(), "7", 7),
        (Integer(), Decimal("7.0"), 7),
        (Integer(), None, None),
        (Numeric(), "1.10", Decimal("1.10")),
        (Boolean(), "f", False),
        (Date(), "2024-02-29", datetime.date(2024, 2, 29)),
        (DateTime(), "2024-02-29 12:30:00", datetime.datetime(2024, 2, 29, 12, 30)),  # noqa: DTZ001
        (LargeBinary(), "\\x00ff", b"\x00\xff"),
        (JSON(), '{"a": 1}', {"a": 1}),
        (String(), ["a", 1], '["a",1]'),
        (String(), "", ""),
    ],
)
def test_values_as_a_driver_takes_them(kind: object, value: object, converted: object) -> None:
    assert column_value(value, Column("c", kind), path="/f", row=1) == converted


@pytest.mark.parametrize(("kind", "value"), [(Integer(), "x"), (Integer(), "1.5"), (Boolean(), "2"), (Date(), "soon")])
def test_a_value_of_the_wrong_kind_is_told_with_its_place(kind: object, value: str) -> None:
    with pytest.raises(InvalidInputError, match=rf"^/f, row 3: '{value}' in column c is no "):
        column_value(value, Column("c", kind), path="/f", row=3)
