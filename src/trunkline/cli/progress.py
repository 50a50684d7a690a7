"""How far a transfer has come: a bar on a terminal, and a line at the end elsewhere where that is asked for."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager

import click

from trunkline.cli import human
from trunkline.cli.downloads import Moved


def shows_bar(wanted: bool | None) -> bool:
    """Tell whether a bar is drawn, given ``--progress``, ``--no-progress`` or neither."""
    return wanted is not False and sys.stderr.isatty()


@contextmanager
def progress(verb: str, wanted: bool | None, *, files: int | None, size_bytes: int | None) -> Iterator[Moved]:
    """Give a function to be told of what has moved. Totals are None where only the sources know them."""
    if shows_bar(wanted):
        with _bar(files, size_bytes) as moved:
            yield moved
        return
    done_bytes = done_files = 0

    def count(bytes_moved: int, files_moved: int) -> None:
        nonlocal done_bytes, done_files
        done_bytes += bytes_moved
        done_files += files_moved

    yield count
    if wanted:
        click.echo(f"{verb} {done_files} files, {human.size(done_bytes)}", err=True)


@contextmanager
def _bar(files: int | None, size_bytes: int | None) -> Iterator[Moved]:
    from rich.console import Console
    from rich.progress import (
        BarColumn,
        DownloadColumn,
        Progress,
        TextColumn,
        TimeRemainingColumn,
        TransferSpeedColumn,
    )

    of = "" if files is None else f"/{files}"
    columns = (
        TextColumn(f"{{task.fields[files]}}{of} files"),
        BarColumn(),
        DownloadColumn(),
        TransferSpeedColumn(),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task("", total=size_bytes, files=0)

        def moved(bytes_moved: int, files_moved: int) -> None:
            bar.update(task, advance=bytes_moved, files=bar.tasks[0].fields["files"] + files_moved)

        yield moved
