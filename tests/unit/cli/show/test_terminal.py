"""What other people wrote is shown by a terminal, and never steers it."""

import json
import os
import pty
import re
import subprocess
import sys
from pathlib import Path

import pytest

from trunkline.cli.show import terminal

_SOURCES = Path(terminal.__file__).parent


@pytest.mark.parametrize(
    ("said", "shown"),
    [
        ("plain\n\ttext \u00e9\u4e2d", "plain\n\ttext \u00e9\u4e2d"),
        ("\x1b]0;title\x07", "\\u001b]0;title\\u0007"),
        ("\x1b[2J\x9b2J\r", "\\u001b[2J\\u009b2J\\r"),
        ("\u202egnp.exe\u200b", "\\u202egnp.exe\\u200b"),
        ("\U000e0041", "\\udb40\\udc41"),
    ],
)
def test_what_shows_nothing_by_itself_is_escaped(said: str, shown: str) -> None:
    assert terminal.safe(said) == shown


def test_logs_keep_colours_and_nothing_else() -> None:
    assert terminal.safe("\x1b[1;31mred\x1b[2J", keep_colours=True) == "\x1b[1;31mred\\u001b[2J\x1b[0m"
    assert terminal.safe("\x1b[31mred") == "\\u001b[31mred"


def test_json_stays_the_same_json() -> None:
    data = {"a": "\x1b[2J \x7f \u202e \U000e0041 \n"}

    assert json.loads(terminal.safe(json.dumps(data, ensure_ascii=False))) == data


_PROGRAM = """
import sys
from trunkline.cli import main
from trunkline.cli.show import raw, tables, terminal
from trunkline.errors import Error
nasty = "\\x1b]0;nasty\\x07\\x9b2J"
terminal.say(nasty)
tables.print_details([("Description", nasty), ("State", tables.Coloured(nasty, "red"))])
tables.print_table(("NAME", "STATE"), [(nasty, tables.Coloured(nasty, "red"))])
main._report(Error(nasty))
"""


def test_nothing_that_is_printed_steers_a_terminal() -> None:
    ours, theirs = pty.openpty()
    with subprocess.Popen([sys.executable, "-c", _PROGRAM], stdout=theirs, stderr=theirs) as program:
        os.close(theirs)
        seen = b""
        while piece := _read(ours):
            seen += piece
    os.close(ours)

    shown = seen.decode()
    assert program.returncode == 0, shown
    assert shown.count("nasty") == 6
    assert set(re.findall("[\x00-\x09\x0b\x0c\x0e-\x1f\x7f-\x9f][^nm]*.", shown)) <= {"\x1b[31m", "\x1b[0m"}


def test_programs_get_what_there_is() -> None:
    done = subprocess.run([sys.executable, "-c", _PROGRAM], capture_output=True, check=True)

    lines = done.stdout.decode().splitlines()
    assert lines[:2] == ["\x1b]0;nasty\x07\x9b2J", "Description: \x1b]0;nasty\x07\x9b2J"]


def test_no_command_prints_past_it() -> None:
    """Else its text would reach a terminal as it is."""
    past = re.compile(r"click\.(echo|secho|echo_via_pager)\(|(?<![\w.])print\(|sys\.std(out|err)\.write\(")
    found = {file.name for file in _SOURCES.glob("*.py") if past.search(file.read_text())}

    assert found == {"terminal.py"}


def _read(descriptor: int) -> bytes:
    try:
        return os.read(descriptor, 1 << 16)
    except OSError:  # the other side is closed
        return b""
