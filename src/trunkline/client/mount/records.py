"""What is known of the mounts of this machine: a directory of state for each, and the kernel's own table.

A state directory holds ``mount.json`` (what is mounted where), ``lock`` (held as long as the mount's process lives),
``log``, ``changes/`` (what was written and not yet put) and, when the mount has ended, ``outcome.json``.
"""

import contextlib
import errno
import fcntl
import json
import os
import re
import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO

from trunkline.client.local_server import home_directory, make_home
from trunkline.client.mount.fuse import FILE_SYSTEM
from trunkline.errors import ConflictError, Error, InvalidInputError
from trunkline.model.ids import new_id

_ESCAPED = re.compile(r"\\([0-7]{3})")
_UNMOUNT_COMMANDS = (("fusermount3", "-u"), ("fusermount", "-u"), ("umount",))
_DETACH_COMMANDS = (("fusermount3", "-u", "-z"), ("fusermount", "-u", "-z"), ("umount", "-l"))


@dataclass(frozen=True, slots=True)
class Outcome:
    """How a mount ended: the commits that it made, a line each, and what went wrong."""

    put: tuple[str, ...] = ()
    failures: tuple[str, ...] = ()


@dataclass(slots=True)
class MountState:
    """The state directory of one mount."""

    path: Path
    directory: Path
    """Where it is mounted."""
    _locked: IO[str] | None = field(default=None, repr=False)

    @classmethod
    def create(cls, directory: Path) -> "MountState":
        """Make a state directory and hold its lock until this process ends."""
        make_home(home_directory())
        path = _root() / new_id()
        path.mkdir(parents=True, mode=0o700)
        lock = (path / "lock").open("w")
        fcntl.flock(lock, fcntl.LOCK_EX)
        (path / "mount.json").write_text(json.dumps({"directory": str(directory), "pid": os.getpid()}))
        return cls(path, directory, lock)

    @property
    def changes(self) -> Path:
        """Where what is written is kept."""
        return self.path / "changes"

    def is_alive(self) -> bool:
        """Tell whether the mount's process still runs."""
        with (self.path / "lock").open() as lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_SH | fcntl.LOCK_NB)
            except BlockingIOError:
                return True
        return False

    def wait_until_ended(self) -> None:
        """Return when the mount's process is gone."""
        with contextlib.suppress(FileNotFoundError), (self.path / "lock").open() as lock:
            fcntl.flock(lock, fcntl.LOCK_SH)

    def finish(self, outcome: Outcome) -> None:
        """Say how it ended."""
        text = json.dumps({"put": outcome.put, "failures": outcome.failures})
        (self.path / "outcome.json").write_text(text)

    def outcome(self) -> Outcome:
        """Return how it ended; a process that was killed leaves what was written where it kept it."""
        try:
            data = json.loads((self.path / "outcome.json").read_text())
        except FileNotFoundError:
            kept = any(self.changes.rglob("*")) if self.changes.is_dir() else False
            lost = f"the process of this mount was killed; what was written is kept in {self.changes}"
            return Outcome(failures=(lost,) if kept else ())
        return Outcome(tuple(data["put"]), tuple(data["failures"]))

    def remove(self) -> None:
        """Forget the mount."""
        shutil.rmtree(self.path, ignore_errors=True)

    def settle(self) -> Outcome:
        """Return how an ended mount ended, and forget it unless it still keeps what was written."""
        outcome = self.outcome()
        if outcome.failures:
            (self.path / "mount.json").unlink(missing_ok=True)
        else:
            self.remove()
        return outcome


def known_mounts() -> Iterator[MountState]:
    """Yield the mounts of this user that run, or ended without somebody asking how."""
    for record in sorted(_root().glob("*/mount.json")):
        with contextlib.suppress(OSError, ValueError, KeyError):
            yield MountState(record.parent, Path(json.loads(record.read_text())["directory"]))


def mounted_directories() -> list[Path]:
    """Return where the kernel has mounts of this program, whether or not their process still lives."""
    found = []
    for line in Path("/proc/self/mountinfo").read_text().splitlines():
        before, _, after = line.partition(" - ")
        if after.split()[0] == f"fuse.{FILE_SYSTEM}":
            found.append(Path(_ESCAPED.sub(lambda match: chr(int(match.group(1), 8)), before.split()[4])))
    return found


def mounts_to_end() -> list[Path]:
    """Return where this user has mounts, or has not been told how they ended; and all whose process is gone."""
    known = {state.directory for state in known_mounts()}
    return sorted(known | {directory for directory in mounted_directories() if _is_dead(directory)})


def check_mountable(directory: Path) -> None:
    """Make the directory if there is none; raise if it holds something or is a mount already."""
    if directory in mounted_directories():
        raise ConflictError(f"{directory} is a mount already: `pachctl unmount {directory}` ends it")
    try:
        directory.mkdir(parents=True, exist_ok=True)
        if any(directory.iterdir()):
            raise InvalidInputError(f"{directory} is not empty: mount on an empty or new directory")
    except OSError as error:
        raise InvalidInputError(f"cannot mount on {directory}: {error.strerror}") from None


def unmount(directory: Path) -> Outcome:
    """End the mount on a directory, wait until what was written is put, and return what came of it.

    One whose process was killed is cleared away. Raises ConflictError while files in it are open.
    """
    states = [state for state in known_mounts() if state.directory == directory]
    mounted = directory in mounted_directories()
    if not mounted and not states:
        raise InvalidInputError(f"{directory} is not a mount of this program")
    if mounted:
        _detach(directory) if _is_dead(directory) else _release(directory)
    outcomes = []
    for state in states:
        state.wait_until_ended()
        outcomes.append(state.settle())
    put = tuple(line for outcome in outcomes for line in outcome.put)
    return Outcome(put, tuple(line for outcome in outcomes for line in outcome.failures))


def _is_dead(directory: Path) -> bool:
    try:
        os.stat(directory)
    except OSError as error:
        return error.errno == errno.ENOTCONN
    return False


def _release(directory: Path) -> None:
    said = _run(_UNMOUNT_COMMANDS, directory)
    if said is not None and directory in mounted_directories():
        if "busy" in said.lower():
            raise ConflictError(f"{directory} is busy: close the files and leave the directories in it, then retry")
        raise Error(f"cannot unmount {directory}: {said}")


def _detach(directory: Path) -> None:
    said = _run(_DETACH_COMMANDS, directory)
    if said is not None and directory in mounted_directories():
        raise Error(f"cannot clear the mount on {directory}, whose process is gone: {said}")


def _run(commands: tuple[tuple[str, ...], ...], directory: Path) -> str | None:
    """Run the first command there is; return None if it succeeds, else what it said."""
    for command in commands:
        if shutil.which(command[0]):
            done = subprocess.run([*command, str(directory)], capture_output=True, text=True, check=False)
            return done.stderr.strip() if done.returncode else None
    return f"neither {' nor '.join(command[0] for command in commands)} is there"


def _root() -> Path:
    return home_directory() / "mounts"
