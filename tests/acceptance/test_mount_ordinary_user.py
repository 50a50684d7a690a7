"""Mounts of an ordinary user, who has /dev/fuse and nothing else.

Where only root may open /dev/fuse, root makes another node of that device, which only the test sees.
"""

import json
import os
import shutil
import subprocess
import sys
import sysconfig
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import trunkline
from trunkline.testing.ordinary_user import NOBODY, ordinary_home

STORY = Path(__file__).parent / "ordinary_user" / "mount_story.py"
PRIVATE_NODE = 'mknod "$HOME/fuse" c 10 229; chmod 666 "$HOME/fuse"; mount --bind "$HOME/fuse" /dev/fuse'
NO_DEVICE = (
    'mkdir "$HOME/dev"; mount -t tmpfs dev "$HOME/dev"; '
    'for each in null zero full random urandom; do cp -a /dev/$each "$HOME/dev"; done; '
    'mount --bind "$HOME/dev" /dev'
)
needs_device = pytest.mark.skipif(
    os.geteuid() != 0 and not os.access("/dev/fuse", os.R_OK | os.W_OK), reason="needs a usable /dev/fuse, or root"
)


@pytest.fixture
def home() -> Iterator[Path]:
    """A directory of the ordinary user's own."""
    with ordinary_home() as path:
        yield path


def run(home: Path, *arguments: str, devices: str = "", wrapper: str = "") -> subprocess.CompletedProcess[str]:
    """Run Python with our package as an ordinary user, in a mount namespace of its own where that takes root."""
    source, packages = Path(trunkline.__file__).parents[1], sysconfig.get_path("purelib")
    environment = {"PATH": "/usr/bin:/bin:/usr/sbin:/sbin", "HOME": str(home), "LC_ALL": "C.UTF-8"}
    if os.geteuid() != 0:
        environment["PYTHONPATH"] = f"{source}{os.pathsep}{packages}"
        command = [*wrapper.split(), sys.executable, *arguments]
        return subprocess.run(command, env=environment, cwd=home, capture_output=True, text=True, check=False)
    # What may lie where the ordinary user cannot go is shown at other places.
    shown = {"python": sys.base_prefix, "source": source, "packages": packages}
    places = {name: home / name for name in shown}
    lines = ["set -e", "mount --make-rprivate /", devices or ":"]
    for name, place in places.items():
        place.mkdir(exist_ok=True)
        lines.append(f"mount --bind '{shown[name]}' '{place}'")
    interpreter = places["python"] / Path(os.path.realpath(sys.executable)).relative_to(
        os.path.realpath(sys.base_prefix)
    )
    lines.append(f'exec setpriv --reuid={NOBODY} --regid={NOBODY} --clear-groups {wrapper} "$0" "$@"')
    environment["PYTHONPATH"] = f"{places['source']}{os.pathsep}{places['packages']}"
    environment["LD_LIBRARY_PATH"] = str(places["python"] / "lib")
    command = ["unshare", "--mount", "sh", "-c", "\n".join(lines), str(interpreter), *arguments]
    return subprocess.run(command, env=environment, cwd=home, capture_output=True, text=True, check=False)


@needs_device
@pytest.mark.parametrize("wrapper", ["", "unshare --user --map-root-user --mount"], ids=["fusermount", "namespace"])
def test_an_ordinary_user_mounts_writes_and_survives_kills(home: Path, wrapper: str) -> None:
    script = home / "story.py"
    shutil.copy(STORY, script)
    script.chmod(0o644)

    done = run(home, str(script), str(home), devices=PRIVATE_NODE, wrapper=wrapper)

    assert done.returncode == 0, done.stderr
    seen: dict[str, Any] = json.loads(done.stdout)
    assert seen["capable"] == bool(wrapper)
    assert seen["tree"] == {"one/d/f": "one", "two/d/f": "two"}
    assert seen["mine"] == [True, True]
    assert seen["refused"] == "Read-only file system"
    assert seen["unmounted"] == "one@master: 2 files written, as one commit\n"
    assert seen["got"] == "changed"
    assert seen["empty"] == []
    assert "the process of this mount was killed; what was written is kept in " in seen["killed"]
    assert (seen["kept"], seen["cleared"]) == ("kept", [])
    assert seen["server_gone"] == "Input/output error"
    assert seen["server_back"] == "new"
    assert (seen["mounts_left"], seen["records_left"]) == ([], 0)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can take the device away")
@pytest.mark.parametrize(
    ("devices", "said"),
    [
        (NO_DEVICE, "this machine has no /dev/fuse, so it cannot mount"),
        (PRIVATE_NODE.replace("666", "600"), "this user may not open /dev/fuse, so it cannot mount"),
    ],
)
def test_without_the_device_the_user_is_told_how_to_get_the_files(home: Path, devices: str, said: str) -> None:
    done = run(home, "-m", "trunkline", "mount", str(home / "mnt"), devices=devices)

    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == f"error: {said}; `pachctl get file -r REPO@BRANCH:/ -o DIR` copies the files without it\n"
    assert not (home / "mnt").exists()
