"""Files gather beside their place and move there as a whole, or not at all."""

import os
from pathlib import Path

import pytest

from trunkline.cli.transfer.staging import staged
from trunkline.errors import ConflictError


def tree(directory: Path) -> dict[str, bytes | str]:
    """Return files with their content and links with their target, by their path."""
    return {
        str(path.relative_to(directory)): os.readlink(path) if path.is_symlink() else path.read_bytes()
        for path in directory.rglob("*")
        if path.is_symlink() or path.is_file()
    }


def get(output: Path, files: dict[str, bytes]) -> None:
    with staged(output) as staging:
        for name, data in files.items():
            file = staging.files / name
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_bytes(data)


@pytest.mark.parametrize("output", ["out", "new/deeper/out"])
def test_what_was_not_there_appears(tmp_path: Path, output: str) -> None:
    get(tmp_path / output, {"a": b"1", "d/e/f": b"2"})

    assert tree(tmp_path) == {f"{output}/a": b"1", f"{output}/d/e/f": b"2"}


def test_files_join_those_that_are_there_and_replace_their_namesakes(tmp_path: Path) -> None:
    get(tmp_path / "out", {"a": b"1", "d/b": b"2", "d/c": b"3"})

    get(tmp_path / "out", {"d/c": b"new", "d/e/f": b"4", "g/h": b"5"})

    assert tree(tmp_path / "out") == {"a": b"1", "d/b": b"2", "d/c": b"new", "d/e/f": b"4", "g/h": b"5"}
    assert [path.name for path in tmp_path.iterdir()] == ["out"]


def test_a_failure_changes_nothing_and_leaves_nothing(tmp_path: Path) -> None:
    get(tmp_path / "out", {"a": b"old"})

    with pytest.raises(IsADirectoryError):
        get(tmp_path / "out", {"a": b"new", "b/c": b"new", "b": b"no file can be where a directory is"})

    assert tree(tmp_path) == {"out/a": b"old"}
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["a"]


@pytest.mark.parametrize(
    ("there", "wanted"),
    [({"x": b"file"}, {"x/y": b"1"}), ({"x/y": b"file"}, {"x": b"1"})],
    ids=["a directory over a file", "a file over a directory"],
)
def test_kinds_that_clash_are_refused_before_anything_is_moved(
    tmp_path: Path, there: dict[str, bytes], wanted: dict[str, bytes]
) -> None:
    get(tmp_path / "out", {"a": b"old", **there})

    with pytest.raises(ConflictError, match=r"out/x is a (file|directory).*nothing was written"):
        get(tmp_path / "out", {"a": b"new", "b": b"new", **wanted})

    assert tree(tmp_path / "out") == {"a": b"old", **there}


def test_nothing_is_written_through_a_link(tmp_path: Path) -> None:
    """A link to a directory is refused; one to a file gives way to the file, and what it led to stays."""
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "kept").write_bytes(b"kept")
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "d").symlink_to(tmp_path / "elsewhere")
    (tmp_path / "out" / "f").symlink_to(tmp_path / "kept")

    with pytest.raises(ConflictError, match="out/d is a link"):
        get(tmp_path / "out", {"d/a": b"1"})
    get(tmp_path / "out", {"f": b"new"})

    assert list((tmp_path / "elsewhere").iterdir()) == []
    assert (tmp_path / "kept").read_bytes() == b"kept"
    assert (tmp_path / "out" / "f").read_bytes() == b"new"
    assert not (tmp_path / "out" / "f").is_symlink()


def test_an_output_that_is_itself_a_link_is_followed(tmp_path: Path) -> None:
    (tmp_path / "real").mkdir()
    (tmp_path / "out").symlink_to(tmp_path / "real")

    get(tmp_path / "out", {"a": b"1"})

    assert tree(tmp_path / "real") == {"a": b"1"}


def test_the_staging_directory_is_closed_to_others_and_says_its_token(tmp_path: Path) -> None:
    with staged(tmp_path / "out") as staging:
        assert staging.directory.stat().st_mode & 0o077 == 0
        assert (staging.directory / "owner").read_text() == staging.token
        assert staging.directory.parent == tmp_path
