import click
import pytest

from trunkline.cli.show.tables import Coloured, print_details, print_table, table_lines


def test_columns_are_as_wide_as_their_widest_cell() -> None:
    rows = [["a", "1"], ["longer", ""]]

    assert list(table_lines(["NAME", "SIZE"], rows)) == ["NAME     SIZE", "a        1", "longer"]


def test_a_table_without_rows_is_its_header() -> None:
    assert list(table_lines(["NAME", "SIZE"], [])) == ["NAME   SIZE"]


def test_long_tables_are_not_held_back() -> None:
    """The first rows come out although the last one never does."""

    def rows() -> object:
        for number in range(1001):
            yield [str(number)]
        raise ConnectionError

    lines = table_lines(["N"], rows())  # type: ignore[arg-type]

    assert [next(lines), next(lines)] == ["N", "0"]


def test_cells_cannot_tear_their_row() -> None:
    assert list(table_lines(["NAME"], [["two\nlines\x1b[31m"]])) == ["NAME", "two lines [31m"]


def test_colour_is_only_for_terminals(capsys: pytest.CaptureFixture[str]) -> None:
    rows = [[Coloured("bad", "red"), "x"], ["fine", "y"]]

    print_table(["STATE", "NAME"], rows)

    assert capsys.readouterr().out == "STATE   NAME\nbad     x\nfine    y\n"
    assert click.style("bad", fg="red") in list(table_lines(["STATE", "NAME"], rows))[1]


def test_details_leave_out_what_is_empty(capsys: pytest.CaptureFixture[str]) -> None:
    print_details([("Name", "a"), ("Reason", ""), ("Input", "{\n}")])

    assert capsys.readouterr().out == "Name: a\nInput:\n{\n}\n"
