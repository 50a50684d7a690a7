"""Without a terminal, long transfers are told about in lines on standard error, and short ones are silent."""

import io
import sys
import threading
from itertools import pairwise

import pytest

from trunkline.cli.transfer.plain_progress import (
    Amount,
    last_line_is_due,
    line_at_end,
    line_so_far,
    next_line_seconds,
)
from trunkline.cli.transfer.progress import progress

MIB = 1 << 20


def line_times(end_seconds: float) -> list[float]:
    """Return when lines come in a transfer of so many seconds, by a clock that is read just when they do."""
    times: list[float] = []
    clock = 0.0
    while (clock := next_line_seconds(clock)) < end_seconds:
        times.append(clock)
    return times


def test_a_short_transfer_is_silent_unless_a_line_is_asked_for() -> None:
    assert line_times(1.9) == []
    assert not last_line_is_due(1.9, None)
    assert last_line_is_due(1.9, True)


def test_a_long_transfer_has_a_line_each_ten_seconds_and_one_at_the_end() -> None:
    assert line_times(60) == [2, 12, 22, 32, 42, 52]
    assert last_line_is_due(60, None)
    assert not last_line_is_due(60, False)


def test_lines_become_rarer_and_never_rarer_than_each_five_minutes() -> None:
    times = line_times(86_400)
    gaps = [later - earlier for earlier, later in pairwise(times)]

    assert len(times) < 400
    assert all(later > earlier - 1e-6 for earlier, later in pairwise(gaps))
    assert max(gaps) == pytest.approx(300)


def test_a_line_tells_files_bytes_rate_and_time_left() -> None:
    done, total = Amount(30, 20 * MIB), Amount(120, 80 * MIB)

    assert line_so_far("put", done, total, 10) == "put so far: 30 of 120 files, 20MiB of 80MiB, 2MiB/s, 30s left"
    assert line_at_end("put", total, 40) == "put 120 files, 80MiB in 40s, 2MiB/s"


def test_what_is_not_known_is_not_told() -> None:
    unknown = Amount(None, None)

    assert line_so_far("got", Amount(1, MIB), unknown, 4) == "got so far: 1 file, 1MiB, 256KiB/s"
    assert line_so_far("got", Amount(0, 0), Amount(9, MIB), 4) == "got goes on after 4s"
    assert line_at_end("got", Amount(1, 10), 0.5) == "got 1 file, 10B in 500ms"


class Heard(io.StringIO):
    """A stream that tells when a line with a text in it has come."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.text = text
        self.told = threading.Event()

    def write(self, text: str) -> int:
        if self.text in text:
            self.told.set()
        return super().write(text)


def test_lines_come_while_nothing_moves(monkeypatch: pytest.MonkeyPatch) -> None:
    stderr = Heard("put so far: 1 of 2 files, 100B of 200B")
    monkeypatch.setattr(sys, "stderr", stderr)

    with progress("put", None, total=lambda: Amount(2, 200), schedule=lambda elapsed: elapsed) as watched:
        watched.moved(100, 1)
        assert stderr.told.wait(60)


def test_what_a_server_moved_unseen_is_counted_only_if_that_is_told(capsys: pytest.CaptureFixture[str]) -> None:
    asked: list[str] = []

    def amounts() -> list[tuple[int, int]]:
        asked.append("now")
        return [(100, 1), (28, 2)]

    for wanted in (None, False):
        with progress("put", wanted) as watched:
            watched.count_at_end(amounts)
        assert (asked, capsys.readouterr().err) == ([], "")
    with progress("put", True) as watched:
        watched.count_at_end(amounts)

    assert asked == ["now"]
    assert capsys.readouterr().err.startswith("put 3 files, 128B in ")


def test_a_failure_is_not_followed_by_a_line(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(OSError, match="gone"), progress("put", True):
        raise OSError("gone")

    assert capsys.readouterr().err == ""


def test_a_total_that_cannot_be_told_is_left_out(monkeypatch: pytest.MonkeyPatch) -> None:
    stderr = Heard("put so far: 1 file, 100B")
    monkeypatch.setattr(sys, "stderr", stderr)

    def total() -> Amount:
        raise FileNotFoundError

    with progress("put", None, total=total, schedule=lambda elapsed: elapsed) as watched:
        watched.moved(100, 1)
        assert stderr.told.wait(60)
