"""The command that writes files."""

from __future__ import annotations

import os
from collections.abc import Sequence
from functools import partial
from itertools import chain

import click

from trunkline import proto
from trunkline.cli import references as refer
from trunkline.cli.options import command, pass_session, project_option
from trunkline.cli.session import Session
from trunkline.cli.transfer.parallel_slices import slice_uploads
from trunkline.cli.transfer.plain_progress import Amount
from trunkline.cli.transfer.progress import Progress, shows_bar
from trunkline.cli.transfer.progress import progress as show_progress
from trunkline.cli.transfer.uploads import STANDARD_INPUT, Upload, edit_requests, measure, plan_uploads


@command("file")
@click.argument("target", metavar="REPO@BRANCH-OR-COMMIT[:PATH]")
@click.option("-f", "--file", "files", multiple=True, help="A file, directory or URL; - is standard input; repeatable.")
@click.option("-i", "--input-file", "lists", multiple=True, help="A file with a source in each line; - for stdin.")
@click.option("-r", "--recursive", is_flag=True, help="Put the files in directories.")
@click.option("-a", "--append", is_flag=True, help="Append to files that exist instead of overwriting them.")
@click.option("-c", "--compress", is_flag=True, help="Compress what is sent.")
@click.option(
    "-p",
    "--parallelism",
    type=click.IntRange(1, 100),
    default=1,
    help="How many files or URLs to put at a time.",
)
@click.option("--reread", is_flag=True, help="Read also files of directories that look as when they were put last.")
@click.option("--full-path", is_flag=True, help="Name files by the whole path of their source.")
@click.option("--untar", is_flag=True, help="Put the members of .tar, .tar.gz and .tgz files.")
@click.option("--progress/--no-progress", default=None, help="Show how far it has come; on a terminal by default.")
@project_option
@pass_session
def put_file(
    session: Session,
    *,
    target: str,
    files: tuple[str, ...],
    lists: tuple[str, ...],
    recursive: bool,
    append: bool,
    compress: bool,
    parallelism: int,
    reread: bool,
    full_path: bool,
    untar: bool,
    progress: bool | None,
    project: str | None,
) -> None:
    r"""Write files into a branch or open commit.

    All files of one command make one commit, if the target is a branch without an open one.

    \b
      put file images@master:/a.png -f a.png       one file
      put file images@master -f a.png -f b.png     several, under their own names
      put file -r images@master:/raw -f photos     photos/x.png becomes /raw/x.png
      put file -r images@master -f photos          photos/x.png becomes /photos/x.png
      put file -p 8 images@master -i urls.txt      what the lines name, eight at a time
    """
    file = refer.file(target, session.project(project), need_path=False)
    sources = [*files, *_listed(lists)] or [STANDARD_INPUT]
    by_path = session.client.reads_our_files()
    # Who watches sees file after file go; otherwise the server walks directories, which is much faster.
    uploads = list(
        plan_uploads(
            sources,
            file.path,
            recursive=recursive,
            full_path=full_path,
            untar=untar,
            whole_directories=by_path and parallelism == 1 and not shows_bar(progress),
        )
    )
    # A repo that does not exist is better said before the bytes travel than after.
    session.client.pfs.InspectRepo(proto.pfs_pb2.InspectRepoRequest(repo=file.commit.repo))
    with show_progress("put", progress, total=partial(_total, uploads)) as watched:
        requests = partial(
            edit_requests,
            append=append,
            recursive=recursive,
            by_path=by_path,
            reread=reread,
            sent=watched.moved,
            named=partial(_count_named, watched, at_once=shows_bar(progress)),
        )
        parts = [requests(each) for each in ([uploads] if parallelism == 1 else slice_uploads(uploads, parallelism))]
        if len(parts) > 1:
            session.client.modify_file_in_parts(file.commit, parts, parallelism=parallelism, compress=compress)
        else:
            start = proto.pfs_pb2.ModifyFileRequest(set_commit=file.commit)
            session.client.modify_file(chain([start], *parts), compress=compress)


def _listed(lists: tuple[str, ...]) -> list[str]:
    lines: list[str] = []
    for name in lists:
        with click.open_file(name) as file:
            lines += [line.strip() for line in file if line.strip()]
    return lines


def _count_named(watched: Progress, upload: Upload, *, at_once: bool) -> None:
    """Count what the server reads by itself: nobody sees when it has, but a bar shall move."""
    if at_once:
        watched.moved(os.path.getsize(upload.source), 1)
    else:
        watched.count_at_end(partial(measure, upload))


def _total(uploads: Sequence[Upload]) -> Amount:
    """Return how much will be sent, as far as it is known here."""
    if any(each.is_archive or os.path.isdir(each.source) for each in uploads):
        return Amount(None, None)
    if any(each.is_remote or each.source == STANDARD_INPUT for each in uploads):
        return Amount(len(uploads), None)
    return Amount(len(uploads), sum(os.path.getsize(each.source) for each in uploads))
