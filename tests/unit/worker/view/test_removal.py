import os
from pathlib import Path

from trunkline.worker.view.removal import remove_directory, remove_tree


def test_a_tree_deeper_than_any_path_or_stack_goes(tmp_path: Path) -> None:
    tree, spare, here = tmp_path / "tree", tmp_path / "spare", Path.cwd()
    tree.mkdir()
    spare.mkdir()
    os.chdir(tree)
    try:
        for _ in range(2000):
            os.mkdir("directory")
            os.chdir("directory")
        Path("file").touch()
    finally:
        os.chdir(here)

    remove_tree(str(tree), str(spare))

    assert [path.name for path in tmp_path.iterdir()] == ["spare"]
    assert list(spare.iterdir()) == []


def test_rights_and_links_do_not_keep_anything_nor_lead_outside(tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    (tmp_path / "tree" / "locked" / "inner").mkdir(parents=True)
    outside.mkdir()
    (outside / "kept").touch()
    (tmp_path / "tree" / "locked" / "inner" / "link").symlink_to(outside)
    os.mkfifo(tmp_path / "tree" / "pipe")
    (tmp_path / "tree" / "locked" / "inner").chmod(0)
    (tmp_path / "tree" / "locked").chmod(0)

    remove_directory(tmp_path / "tree")

    assert [path.name for path in tmp_path.iterdir()] == ["outside"]
    assert (outside / "kept").exists()
