"""What tests need to do things as an ordinary user while they run as root."""

import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

NOBODY = 65534


@contextmanager
def ordinary_home() -> Iterator[Path]:
    """Give a directory of an ordinary user's own: of nobody if we are root, else of ourselves."""
    path = Path(tempfile.mkdtemp(prefix="trunkline-user-"))
    if os.geteuid() == 0:
        os.chown(path, NOBODY, NOBODY)
    try:
        yield path
    finally:
        shutil.rmtree(path)
