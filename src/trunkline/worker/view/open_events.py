"""Which files of some directories are being opened, told by the system (inotify; Linux only)."""

import ctypes
import errno
import os
import struct
import sys

_IN_OPEN, _IN_Q_OVERFLOW, _IN_ONLYDIR = 0x20, 0x4000, 0x1000000
_EVENT = struct.Struct("iIII")
_READ_BYTES = 64 << 10


class OpenEvents:
    """A queue of openings. Raises OSError where the system has none, or no more, to give."""

    def __init__(self) -> None:
        if sys.platform != "linux":
            raise OSError("only Linux tells which files are opened")
        self._libc = ctypes.CDLL(None, use_errno=True)
        self._fd = self._checked(self._libc.inotify_init1(os.O_NONBLOCK | os.O_CLOEXEC))
        self._directories: dict[int, str] = {}

    def fileno(self) -> int:
        """Return the descriptor that is readable when something was opened."""
        return self._fd

    def watch(self, directory: str) -> None:
        """Tell of files in this directory from now on."""
        watch = self._libc.inotify_add_watch(self._fd, os.fsencode(directory), _IN_OPEN | _IN_ONLYDIR)
        self._directories[self._checked(watch)] = directory

    def read(self) -> list[str] | None:
        """Return the paths that were opened since the last time; None if there were too many to tell them apart."""
        opened: list[str] = []
        while True:
            try:
                data = os.read(self._fd, _READ_BYTES)
            except BlockingIOError:
                return opened
            position = 0
            while position < len(data):
                watch, mask, _, length = _EVENT.unpack_from(data, position)
                position += _EVENT.size
                name = data[position : position + length].rstrip(b"\0")
                position += length
                if mask & _IN_Q_OVERFLOW:
                    return None
                if name and watch in self._directories:
                    opened.append(f"{self._directories[watch]}/{os.fsdecode(name)}")

    def close(self) -> None:
        """Give the queue back."""
        os.close(self._fd)

    @staticmethod
    def _checked(result: int) -> int:
        if result < 0:
            number = ctypes.get_errno()
            if number == errno.ENOSPC:  # which would be taken for a full disk
                raise OSError(number, "too many directories are watched for lazy files (fs.inotify.max_user_watches)")
            raise OSError(number, os.strerror(number))
        return result
