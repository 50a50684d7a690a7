"""What `put file` sends: which source goes to which path, and the messages for it."""

from __future__ import annotations

import os
import posixpath
import sys
import tarfile
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import IO
from urllib.parse import urlsplit

import click

from trunkline import proto

STANDARD_INPUT = "-"
MESSAGE_BYTES = 1 << 20
_TAR_SUFFIXES = (".tar", ".tar.gz", ".tgz")


@dataclass(frozen=True, slots=True)
class Upload:
    """One source and the path in the commit that it goes to. Sources are local files, URLs, or ``-``."""

    source: str
    target: str
    is_archive: bool = False
    """Whether the members of the source are sent, below target, instead of itself."""

    @property
    def is_remote(self) -> bool:
        """Whether the server fetches the source by itself."""
        return is_url(self.source)

    @property
    def is_named_to_server(self) -> bool:
        """Whether a server that sees our files can take the source by its path: a regular file, or a directory."""
        if self.is_archive or self.is_remote or self.source == STANDARD_INPUT:
            return False
        return os.path.isfile(self.source) or os.path.isdir(self.source)


def is_url(source: str) -> bool:
    """Tell whether a source is a URL and not a local path."""
    return "://" in source and bool(urlsplit(source).scheme)


def plan_uploads(
    sources: Sequence[str],
    path: str,
    *,
    recursive: bool = False,
    full_path: bool = False,
    untar: bool = False,
    whole_directories: bool = False,
) -> Iterator[Upload]:
    """Yield what to send, directories walked in the order of their sorted names.

    Without a path a source goes to its base name (all of its name with full_path); one source goes to the path exactly,
    or below it if the path ends in a slash; several sources go below the path. A directory that is walked brings its
    files below where it goes itself, and ``/`` as the path of a single directory takes them without its name. With
    whole_directories, a directory is one thing to send, for a server that walks it by itself.
    """
    for source in sources:
        target = _target(source, path, alone=len(sources) == 1, recursive=recursive, full_path=full_path)
        if source == STANDARD_INPUT and not path:
            raise click.BadArgumentUsage("a path is needed for what comes from standard input: write repo@branch:path")
        if is_url(source) or source == STANDARD_INPUT:
            yield Upload(source, target)
        elif os.path.isdir(source):
            if not recursive:
                raise click.ClickException(f"{source} is a directory: use -r to put the files in it")
            if whole_directories and not untar:
                yield Upload(source, _clean(target))
                continue
            yield from (_file(file, target + file[len(source.rstrip("/")) :], untar) for file in _walk(source))
        else:
            yield _file(source, target, untar)


def _file(source: str, target: str, untar: bool) -> Upload:
    if untar and source.endswith(_TAR_SUFFIXES):
        return Upload(source, posixpath.dirname(target), is_archive=True)
    return Upload(source, _clean(target))


def _clean(path: str) -> str:
    # Not normpath: a path that climbs up is the server's to refuse, not ours to bend into another.
    return "/" + "/".join(part for part in path.split("/") if part not in ("", "."))


def _target(source: str, path: str, *, alone: bool, recursive: bool, full_path: bool) -> str:
    name = posixpath.normpath(source) if full_path and not is_url(source) else _base_name(source)
    if not path:
        return name
    if alone and path == "/" and recursive and not full_path and not is_url(source):
        return "/" if os.path.isdir(source) else posixpath.join("/", name)
    if alone and not path.endswith("/") and not (recursive and full_path):
        return path
    return posixpath.join(path, name.lstrip("/"))


def _base_name(source: str) -> str:
    if is_url(source):
        source = urlsplit(source).path
    # "." and ".." have no name of their own: their files go to where they would go.
    name = posixpath.basename(source.rstrip("/"))
    return "" if name in (".", "..") else name


def _walk(directory: str) -> Iterator[str]:
    with os.scandir(directory) as entries:
        for entry in sorted(entries, key=lambda entry: entry.name):
            if entry.is_dir(follow_symlinks=False):
                yield from _walk(entry.path)
            elif entry.is_file():
                yield entry.path


def edit_requests(
    uploads: Iterable[Upload],
    *,
    append: bool,
    recursive: bool,
    by_path: bool = False,
    reread: bool = False,
    sent: Callable[[int, int], object] = lambda _bytes, _files: None,
    named: Callable[[Upload], object] = lambda _upload: None,
) -> Iterator[proto.pfs_pb2.ModifyFileRequest]:
    """Yield the messages of one edit after the first, which says where; sent is told of bytes and of files.

    With by_path local files are named and not sent, and named is told: the server reads them, with reread also those
    that it remembers.
    """
    for upload in uploads:
        if by_path and upload.is_named_to_server:
            yield _named(upload, append=append, reread=reread)
            named(upload)
            continue
        for message in _upload_requests(upload, append=append, recursive=recursive):
            yield message
            sent(len(message.add_file.raw.value), 0)
        sent(0, 1)


def measure(upload: Upload) -> Iterator[tuple[int, int]]:
    """Yield bytes and number of the files that a local source is, or has in it.

    What has gone meanwhile is passed over: this is asked for when the files are put already.
    """
    with suppress(OSError):
        for file in _walk(upload.source) if os.path.isdir(upload.source) else (upload.source,):
            with suppress(OSError):
                yield os.path.getsize(file), 1


def _named(upload: Upload, *, append: bool, reread: bool) -> proto.pfs_pb2.ModifyFileRequest:
    url = proto.pfs_pb2.AddFile.URLSource(
        URL=Path(upload.source).absolute().as_uri(),
        recursive=os.path.isdir(upload.source),
        overwrite=not append,
        reread=reread,
    )
    return proto.pfs_pb2.ModifyFileRequest(add_file=proto.pfs_pb2.AddFile(path=upload.target, url=url))


def _upload_requests(upload: Upload, *, append: bool, recursive: bool) -> Iterator[proto.pfs_pb2.ModifyFileRequest]:
    if upload.is_archive:
        yield from _archive_requests(upload, append=append)
    elif upload.is_remote:
        yield from _deletion(upload.target, append=append)
        url = proto.pfs_pb2.AddFile.URLSource(URL=upload.source, recursive=recursive)
        yield proto.pfs_pb2.ModifyFileRequest(add_file=proto.pfs_pb2.AddFile(path=upload.target, url=url))
    elif upload.source == STANDARD_INPUT:
        yield from _content(upload.target, sys.stdin.buffer, append=append)
    else:
        with open(upload.source, "rb", buffering=0) as file:
            yield from _content(upload.target, file, append=append)


def _archive_requests(upload: Upload, *, append: bool) -> Iterator[proto.pfs_pb2.ModifyFileRequest]:
    with tarfile.open(upload.source, "r|*") as archive:
        for member in archive:
            content = archive.extractfile(member) if member.isfile() else None
            if content is not None:
                target = _clean(posixpath.join("/", upload.target, member.name.lstrip("/")))
                yield from _content(target, content, append=append)


def _content(target: str, content: IO[bytes], *, append: bool) -> Iterator[proto.pfs_pb2.ModifyFileRequest]:
    yield from _deletion(target, append=append)
    first = True
    while (data := content.read(MESSAGE_BYTES)) or first:
        add = proto.pfs_pb2.AddFile(path=target)
        add.raw.value = data
        yield proto.pfs_pb2.ModifyFileRequest(add_file=add)
        first = False


def _deletion(target: str, *, append: bool) -> Iterator[proto.pfs_pb2.ModifyFileRequest]:
    # Adding appends on the wire: to overwrite is to delete first.
    if not append:
        yield proto.pfs_pb2.ModifyFileRequest(delete_file=proto.pfs_pb2.DeleteFile(path=target))
