"""The directory that commands start in where nothing else is said: each worker has one of its own.

It is what an image's working directory is elsewhere. Whatever commands leave there meets neither the server's files nor
those of another pipeline.
"""

import os
import tempfile
from pathlib import Path

from trunkline.worker.users import User
from trunkline.worker.view.opening import make_accessible, open_directory
from trunkline.worker.view.removal import list_entries, remove_tree

OWN_WORKING_DIR = "work"
"""Its name, beside the view."""
_MODE = 0o755


def clear(directory: Path, owner: User | None) -> None:
    """Remove all that is in it; it belongs to owner then, or to us. The directory stays, as processes are in it."""
    if directory.is_symlink() or not directory.is_dir():
        directory.unlink(missing_ok=True)  # user code can have put anything in its place
        directory.mkdir()
    make_accessible(str(directory))
    spare = ""
    opened = open_directory(str(directory))
    try:
        for entry in list_entries(opened):
            if entry.is_dir(follow_symlinks=False):
                spare = spare or tempfile.mkdtemp(prefix=f"{directory.name}-", dir=directory.parent)
                remove_tree(f"{directory}/{entry.name}", spare)
            else:
                os.unlink(entry.name, dir_fd=opened)
        os.fchmod(opened, _MODE)
        if os.geteuid() == 0:
            uid, gid = (owner.uid, owner.gid) if owner is not None else (os.geteuid(), os.getegid())
            os.fchown(opened, uid, gid)
    finally:
        os.close(opened)
        if spare:
            os.rmdir(spare)
