"""The command that reads files."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from functools import partial
from itertools import chain
from pathlib import Path

import click

from trunkline import proto
from trunkline.cli import references as refer
from trunkline.cli.options import command, pass_session, project_option
from trunkline.cli.session import Session
from trunkline.cli.transfer.downloads import extract, write_file
from trunkline.cli.transfer.plain_progress import Amount
from trunkline.cli.transfer.progress import progress as show_progress
from trunkline.cli.transfer.progress import shows_bar
from trunkline.cli.transfer.staging import staged, umask
from trunkline.cli.transfer.uploads import is_url
from trunkline.errors import Error
from trunkline.model.paths import GLOB_CHARACTERS, base_name, below

_WATCHED_FROM_BYTES = 256 * 1024 * 1024


@command("file")
@click.argument("file", metavar="REPO@BRANCH-OR-COMMIT:PATH")
@click.option("-o", "--output", default="", help="Where to write: a file, a directory with -r, or a URL.")
@click.option("-r", "--recursive", is_flag=True, help="Get a directory; needs --output.")
@click.option("--offset", default=0, help="Skip so many bytes of the file.")
@click.option("--retry", is_flag=True, hidden=True)
@click.option("--progress/--no-progress", default=None, help="Show how far it has come; on a terminal by default.")
@project_option
@pass_session
def get_file(
    session: Session,
    *,
    file: str,
    output: str,
    recursive: bool,
    offset: int,
    retry: bool,
    progress: bool | None,
    project: str | None,
) -> None:
    """Read a file, or a directory with -r.

    A file goes to standard output unless --output is given. With -r the files below the path are written below the
    output directory.
    """
    if recursive and not output:
        raise click.UsageError("-r needs --output, the directory to write to")
    reference = refer.file(file, session.project(project))
    request = proto.pfs_pb2.GetFileRequest(file=reference, offset=offset, URL=output if is_url(output) else "")
    if recursive:
        _get_directory(session, request, Path(output), progress)
        return
    try:
        _get_file(session, request, output, progress)
    except Error as error:
        if "Use GetFileTAR instead" in str(error):
            raise click.ClickException(f"{file} is not one file: use -r with --output DIRECTORY") from error
        raise


def _get_file(session: Session, request: proto.pfs_pb2.GetFileRequest, output: str, progress: bool | None) -> None:
    pieces = session.client.pfs.GetFile(request)
    wanted = progress if output else _wanted_beside_output(progress)
    with show_progress("got", wanted, total=partial(_total, session, request)) as watched:
        if output and not request.URL:
            path = Path(output)
            write_file(
                pieces,
                Path(below(output, base_name(request.file.path))) if path.is_dir() else path,
                moved=watched.moved,
            )
            return
        for piece in pieces:
            sys.stdout.buffer.write(piece.value)
            watched.moved(len(piece.value), 0)
        sys.stdout.buffer.flush()
        watched.moved(0, 1)


def _wanted_beside_output(progress: bool | None) -> bool | None:
    """Return what is wanted where the file itself goes to standard output: a bar only if that cannot get in its way."""
    if sys.stdout.isatty():
        return False
    return False if progress is None and shows_bar(progress) else progress


def _get_directory(
    session: Session, request: proto.pfs_pb2.GetFileRequest, output: Path, progress: bool | None
) -> None:
    if request.URL:
        for _ in session.client.pfs.GetFileTAR(request):
            pass
        return
    below, size_bytes = "", None
    if not set(GLOB_CHARACTERS) & set(request.file.path):
        info = session.client.pfs.InspectFile(proto.pfs_pb2.InspectFileRequest(file=request.file))
        if info.file_type == proto.pfs_pb2.FILE:
            output.absolute().parent.mkdir(parents=True, exist_ok=True)
            _get_file(session, request, str(output), progress)
            return
        below, size_bytes = info.file.path, info.size_bytes
    # Who watches something long sees file after file come; otherwise the server writes, which is much faster.
    watches = shows_bar(progress) and (size_bytes is None or size_bytes > _WATCHED_FROM_BYTES)
    total = Amount(None, size_bytes)
    with staged(output) as staging, show_progress("got", progress, total=lambda: total) as watched:
        if session.client.address.is_loopback and not watches:
            directory = proto.pfs_pb2.LocalDirectory(
                path=str(staging.directory.resolve()), token=staging.token, umask=umask()
            )
            request.local_directory.CopyFrom(directory)
        pieces = session.client.pfs.GetFileTAR(request)
        try:
            first = next(pieces, None)
            if first is not None:
                extract(chain([first], pieces), prefix=below, into=staging.files, moved=watched.moved)
            else:
                # The server has written there itself, and sends nothing.
                watched.count_at_end(partial(_files_below, staging.files))
        except BaseException:
            pieces.cancel()
            raise


def _files_below(directory: Path) -> Iterator[tuple[int, int]]:
    return ((file.stat().st_size, 1) for file in directory.rglob("*") if file.is_file())


def _total(session: Session, request: proto.pfs_pb2.GetFileRequest) -> Amount:
    try:
        info = session.client.pfs.InspectFile(proto.pfs_pb2.InspectFileRequest(file=request.file))
    except Error:  # a glob, or something that the get itself will tell better
        return Amount(1, None)
    return Amount(1, max(info.size_bytes - request.offset, 0))
