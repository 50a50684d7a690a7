"""What a datum left in ``/pfs/out``, as files of its layer (reference, section 5.2)."""

import os
import stat
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from trunkline.errors import InvalidInputError
from trunkline.model.paths import check_writable
from trunkline.storage.fileset import LayerWriter
from trunkline.worker.inputs import WantedFile
from trunkline.worker.view import View

_DIR_MODE, _FILE_MODE = 0o755, 0o644
_PLACE_CHARS_MAX = 200
_KINDS = {stat.S_IFSOCK: "a socket", stat.S_IFCHR: "a device", stat.S_IFBLK: "a device"}


class OutputError(Exception):
    """Output that cannot be kept: the datum fails, and the text is the reason."""

    def __init__(self, reason: str) -> None:
        # Names may hold bytes that are no text, and the reason is sent and stored as text.
        super().__init__(reason.encode(errors="backslashreplace").decode())


@dataclass(frozen=True, slots=True)
class Output:
    """One file to keep: its path in the repo, and where its content is: on disk, or in an input as it was."""

    path: str
    source: str
    size_bytes: int
    input: WantedFile | None


@dataclass(frozen=True, slots=True)
class Outputs:
    """What is in ``/pfs/out``."""

    files: tuple[Output, ...] = ()
    """By path."""
    pipes: tuple[str, ...] = ()
    """The paths of named pipes, which are not kept."""


def outputs(view: View) -> Outputs:
    """Return what is in ``/pfs/out``, symbolic links followed. Raises OutputError; nothing is stored yet."""
    if not os.path.isdir(view.out):
        if os.path.lexists(view.out):
            raise OutputError("cannot upload /pfs/out: it is no directory any more; write files into it")
        return Outputs()
    pipes: list[str] = []
    try:
        files = sorted(_walk(view, view.out, "", (), pipes), key=lambda output: output.path)
        return Outputs(tuple(files), tuple(sorted(pipes)))
    except RecursionError:
        raise OutputError("cannot upload /pfs/out/: its directories are nested too deeply") from None
    except OSError as error:
        place = str(error.filename or "").removeprefix(view.out)[:_PLACE_CHARS_MAX]
        raise OutputError(f"cannot upload /pfs/out{place}: {error.strerror}") from None


def store(found: Sequence[Output], writer: LayerWriter, *, tag: str) -> int:
    """Add the outputs to the layer under the tag; return how many bytes they have."""
    for output in found:
        if output.input is not None:
            writer.copy(output.path, output.input.rows, tag=tag)
        else:
            writer.add_file(output.path, Path(output.source), tag=tag)
    return sum(output.size_bytes for output in found)


def _walk(
    view: View, directory: str, place: str, above: tuple[tuple[int, int], ...], pipes: list[str]
) -> Iterator[Output]:
    status = os.stat(directory)
    identity = (status.st_dev, status.st_ino)
    if identity in above:
        raise OutputError(f"cannot upload /pfs/out{place}: the symbolic link leads to a directory above it")
    for entry in _entries(view, directory, place):
        inner = f"{place}/{entry.name}"
        if entry.is_symlink():
            yield from _follow(view, entry.path, inner, (*above, identity), pipes)
        elif entry.is_dir(follow_symlinks=False):
            yield from _walk(view, entry.path, inner, (*above, identity), pipes)
        else:
            yield from _file(view, entry.path, inner, entry.stat(follow_symlinks=False), pipes)


def _follow(
    view: View, link: str, place: str, above: tuple[tuple[int, int], ...], pipes: list[str]
) -> Iterator[Output]:
    target = os.path.realpath(link)
    try:
        status = os.stat(target)
    except OSError:
        raise OutputError(
            f"cannot upload /pfs/out{place}: the symbolic link to {os.readlink(link)} is broken"
        ) from None
    if stat.S_ISDIR(status.st_mode):
        yield from _walk(view, target, place, above, pipes)
    else:
        yield from _file(view, target, place, status, pipes)


def _file(view: View, path: str, place: str, status: os.stat_result, pipes: list[str]) -> Iterator[Output]:
    source = view.untouched(path)
    if source is None and stat.S_ISFIFO(status.st_mode):
        pipes.append(place)
        return
    if source is None and not stat.S_ISREG(status.st_mode):
        raise OutputError(f"cannot upload /pfs/out{place}: it is {_KINDS.get(stat.S_IFMT(status.st_mode), 'no file')}")
    try:
        check_writable(place)
    except InvalidInputError as error:
        raise OutputError(
            "cannot upload file produced by the user code because its name cannot be represented in PFS: " + str(error)
        ) from None
    if source is None:
        _unlock(view, path, place, os.R_OK, _FILE_MODE)
    yield Output(place, path, sum(row.size_bytes for row in source.rows) if source else status.st_size, source)


def _entries(view: View, directory: str, place: str) -> list[os.DirEntry[str]]:
    _unlock(view, directory, place, os.R_OK | os.X_OK, _DIR_MODE)
    with os.scandir(directory) as entries:
        return list(entries)


def _unlock(view: View, path: str, place: str, needed: int, mode: int) -> None:
    """Make an output accessible to us. What a link leads to elsewhere is not ours to change."""
    if os.access(path, needed):
        return
    if os.path.commonpath((view.out, path)) != view.out:
        raise OutputError(f"cannot upload /pfs/out{place}: {path} cannot be read: permission denied")
    os.chmod(path, mode)
