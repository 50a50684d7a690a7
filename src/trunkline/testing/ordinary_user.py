"""What tests need to do things as an ordinary user while they run as root."""

import json
import os
import shutil
import subprocess
import sys
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


def run_as_other_user(program: str, *arguments: str) -> object:
    """Run a program as nobody and return what it prints as JSON; only root can.

    It is loaded as root, since nobody may be unable to read our packages: so it imports all that it uses at its
    beginning, and defines ``main()``, which runs as nobody and returns what to print.
    """
    turn = f"import os; os.setgroups([]); os.setgid({NOBODY}); os.setuid({NOBODY})"
    text = f"{program}\n{turn}\nimport json; print(json.dumps(main()))\n"
    command = [sys.executable, "-c", text, *arguments]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)
