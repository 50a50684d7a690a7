"""Where a mount keeps what it needs: it holds the lock for as long as its process lives, so one is started here."""

import stat
import subprocess
import sys
from pathlib import Path

MOUNT = """
import sys
from pathlib import Path
from trunkline.client.mount.records import MountState
print(MountState.create(Path(sys.argv[1])).path)
"""


def test_a_mount_that_comes_before_any_server_makes_a_directory_that_others_cannot_read(
    tmp_path: Path,
) -> None:
    home = tmp_path / "home"
    command = [sys.executable, "-c", MOUNT, str(tmp_path / "mounted")]

    made = subprocess.run(command, env={"TRUNKLINE_HOME": str(home)}, capture_output=True, text=True, check=True)

    assert stat.S_IMODE(home.stat().st_mode) & 0o066 == 0
    assert stat.S_IMODE(Path(made.stdout.strip()).stat().st_mode) == 0o700
