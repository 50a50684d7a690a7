"""Commands that look at, copy and delete files."""

from __future__ import annotations

from collections.abc import Iterable

import click

from trunkline import proto
from trunkline.cli import references as refer
from trunkline.cli.options import command, pass_session, project_option, raw_options
from trunkline.cli.session import Session
from trunkline.cli.show import human
from trunkline.cli.show.raw import print_messages
from trunkline.cli.show.tables import print_details, print_table


@command("file")
@click.argument("directory", metavar="REPO@BRANCH-OR-COMMIT[:PATH]")
@project_option
@raw_options
@click.option("--full-timestamps", is_flag=True, hidden=True)
@pass_session
def list_file(session: Session, *, directory: str, project: str | None, raw: str | None, full_timestamps: bool) -> None:
    """List the files of a directory."""
    reference = refer.file(directory, session.project(project), need_path=False)
    reference.path = reference.path or "/"
    _print_files(session.client.pfs.ListFile(proto.pfs_pb2.ListFileRequest(file=reference)), raw)


@command("file")
@click.argument("pattern", metavar="'REPO@BRANCH-OR-COMMIT:PATTERN'")
@project_option
@raw_options
@click.option("--full-timestamps", is_flag=True, hidden=True)
@pass_session
def glob_file(session: Session, *, pattern: str, project: str | None, raw: str | None, full_timestamps: bool) -> None:
    """List the files that match a pattern.

    Quote the pattern, so that the shell leaves it alone.
    """
    reference = refer.file(pattern, session.project(project))
    request = proto.pfs_pb2.GlobFileRequest(commit=reference.commit, pattern=reference.path)
    _print_files(session.client.pfs.GlobFile(request), raw)


def _print_files(files: Iterable[proto.pfs_pb2.FileInfo], raw: str | None) -> None:
    if raw:
        print_messages(files, raw)
    else:
        print_table(("SIZE", "NAME"), ((human.size(info.size_bytes), info.file.path) for info in files))


@command("file")
@click.argument("file", metavar="REPO@BRANCH-OR-COMMIT:PATH")
@project_option
@raw_options
@pass_session
def inspect_file(session: Session, *, file: str, project: str | None, raw: str | None) -> None:
    """Show a file."""
    reference = refer.file(file, session.project(project))
    info = session.client.pfs.InspectFile(proto.pfs_pb2.InspectFileRequest(file=reference))
    if raw:
        print_messages([info], raw)
        return
    kind = "dir" if info.file_type == proto.pfs_pb2.DIR else "file"
    print_details(
        [
            ("Path", info.file.path),
            ("Datum", info.file.datum),
            ("Type", kind),
            ("Size", human.size(info.size_bytes)),
            ("Hash", info.hash.hex()),
        ]
    )


@command("file")
@click.argument("source", metavar="REPO@BRANCH-OR-COMMIT:PATH")
@click.argument("target", metavar="REPO@BRANCH-OR-COMMIT:PATH")
@click.option("-a", "--append", is_flag=True, help="Append to the target instead of replacing it.")
@click.option("--src-project", default="", help="The project of the source.")
@click.option("--dest-project", default="", help="The project of the target.")
@project_option
@pass_session
def copy_file(
    session: Session,
    *,
    source: str,
    target: str,
    append: bool,
    src_project: str,
    dest_project: str,
    project: str | None,
) -> None:
    """Copy a file or directory without moving bytes."""
    from_file = refer.file(source, session.project(src_project or project))
    to_file = refer.file(target, session.project(dest_project or project))
    copy = proto.pfs_pb2.CopyFile(dst=to_file.path, src=from_file, append=append)
    requests = [
        proto.pfs_pb2.ModifyFileRequest(set_commit=to_file.commit),
        proto.pfs_pb2.ModifyFileRequest(copy_file=copy),
    ]
    session.client.modify_file(requests)


@command("file")
@click.argument("file", metavar="REPO@BRANCH-OR-COMMIT:PATH")
@click.option("-r", "--recursive", is_flag=True, help="Delete a directory.")
@project_option
@pass_session
def delete_file(session: Session, *, file: str, recursive: bool, project: str | None) -> None:
    """Delete a file or directory from a branch."""
    reference = refer.file(file, session.project(project))
    path = reference.path.rstrip("/") + "/" if recursive else reference.path
    requests = [
        proto.pfs_pb2.ModifyFileRequest(set_commit=reference.commit),
        proto.pfs_pb2.ModifyFileRequest(delete_file=proto.pfs_pb2.DeleteFile(path=path)),
    ]
    session.client.modify_file(requests)
