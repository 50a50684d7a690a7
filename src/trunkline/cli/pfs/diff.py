"""The command that compares files of two commits."""

from __future__ import annotations

import shlex
import subprocess
import tempfile
from pathlib import Path

import click

from trunkline import proto
from trunkline.cli import references as refer
from trunkline.cli.options import command, pass_session, project_option
from trunkline.cli.session import Session
from trunkline.cli.show import human
from trunkline.cli.show.tables import Cell, Coloured, print_table
from trunkline.cli.transfer.downloads import write_file
from trunkline.model.paths import below

_DIFF_COMMAND = "git -c color.ui=auto diff --no-index"


@command("file")
@click.argument("new", metavar="REPO@COMMIT[:PATH]")
@click.argument("old", metavar="[REPO@COMMIT[:PATH]]", required=False)
@click.option("-s", "--shallow", is_flag=True, help="Only the directory's own entries.")
@click.option("--name-only", is_flag=True, help="Only say which files differ.")
@click.option("--diff-command", default=_DIFF_COMMAND, show_default=True, help="What compares two directories.")
@click.option("--old-project", default="", help="The project of the second argument.")
@project_option
@pass_session
def diff_file(
    session: Session,
    *,
    new: str,
    old: str | None,
    shallow: bool,
    name_only: bool,
    diff_command: str,
    old_project: str,
    project: str | None,
) -> None:
    """Compare a file or directory of two commits.

    With one argument, with the same path in the parent commit.
    """
    request = proto.pfs_pb2.DiffFileRequest(new_file=_file(new, session.project(project)), shallow=shallow)
    if old:
        request.old_file.CopyFrom(_file(old, session.project(old_project or project)))
    differences = session.client.pfs.DiffFile(request)
    if name_only:
        print_table(("OP", "SIZE", "NAME"), (_row(pair) for pair in differences))
        return
    with tempfile.TemporaryDirectory() as scratch:
        for side in ("old", "new"):
            Path(scratch, side).mkdir()
        for pair in differences:
            for side, info in (("old", pair.old_file), ("new", pair.new_file)):
                _download(session, info, Path(scratch, side))
        # The exit code says whether there are differences, which is no failure.
        subprocess.run([*shlex.split(diff_command), "old", "new"], cwd=scratch, check=False)


def _file(text: str, in_project: str) -> proto.pfs_pb2.File:
    file = refer.file(text, in_project, need_path=False)
    file.path = file.path or "/"
    return file


def _row(pair: proto.pfs_pb2.DiffFileResponse) -> tuple[Cell, ...]:
    if not pair.HasField("old_file"):
        operation, info = Coloured("+", "green"), pair.new_file
    elif not pair.HasField("new_file"):
        operation, info = Coloured("-", "red"), pair.old_file
    else:
        operation, info = Coloured("M", "yellow"), pair.new_file
    return (operation, human.size(info.size_bytes), info.file.path)


def _download(session: Session, info: proto.pfs_pb2.FileInfo, directory: Path) -> None:
    if info.file_type != proto.pfs_pb2.FILE:
        return
    path = Path(below(str(directory), info.file.path))
    path.parent.mkdir(parents=True, exist_ok=True)
    write_file(session.client.pfs.GetFile(proto.pfs_pb2.GetFileRequest(file=info.file)), path)
