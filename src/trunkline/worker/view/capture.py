"""What a datum left in ``/pfs/out``, as files of its layer (reference, section 5.2).

Everything is found and opened with the rights of the user that the command ran as, through descriptors: the command,
or what it has left behind, may go on changing names. Links are followed to where that user may read, but not into
``/proc``.
"""

import errno
import os
import stat
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field

from trunkline.errors import InvalidInputError
from trunkline.model.paths import check_writable
from trunkline.storage.fileset import LayerWriter
from trunkline.worker.rights import acting_as
from trunkline.worker.view.inputs import WantedFile
from trunkline.worker.view.opening import allow, looked_at, open_directory, open_entry, tells_of_processes
from trunkline.worker.view.tree import View

_DIR_MODE, _FILE_MODE = 0o755, 0o644
_OWN = 0o700
_LISTED = 0o500
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
    view: View = field(repr=False, compare=False)

    def open(self) -> int:
        """Return a descriptor to read the content on disk from. Raises OutputError."""
        try:
            return self.view.open_file(self.source)
        except OSError as error:
            raise OutputError(f"cannot upload /pfs/out{self.path}: {error.strerror}") from None


@dataclass(frozen=True, slots=True)
class Outputs:
    """What is in ``/pfs/out``."""

    files: tuple[Output, ...] = ()
    """By path."""
    pipes: tuple[str, ...] = ()
    """The paths of named pipes, which are not kept."""


def outputs(view: View) -> Outputs:
    """Return what is in ``/pfs/out``, symbolic links followed. Raises OutputError; nothing is stored yet."""
    pipes: list[str] = []
    try:
        with acting_as(view.owner):
            found = sorted(_Finder(view, pipes).outputs(), key=lambda output: output.path)
    except RecursionError:
        raise _too_deep() from None
    except OSError as error:
        if error.errno == errno.EMFILE:
            raise _too_deep() from None
        place = str(error.filename or "").removeprefix(view.out)[:_PLACE_CHARS_MAX]
        raise OutputError(f"cannot upload /pfs/out{place}: {error.strerror}") from None
    return Outputs(tuple(found), tuple(sorted(pipes)))


def _too_deep() -> OutputError:
    return OutputError("cannot upload /pfs/out/: its directories are nested too deeply")


def store(found: Sequence[Output], writer: LayerWriter, *, tag: str) -> int:
    """Add the outputs to the layer under the tag; return how many bytes they have.

    Raises OutputError if one of them is gone by now; the layer has none of them then.
    """
    for position, output in enumerate(found):
        if output.input is not None:
            writer.copy(output.path, output.input.rows, tag=tag)
            continue
        try:
            descriptor = output.open()
        except OutputError:
            for stored in found[:position]:
                writer.delete(stored.path, tag=tag)
            raise
        try:
            writer.add_open_file(output.path, descriptor, tag=tag)
        finally:
            os.close(descriptor)
    return sum(output.size_bytes for output in found)


@dataclass(frozen=True, slots=True)
class _Entry:
    """A name in an open directory, where it lies, and where it lies in the output."""

    name: str
    directory: int
    path: str
    place: str


class _Finder:
    """Looks through ``/pfs/out`` once. ``above`` are the directories that are being looked through."""

    def __init__(self, view: View, pipes: list[str]) -> None:
        self._view = view
        self._pipes = pipes

    def outputs(self) -> Iterator[Output]:
        """Yield what there is, in no order."""
        out = self._view.out
        if not os.path.lexists(out):
            return
        if not os.path.isdir(out):
            raise OutputError("cannot upload /pfs/out: it is no directory any more; write files into it")
        if os.path.islink(out):
            yield from self._follow(out, "", ())
            return
        allow(out, _LISTED, _DIR_MODE)
        yield from self._walk(open_directory(out), out, "", ())

    def _walk(self, directory: int, path: str, place: str, above: tuple[tuple[int, int], ...]) -> Iterator[Output]:
        """Yield what is below an open directory, and close it."""
        try:
            status = os.fstat(directory)
            identity = (status.st_dev, status.st_ino)
            if identity in above:
                raise OutputError(f"cannot upload /pfs/out{place}: the symbolic link leads to a directory above it")
            self._check_no_process(status, place)
            above = (*above, identity)
            with os.scandir(directory) as entries:
                names = list(entries)
            for entry in names:
                inner = _Entry(entry.name, directory, f"{path}/{entry.name}", f"{place}/{entry.name}")
                if entry.is_symlink():
                    yield from self._follow(inner.path, inner.place, above)
                elif entry.is_dir(follow_symlinks=False):
                    opened = self._opened(open_directory, inner, _DIR_MODE)
                    yield from self._walk(opened, inner.path, inner.place, above)
                else:
                    yield from self._file(inner, entry.stat(follow_symlinks=False))
        finally:
            os.close(directory)

    def _follow(self, link: str, place: str, above: tuple[tuple[int, int], ...]) -> Iterator[Output]:
        try:
            target = os.path.realpath(link)
            with looked_at(target) as found:
                status = os.fstat(found)
        except OSError as error:
            what = self._refusal(link, error)
            raise OutputError(f"cannot upload /pfs/out{place}: the symbolic link to {what}") from None
        self._check_no_process(status, place)
        directory, _, name = target.rpartition("/")
        if stat.S_ISDIR(status.st_mode):
            with looked_at(directory or "/") as parent:
                opened = self._opened(open_directory, _Entry(name or ".", parent, target, place), _DIR_MODE)
            yield from self._walk(opened, target, place, above)
        else:
            with looked_at(directory or "/") as parent:
                yield from self._file(_Entry(name, parent, target, place), status)

    @staticmethod
    def _check_no_process(status: os.stat_result, place: str) -> None:
        if tells_of_processes(status):
            raise OutputError(f"cannot upload /pfs/out{place}: the symbolic link leads into /proc: copy the file")

    @staticmethod
    def _refusal(link: str, error: OSError) -> str:
        try:
            target = os.readlink(link)
        except OSError:
            target = "elsewhere"
        if error.errno in (errno.EACCES, errno.EPERM):
            return f"{target} leads to what the command's user may not read: permission denied"
        return f"{target} is broken"

    def _file(self, entry: _Entry, status: os.stat_result) -> Iterator[Output]:
        path, place = entry.path, entry.place
        source = self._view.untouched(path)
        if source is None and stat.S_ISFIFO(status.st_mode):
            self._pipes.append(place)
            return
        if source is None and not stat.S_ISREG(status.st_mode):
            kind = _KINDS.get(stat.S_IFMT(status.st_mode), "no file")
            raise OutputError(f"cannot upload /pfs/out{place}: it is {kind}")
        try:
            check_writable(place)
        except InvalidInputError as error:
            raise OutputError(
                "cannot upload file produced by the user code because its name cannot be represented in PFS: "
                + str(error)
            ) from None
        if source is not None:
            yield Output(place, path, sum(row.size_bytes for row in source.rows), source, self._view)
            return
        # Opened and closed: only the kernel knows whether it will be readable when all names have been looked at.
        os.close(self._opened(open_entry, entry, _FILE_MODE))
        yield Output(place, path, status.st_size, None, self._view)

    def _opened(self, opened: Callable[[str, int], int], entry: _Entry, mode: int) -> int:
        """Open an output, after making it accessible. What a link leads to elsewhere is not ours to change."""
        refusal = f"cannot upload /pfs/out{entry.place}: {entry.path} cannot be read: permission denied"
        try:
            return opened(entry.name, entry.directory)
        except PermissionError:
            if os.path.commonpath((self._view.out, entry.path)) != self._view.out:
                raise OutputError(refusal) from None
        try:
            allow(entry.name, mode & _OWN, mode, directory=entry.directory)
            return opened(entry.name, entry.directory)
        except PermissionError:
            raise OutputError(refusal) from None
