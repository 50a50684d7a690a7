"""Which files of the server's machine URLs may name: those below directories that its owner has allowed.

A path is taken with its links followed, and what is opened then is reached without following any: names that are
swapped in between lead nowhere else. The state directory is never named, whatever way leads to it.
"""

import errno
import hmac
import os
import stat
from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from trunkline.config import PROOF_KEY
from trunkline.errors import InvalidInputError

_STEP = getattr(os, "O_PATH", os.O_RDONLY) | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
_DIRECTORY_MODE = 0o777


@dataclass(frozen=True, slots=True)
class LocalFiles:
    """What may be named. Without anything allowed, and without a proof, nothing may."""

    allowed: tuple[Path, ...] = ()
    state: Path | None = None
    proof: str = ""
    """What whoever runs as our own user, and is no command of a pipeline, can read in the state directory."""

    def for_caller(self, metadata: Iterable[tuple[str, str | bytes]]) -> "LocalFiles":
        """Return what a caller may name: everything that we can read, with the proof, but the state directory."""
        shown = [value for key, value in metadata if key == PROOF_KEY]
        proven = any(
            isinstance(each, str) and hmac.compare_digest(each.encode(), self.proof.encode()) for each in shown
        )
        return LocalFiles((Path("/"),), self.state) if self.proof and proven else self

    @property
    def allows_all(self) -> bool:
        """Whether it is the state directory alone that may not be named."""
        return Path("/") in self.allowed

    def check(self, path: Path | str) -> str:
        """Return a path with its links followed, or raise InvalidInputError if it may not be named."""
        try:
            real = os.path.realpath(path)
        except (OSError, ValueError) as error:
            raise InvalidInputError(f"{path} cannot be looked at: {error}") from None
        if not any(_is_below(real, os.path.realpath(directory)) for directory in self.allowed):
            below = " or ".join(map(str, self.allowed))
            raise InvalidInputError(
                f"{path}: the server reads and writes files only below directories that its owner has allowed"
                f"{f': {below}' if below else ''}. Start it with `trunkline serve --allow-files DIRECTORY`, "
                "or send the content: `pachctl put file -f PATH`, `pachctl get file -o PATH`"
            )
        self.check_no_state(real)
        return real

    def check_no_state(self, real: str) -> None:
        """Raise InvalidInputError for a path, without links, that lies in the state directory."""
        if self.state is None:
            return
        places = _identities(self.state)
        current = real
        while True:
            if _identity(current) in places:
                raise InvalidInputError(f"{real} lies in the server's state directory: nothing there can be named")
            if current == os.path.dirname(current):
                return
            current = os.path.dirname(current)

    def guard(self, path: str, *, is_link: bool) -> None:
        """Raise InvalidInputError for a directory, or the target of a link, that a walk has come to and may not."""
        if is_link:
            self.check(path)
        elif self.state is not None and _identity(path) == _identity(str(self.state)):
            raise InvalidInputError(f"{path} is the server's state directory: nothing there can be named")

    def files_below(self, real: str) -> Iterator[str]:
        """Yield the files below a directory, by path: links to files are followed where they may be named."""
        for directory, names, files in os.walk(real):
            self.guard(directory, is_link=False)
            names.sort()
            yield from (place for name in sorted(files) if os.path.isfile(place := f"{directory}/{name}"))

    def open(self, path: str) -> int:
        """Return a descriptor to read the file at path. Raises InvalidInputError, OSError."""
        real = self.check(path)
        directory = _descend(os.path.dirname(real))
        try:
            flags = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
            descriptor = os.open(os.path.basename(real) or ".", flags, dir_fd=directory)
        finally:
            os.close(directory)
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            os.close(descriptor)
            raise OSError(errno.EINVAL, "it is no file")
        return descriptor

    def make_directory(self, path: Path) -> int:
        """Return a descriptor of a directory to write in, which is made if need be. Raises as `open`."""
        return _descend(self.check(path), make=True)


def _descend(real: str, *, make: bool = False) -> int:
    """Open a directory name by name, following no link."""
    current = os.open("/", _STEP)
    for name in real.split("/"):
        if not name:
            continue
        try:
            if make:
                with suppress(FileExistsError):
                    os.mkdir(name, _DIRECTORY_MODE, dir_fd=current)
            inner = os.open(name, _STEP, dir_fd=current)
        finally:
            os.close(current)
        current = inner
    return current


def _is_below(real: str, directory: str) -> bool:
    return real == directory or real.startswith(directory.rstrip("/") + "/")


def _identity(path: str) -> tuple[int, int] | None:
    try:
        status = os.stat(path, follow_symlinks=False)
    except (OSError, ValueError):
        return None
    return status.st_dev, status.st_ino


def _identities(state: Path) -> set[tuple[int, int] | None]:
    """Return what the state directory and all that lies in it at the top are: they may be mounted elsewhere, too."""
    found = {_identity(str(state)), *(_identity(entry.path) for entry in os.scandir(state))}
    return found - {None}
