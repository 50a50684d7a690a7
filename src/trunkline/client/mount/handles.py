"""Open files of a mount: kept locally, or of a commit until there is a local copy."""

import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol


class Handle(Protocol):
    """An open file."""

    def read(self, size: int, offset: int) -> bytes:
        """Return what it has from offset on; fewer bytes than size at its end only."""

    def close(self) -> None:
        """End it."""


@dataclass(slots=True)
class LocalFile:
    """An open file that is kept locally."""

    descriptor: int
    changed: Callable[[], None] = lambda: None
    """Told before each write."""

    def read(self, size: int, offset: int) -> bytes:
        """Return what it has from offset on."""
        return os.pread(self.descriptor, size, offset)

    def write(self, data: bytes, offset: int) -> int:
        """Write at an offset and return how many bytes were taken; less than all where the disk is full."""
        self.changed()
        return os.pwrite(self.descriptor, data, offset)

    def sync(self) -> None:
        """Return when what was written outlives a power cut."""
        os.fsync(self.descriptor)

    def close(self) -> None:
        """End it."""
        os.close(self.descriptor)


class ShownFile:
    """An open file that a commit has, and that others may overwrite: it shows what they write from then on.

    The kernel keeps the pages of a file once, whoever reads it. A reader that went on with the commit's bytes would
    put them among those that were written.
    """

    def __init__(self, reader: Handle, forget: "Callable[[ShownFile], None]") -> None:
        self._reader = reader
        self._forget = forget
        self._descriptor = -1

    def read(self, size: int, offset: int) -> bytes:
        """Return what it has from offset on."""
        if self._descriptor >= 0:
            return os.pread(self._descriptor, size, offset)
        return self._reader.read(size, offset)

    def follow(self, local: Path) -> None:
        """Read the local copy from now on, wherever it is moved."""
        self._descriptor = os.open(local, os.O_RDONLY | os.O_CLOEXEC)

    def close(self) -> None:
        """End it."""
        self._forget(self)
        self._reader.close()
        if self._descriptor >= 0:
            os.close(self._descriptor)
