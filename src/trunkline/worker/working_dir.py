"""The directory that commands start in where nothing else is said: each worker has one of its own.

It is what an image's working directory is elsewhere. Whatever commands leave there meets neither the server's files nor
those of another pipeline.
"""

import os
from pathlib import Path

from trunkline.worker.launcher import User
from trunkline.worker.removal import list_entries, make_accessible, remove_directory

OWN_WORKING_DIR = "work"
"""Its name, beside the view."""
_MODE = 0o755


def clear(directory: Path, owner: User | None) -> None:
    """Remove all that is in it; it belongs to owner then, or to us. The directory stays, as processes are in it."""
    if directory.is_symlink() or not directory.is_dir():
        directory.unlink(missing_ok=True)  # user code can have put anything in its place
        directory.mkdir()
    make_accessible(str(directory))
    for entry in list_entries(str(directory)):
        if entry.is_dir(follow_symlinks=False):
            remove_directory(Path(entry.path))
        else:
            os.unlink(entry.path)
    directory.chmod(_MODE)
    if os.geteuid() == 0:
        uid, gid = (owner.uid, owner.gid) if owner is not None else (os.geteuid(), os.getegid())
        os.chown(directory, uid, gid)
