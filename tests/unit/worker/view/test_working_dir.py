"""What commands find where they start, whatever the last one did there."""

import os
import stat
from collections.abc import Callable
from pathlib import Path

import pytest

from trunkline.worker.users import User
from trunkline.worker.view.working_dir import clear


def deep(directory: Path) -> None:
    (directory / "a" / "b").mkdir(parents=True)
    (directory / "a" / "b" / "c").write_text("c")
    (directory / "a").chmod(0)
    (directory / "link").symlink_to("/etc")


def linked(directory: Path) -> None:
    directory.rmdir()
    directory.symlink_to("/etc")


def replaced(directory: Path) -> None:
    directory.rmdir()
    directory.write_text("a file")


@pytest.mark.parametrize(
    "ruin", [lambda _: None, deep, Path.rmdir, linked, replaced, lambda directory: directory.chmod(0)]
)
def test_it_is_an_empty_directory_again(tmp_path: Path, ruin: Callable[[Path], object]) -> None:
    directory = tmp_path / "work"
    directory.mkdir()
    ruin(directory)

    clear(directory, None)

    assert not directory.is_symlink()
    assert list(directory.iterdir()) == []
    assert stat.S_IMODE(directory.stat().st_mode) == 0o755
    assert os.listdir("/etc")


@pytest.mark.skipif(os.getuid() != 0, reason="only root can give files away")
def test_it_belongs_to_whoever_the_command_runs_as(tmp_path: Path) -> None:
    directory = tmp_path / "work"
    directory.mkdir()

    clear(directory, User(1234, 1234, ()))
    given = directory.stat().st_uid
    clear(directory, None)

    assert (given, directory.stat().st_uid) == (1234, 0)
