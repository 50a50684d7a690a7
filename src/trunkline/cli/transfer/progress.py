"""How far a transfer has come: a bar on a terminal, plain lines about long ones elsewhere. Always on standard error."""

from __future__ import annotations

import sys
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, nullcontext

from trunkline.cli.show.terminal import say
from trunkline.cli.transfer.downloads import Moved
from trunkline.cli.transfer.plain_progress import (
    Amount,
    last_line_is_due,
    line_at_end,
    line_so_far,
    next_line_seconds,
)

_UNKNOWN = Amount(None, None)


def shows_bar(wanted: bool | None) -> bool:
    """Tell whether a bar is drawn, given ``--progress``, ``--no-progress`` or neither."""
    return wanted is not False and sys.stderr.isatty()


class Progress:
    """What has moved of one transfer, told by whoever moves it, from any thread."""

    def __init__(self, show: Moved = lambda _bytes, _files: None) -> None:
        self._lock = threading.Lock()
        self._show = show
        self._later: list[Callable[[], Iterable[tuple[int, int]]]] = []
        self._bytes = self._files = 0

    @property
    def done(self) -> Amount:
        """What has moved so far."""
        with self._lock:
            return Amount(self._files, self._bytes)

    def moved(self, bytes_moved: int, files_moved: int) -> None:
        """Count bytes, and files that are complete."""
        with self._lock:
            self._bytes += bytes_moved
            self._files += files_moved
            self._show(bytes_moved, files_moved)

    def count_at_end(self, amounts: Callable[[], Iterable[tuple[int, int]]]) -> None:
        """Have bytes and files that a server moves unseen counted when all is done, if anything is to be said then."""
        self._later.append(amounts)

    def count_unseen(self) -> None:
        """Count what was left for the end."""
        for amounts in self._later:
            for size_bytes, files in amounts():
                self.moved(size_bytes, files)


@contextmanager
def progress(
    verb: str,
    wanted: bool | None,
    *,
    total: Callable[[], Amount] = lambda: _UNKNOWN,
    schedule: Callable[[float], float] = next_line_seconds,
) -> Iterator[Progress]:
    """Give what is to be told of what has moved; a failure ends it without a word. total is asked if it is shown."""
    if shows_bar(wanted):
        with _bar(total()) as moved:
            watched = Progress(moved)
            yield watched
            watched.count_unseen()
        return
    watched = Progress()
    start = time.monotonic()
    with _lines_so_far(verb, watched, total, start, schedule) if wanted is not False else nullcontext():
        yield watched
    elapsed_seconds = time.monotonic() - start
    if last_line_is_due(elapsed_seconds, wanted):
        watched.count_unseen()
        say(line_at_end(verb, watched.done, elapsed_seconds), err=True)


@contextmanager
def _lines_so_far(
    verb: str, watched: Progress, total: Callable[[], Amount], start: float, schedule: Callable[[float], float]
) -> Iterator[None]:
    """Print lines about what goes on in the block, when they are due."""
    ended = threading.Event()

    def tell() -> None:
        known = None
        elapsed_seconds = 0.0
        while not ended.wait(start + schedule(elapsed_seconds) - time.monotonic()):
            known = known or _known(total)
            elapsed_seconds = time.monotonic() - start
            if ended.is_set():  # while the total was asked for
                return
            say(line_so_far(verb, watched.done, known, elapsed_seconds), err=True)

    teller = threading.Thread(target=tell, name="progress", daemon=True)
    teller.start()
    try:
        yield
    finally:
        ended.set()
    teller.join()  # so that no line comes after the last one


def _known(total: Callable[[], Amount]) -> Amount:
    try:
        return total()
    except OSError:  # a file that has gone: whoever moves it will tell
        return _UNKNOWN


@contextmanager
def _bar(total: Amount) -> Iterator[Moved]:
    from rich.console import Console
    from rich.progress import (
        BarColumn,
        DownloadColumn,
        TextColumn,
        TimeRemainingColumn,
        TransferSpeedColumn,
    )
    from rich.progress import Progress as Bar

    of = "" if total.files is None else f"/{total.files}"
    columns = (
        TextColumn(f"{{task.fields[files]}}{of} files"),
        BarColumn(),
        DownloadColumn(),
        TransferSpeedColumn(),
        TimeRemainingColumn(),
    )
    with Bar(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task("", total=total.size_bytes, files=0)

        def moved(bytes_moved: int, files_moved: int) -> None:
            bar.update(task, advance=bytes_moved, files=bar.tasks[0].fields["files"] + files_moved)

        yield moved
