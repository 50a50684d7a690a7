import os
import subprocess
import sys
from pathlib import Path

import pytest

from trunkline.worker.view import namespace
from trunkline.worker.view.isolation import Isolation, isolate

IN_VIEW = """
import os, subprocess, sys
from pathlib import Path
from trunkline.worker.view.isolation import Isolated, Isolation, isolate
scratch = Path(sys.argv[1])
assert isolate(Isolation.NAMESPACE, scratch) == Isolated("/pfs")
exec(sys.argv[2])
"""


@pytest.fixture(autouse=True)
def _possible(tmp_path: Path) -> None:
    if reason := namespace.probe(tmp_path / "probe"):
        pytest.skip(f"no mount namespace here: {reason}")


def _in_view(scratch: Path, code: str) -> str:
    done = subprocess.run(
        [sys.executable, "-c", IN_VIEW, str(scratch), code],
        capture_output=True,
        text=True,
        check=True,
        cwd=scratch.parent,
    )
    return done.stdout.strip()


def test_pfs_is_the_scratch_directory_and_nothing_else_moves(tmp_path: Path) -> None:
    beside = tmp_path / "beside"
    beside.write_text("here")

    seen = _in_view(
        tmp_path / "scratch",
        f"Path('/pfs/x').write_text('1')\n"
        f"print(os.getcwd(), Path({str(beside)!r}).read_text(), sorted(os.listdir('/')))",
    )

    assert (tmp_path / "scratch" / "pfs" / "x").read_text() == "1"
    assert seen == f"{tmp_path} here {sorted({*os.listdir('/'), 'pfs'})}"
    assert not Path("/pfs/x").exists()


def test_two_views_do_not_see_each_other(tmp_path: Path) -> None:
    for name in ("a", "b"):
        assert _in_view(tmp_path / name, "print(os.listdir('/pfs')); Path('/pfs/x').touch()") == "[]"


def test_nobody_in_the_view_can_mount(tmp_path: Path) -> None:
    command = "subprocess.run(['sh', '-c', 'umount /pfs || umount -l /pfs || mount -t tmpfs none /mnt'], stderr=-3)"

    assert _in_view(tmp_path / "a", f"print({command}.returncode != 0, os.path.ismount('/pfs'))") == "True True"


def test_a_view_inside_a_view_works_for_a_user_namespace_only(tmp_path: Path) -> None:
    """A worker that is itself started by user code still finds out what it can have."""
    seen = _in_view(
        tmp_path / "a",
        "from trunkline.worker.view import namespace; print(repr(namespace.probe(Path('/pfs/inner'))))",
    )

    assert seen == "''" or "unshare" in seen or "mount" in seen


def test_checking_leaves_this_process_as_it_is(tmp_path: Path) -> None:
    before = os.readlink("/proc/self/ns/mnt")

    assert namespace.check(tmp_path / "a") == ""
    assert os.readlink("/proc/self/ns/mnt") == before


def test_a_mapped_view_is_a_directory_with_a_warning(tmp_path: Path) -> None:
    isolated = isolate(Isolation.MAPPED, tmp_path)
    seen_as, (warning,) = isolated.seen_as, isolated.warnings

    assert seen_as == str(tmp_path / "pfs")
    assert Path(seen_as).is_dir()
    assert "there is no /pfs" in warning


def test_a_host_that_refuses_is_told_with_the_step(tmp_path: Path) -> None:
    scratch = tmp_path / "file"
    scratch.write_text("no directory")

    assert "Not a directory" in namespace.check(scratch)
    with pytest.raises(namespace.NamespaceError, match="Not a directory"):
        isolate(Isolation.NAMESPACE, scratch)
