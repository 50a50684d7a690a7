import os
import shutil
import tempfile
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trunkline.objects import open_object_store
from trunkline.storage.chunk import MemoryChunkIndex
from trunkline.storage.fileset import FileSet, FileSets
from trunkline.worker.view.inputs import WantedFile, WantedTree
from trunkline.worker.view.tree import View

CONTENTS = {"/0": b"", "/1": b"one", "/2": b"two", "/3": b"3" * 100_000}
PLACES = ("in/a", "in/b", "in/d/c", "in/d/e/f", "other/a")


def _file_set() -> FileSet:
    file_sets = FileSets(open_object_store("memory://"), MemoryChunkIndex())
    layer = file_sets.edit()
    for path, data in CONTENTS.items():
        layer.add(path, data)
    return file_sets.open(file_sets.compose("", [layer.finish()]))


FILES = _file_set()


def _tree(files: dict[str, str]) -> WantedTree:
    tree = WantedTree()
    for place, name in files.items():
        tree.files[place] = WantedFile(FILES, tuple(FILES.rows(name)), empty=False)
        tree.dirs.update(str(parent) for parent in Path(place).parents if str(parent) != ".")
    return tree


def _shown(root: Path) -> dict[str, bytes | None]:
    return {
        str(path.relative_to(root)): None if path.is_dir() else path.read_bytes()
        for path in root.rglob("*")
        if path.name != ".env"
    }


def _expected(files: dict[str, str]) -> dict[str, bytes | None]:
    tree = _tree(files)
    return dict.fromkeys((*tree.dirs, "out")) | {place: CONTENTS[name] for place, name in files.items()}


def _write(path: Path, mode: str, data: bytes) -> None:
    with path.open(mode) as file:
        file.write(data)


DAMAGES: dict[str, Callable[[Path], None]] = {
    "append": lambda path: path.is_file() and _write(path, "ab", b"!"),
    "overwrite in place": lambda path: path.is_file() and _write(path, "r+b", b"X"),
    "replace": lambda path: path.is_file() and (path.unlink(), path.write_bytes(b"YYY")),
    "touch": lambda path: path.is_file() and os.utime(path),
    "remove": lambda path: path.is_file() and path.unlink(),
    "remove all": lambda path: path.parent.is_dir() and shutil.rmtree(path.parent),
    "link elsewhere": lambda path: path.is_file() and (path.unlink(), path.symlink_to("/etc")),
    "swap for a directory": lambda path: path.is_file() and (path.unlink(), path.mkdir(), (path / "x").touch()),
    "hard link": lambda path: path.is_file() and os.link(path, path.with_name("hard")),
    "stray": lambda path: path.parent.is_dir() and (path.parent / "stray").write_text("stray"),
    "lock": lambda path: path.parent.is_dir() and path.parent.chmod(0),
    "fifo": lambda path: path.parent.is_dir() and os.mkfifo(path.parent / "pipe"),
    "nothing": lambda path: None,
}

trees = st.dictionaries(st.sampled_from(PLACES), st.sampled_from(sorted(CONTENTS)), max_size=4)
steps = st.lists(
    st.tuples(trees, st.lists(st.tuples(st.sampled_from(sorted(DAMAGES)), st.sampled_from((*PLACES, "out/x"))))),
    max_size=5,
)


@given(steps)
def test_whatever_user_code_does_the_next_datum_sees_its_tree_and_nothing_else(steps) -> None:
    with tempfile.TemporaryDirectory() as scratch:
        root = Path(scratch, "pfs")
        view = View(root, seen_as=str(root))
        for files, damages in steps:
            view.stage(_tree(files), env_file="A=1\n", owner=None)

            assert _shown(root) == _expected(files)
            assert (root / ".env").read_text() == "A=1\n"
            for damage, place in damages:
                try:
                    DAMAGES[damage](root / place)
                except (PermissionError, FileExistsError):
                    continue  # an earlier damage is in the way
        view.empty()
        assert [path.name for path in root.rglob("*")] in ([], ["out"])


def test_untouched_files_stay_as_they_are(tmp_path: Path) -> None:
    view = View(tmp_path / "pfs", seen_as="/pfs")
    fetched = view.stage(_tree({"in/a": "/1", "in/b": "/2"}), env_file="", owner=None)
    inode = (tmp_path / "pfs/in/a").stat().st_ino

    again = view.stage(_tree({"in/a": "/1", "in/b": "/3"}), env_file="", owner=None)

    assert (fetched, again) == (6, 100_000)
    assert (tmp_path / "pfs/in/a").stat().st_ino == inode


def test_files_may_be_fetched_at_the_same_time(tmp_path: Path) -> None:
    view = View(tmp_path / "pfs", seen_as="/pfs", fetches_at_once=3)
    files = {f"in/{number}": f"/{number % 4}" for number in range(20)}

    assert view.stage(_tree(files), env_file="", owner=None) == 5 * (3 + 3 + 100_000)
    assert _shown(tmp_path / "pfs") == _expected(files)


def test_a_write_of_the_same_size_at_once_is_seen(tmp_path: Path) -> None:
    """The clock of the file system is coarse: two writes within one of its ticks have the same time."""
    view = View(tmp_path / "pfs", seen_as="/pfs")
    path = tmp_path / "pfs/in/a"
    for _ in range(20):
        view.stage(_tree({"in/a": "/1"}), env_file="", owner=None)
        assert path.read_bytes() == b"one"
        with open(path, "r+b") as file:
            file.write(b"ONE")


def test_inputs_are_told_from_what_user_code_made_of_them(tmp_path: Path) -> None:
    root = tmp_path / "pfs"
    view = View(root, seen_as="/pfs")
    view.stage(_tree({"in/a": "/1", "in/b": "/2"}), env_file="", owner=None)
    (root / "in/b").write_bytes(b"TWO")

    kept = view.untouched(str(root / "in/a"))
    assert kept is not None
    assert b"".join(kept.read()) == b"one"
    assert view.untouched(str(root / "in/b")) is None
    assert view.untouched(str(root / "in/c")) is None
    assert view.untouched("/etc/passwd") is None


@pytest.mark.root
@pytest.mark.skipif(os.getuid() != 0, reason="only root can give files away")
def test_files_belong_to_the_user_who_runs_the_code(tmp_path: Path) -> None:
    from trunkline.worker.users import User

    view = View(tmp_path / "pfs", seen_as="/pfs")
    for owner in (User(65534, 65534, ()), None):
        view.stage(_tree({"in/d/c": "/1"}), env_file="", owner=owner)

        uid = owner.uid if owner else 0
        assert {path.stat().st_uid for path in (tmp_path / "pfs").rglob("*")} == {uid}
