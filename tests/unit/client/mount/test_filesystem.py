"""A mount without the kernel: local changes on top of a commit look, and are put, as on any file system."""

import errno
import os
from pathlib import Path
from typing import Any

import pytest

from trunkline.client.mount.filesystem import MountedFiles, Volume
from trunkline.client.mount.fuse import check_rename


@pytest.fixture
def volume(commit: Any, tmp_path: Path) -> Volume:
    return Volume(commit, tmp_path / "changes")


@pytest.fixture
def files(volume: Volume) -> MountedFiles:
    return MountedFiles({"letters": volume})


def write(files: MountedFiles, path: str, data: bytes) -> None:
    handle = files.create(path)
    files.write(handle, data, 0)
    files.close(handle)


def read(files: MountedFiles, path: str) -> bytes:
    handle = files.open(path, os.O_RDONLY)
    try:
        return files.read(handle, 1 << 20, 0)
    finally:
        files.close(handle)


def everything(files: MountedFiles, directory: str = "/letters") -> dict[str, bytes]:
    found = {}
    for name, attributes in files.entries(directory):
        path = f"{directory}/{name}"
        if int(attributes["st_mode"]) & 0o40000:
            found.update(everything(files, path))
        else:
            found[path.removeprefix("/letters")] = read(files, path)
    return found


def edits(volume: Volume) -> tuple[list[str], dict[str, bytes]]:
    assert volume.overlay is not None
    return volume.overlay.deletions(), {path: local.read_bytes() for path, local in volume.overlay.additions()}


def fails(number: int) -> Any:
    return pytest.raises(OSError, check=lambda error: error.errno == number)


def test_a_repo_is_a_directory_with_the_files_of_its_commit(files: MountedFiles, commit: Any) -> None:
    assert [name for name, _ in files.entries("/")] == ["letters"]
    assert everything(files) == commit.content
    assert files.attributes("/letters/a.txt")["st_size"] == 16


def test_inodes_tell_files_apart_and_stay(commit: Any, tmp_path: Path) -> None:
    first, second = (MountedFiles({"letters": Volume(commit)}) for _ in range(2))
    paths = ["/", "/letters", "/letters/a.txt", "/letters/d", "/letters/d/b.txt"]

    inodes = [first.attributes(path)["st_ino"] for path in paths]

    assert len(set(inodes)) == len(paths)
    assert inodes == [second.attributes(path)["st_ino"] for path in paths]
    assert dict(first.entries("/letters"))["a.txt"]["st_ino"] == inodes[2]


def test_what_is_not_mounted_for_writing_is_read_only(commit: Any) -> None:
    files = MountedFiles({"letters": Volume(commit)})

    for change in (files.create, files.unlink, files.mkdir, files.rmdir):
        with fails(errno.EROFS):
            change("/letters/a.txt")
    with fails(errno.EROFS):
        files.open("/letters/a.txt", os.O_WRONLY)
    assert int(files.attributes("/letters/a.txt")["st_mode"]) & 0o222 == 0


def test_what_is_only_read_is_not_put(files: MountedFiles, volume: Volume) -> None:
    everything(files)
    files.close(files.open("/letters/a.txt", os.O_RDWR))

    assert edits(volume) == ([], {})


def test_a_part_that_is_written_changes_that_part(files: MountedFiles, volume: Volume) -> None:
    handle = files.open("/letters/a.txt", os.O_WRONLY)
    files.write(handle, b"XY", 4)
    files.close(handle)

    assert read(files, "/letters/a.txt") == b"0123XY6789abcdef"
    assert edits(volume) == ([], {"/a.txt": b"0123XY6789abcdef"})


def test_truncating_keeps_the_start(files: MountedFiles, volume: Volume) -> None:
    files.truncate("/letters/a.txt", 3)
    files.truncate("/letters/d/b.txt", 0)

    assert edits(volume) == ([], {"/a.txt": b"012", "/d/b.txt": b""})


def test_deleted_files_are_gone(files: MountedFiles, volume: Volume) -> None:
    files.unlink("/letters/d/b.txt")

    with fails(errno.ENOENT):
        files.attributes("/letters/d/b.txt")
    assert "/d/b.txt" not in everything(files)
    assert edits(volume) == (["/d/b.txt"], {})


def test_a_directory_that_was_deleted_and_made_again_is_empty(files: MountedFiles, volume: Volume) -> None:
    files.unlink("/letters/d/e/c.txt")
    files.rmdir("/letters/d/e")
    files.mkdir("/letters/d/e")

    assert files.entries("/letters/d/e") == []
    write(files, "/letters/d/e/new", b"n")
    assert edits(volume) == (["/d/e/", "/d/e/c.txt"], {"/d/e/new": b"n"})


def test_only_empty_directories_are_deleted(files: MountedFiles) -> None:
    with fails(errno.ENOTEMPTY):
        files.rmdir("/letters/d")


def test_renaming_moves_the_content(files: MountedFiles, volume: Volume) -> None:
    files.rename("/letters/a.txt", "/letters/d/moved.txt")
    files.mkdir("/letters/new")
    write(files, "/letters/new/f", b"f")
    files.rename("/letters/new", "/letters/newer")

    assert everything(files) == {
        "/d/moved.txt": b"0123456789abcdef",
        "/d/b.txt": b"bb",
        "/d/e/c.txt": b"ccc",
        "/newer/f": b"f",
    }
    assert edits(volume) == (["/a.txt"], {"/d/moved.txt": b"0123456789abcdef", "/newer/f": b"f"})


def test_a_file_is_replaced_as_editors_do_it(files: MountedFiles, volume: Volume) -> None:
    """Written under another name, then moved over the old one."""
    write(files, "/letters/.a.swp", b"edited")
    files.rename("/letters/.a.swp", "/letters/a.txt")

    assert read(files, "/letters/a.txt") == b"edited"
    assert edits(volume) == ([], {"/a.txt": b"edited"})


def test_a_directory_of_the_commit_is_left_to_be_copied(files: MountedFiles) -> None:
    with fails(errno.EXDEV):
        files.rename("/letters/d", "/letters/elsewhere")


def test_what_was_made_and_deleted_leaves_nothing(files: MountedFiles, volume: Volume) -> None:
    write(files, "/letters/temporary", b"t")
    files.unlink("/letters/temporary")

    assert edits(volume) == ([], {})


@pytest.mark.parametrize("name", ["a*b", "caf\u00e9", "what?"])
def test_names_that_no_commit_can_hold_are_refused_at_once(files: MountedFiles, name: str) -> None:
    with fails(errno.EINVAL):
        files.create(f"/letters/{name}")
    with fails(errno.EINVAL):
        files.rename("/letters/a.txt", f"/letters/{name}")


def test_the_directories_of_repos_cannot_be_changed(files: MountedFiles) -> None:
    with fails(errno.EPERM):
        files.rmdir("/letters")
    with fails(errno.ENOENT):
        files.mkdir("/others")


OVERWRITES = {
    "a part": lambda files, path: overwrite(files, path, b"XY", 4),
    "all": lambda files, path: overwrite(files, path, b"short", 0, os.O_TRUNC),
    "its end": lambda files, path: overwrite(files, path, b"more", 16, os.O_APPEND),
    "cut": lambda files, path: files.truncate(path, 3),
    "emptied": lambda files, path: files.truncate(path, 0),
    "filled up": lambda files, path: files.truncate(path, 30),
    "made anew": lambda files, path: write(files, path, b"again"),
}


def overwrite(files: MountedFiles, path: str, data: bytes, offset: int, flags: int = 0) -> None:
    handle = files.open(path, os.O_WRONLY | flags)
    files.write(handle, data, offset)
    files.close(handle)


@pytest.mark.parametrize("change", OVERWRITES.values(), ids=OVERWRITES)
def test_who_reads_a_file_sees_what_others_write_into_it(files: MountedFiles, change: Any) -> None:
    """Else the kernel, which has one cache for both, would get bytes of the commit among those that were written."""
    reader = files.open("/letters/a.txt", os.O_RDONLY)
    assert files.read(reader, 4, 0) == b"0123"

    change(files, "/letters/a.txt")

    assert files.read(reader, 100, 0) == read(files, "/letters/a.txt") != b"0123456789abcdef"
    files.close(reader)


@pytest.mark.parametrize("also_written", [False, True])
def test_who_reads_a_file_that_is_replaced_or_deleted_keeps_the_old_one(
    files: MountedFiles, *, also_written: bool
) -> None:
    """As libfuse does it for open files: they get a hidden name first."""
    replaced, deleted = (files.open(f"/letters/{path}", os.O_RDONLY) for path in ("a.txt", "d/b.txt"))
    before = b"0123456789abcdef"
    if also_written:
        overwrite(files, "/letters/a.txt", b"XY", 0)
        before = b"XY23456789abcdef"

    write(files, "/letters/new", b"new")
    files.rename("/letters/a.txt", "/letters/.fuse_hidden1")
    files.rename("/letters/new", "/letters/a.txt")
    files.unlink("/letters/d/b.txt")
    write(files, "/letters/d/b.txt", b"another")

    assert files.read(replaced, 100, 0) == before
    assert files.read(deleted, 100, 0) == b"bb"
    files.close(replaced)
    files.close(deleted)
    files.unlink("/letters/.fuse_hidden1")
    assert (read(files, "/letters/a.txt"), read(files, "/letters/d/b.txt")) == (b"new", b"another")


def test_two_writers_write_into_one_file(files: MountedFiles, volume: Volume) -> None:
    first, second = (files.open("/letters/a.txt", os.O_RDWR) for _ in range(2))
    files.write(first, b"AA", 0)
    files.write(second, b"BB", 1)
    files.sync(first)

    assert files.read(first, 4, 0) == files.read(second, 4, 0) == b"ABB3"
    files.close(first)
    files.close(second)
    assert edits(volume) == ([], {"/a.txt": b"ABB3456789abcdef"})


def test_a_copy_that_breaks_off_leaves_nothing(files: MountedFiles, commit: Any, tmp_path: Path) -> None:
    def broken(path: str, offset: int) -> Any:
        yield b"01"
        raise OSError(errno.ENOSPC, "full")

    commit.stream = broken

    with fails(errno.ENOSPC):
        files.open("/letters/a.txt", os.O_RDWR)
    assert list((tmp_path / "changes").iterdir()) == []


def test_the_room_of_a_mount_is_that_for_its_changes(files: MountedFiles, commit: Any, tmp_path: Path) -> None:
    there, said = os.statvfs(tmp_path), files.space()

    assert {name: said[name] for name in ("f_frsize", "f_blocks", "f_files")} == {
        "f_frsize": there.f_frsize,
        "f_blocks": there.f_blocks,
        "f_files": there.f_files,
    }
    assert said["f_bavail"] > 0
    assert MountedFiles({"letters": Volume(commit)}).space().get("f_bavail", 0) == 0


def test_files_are_not_exchanged() -> None:
    """As a plain renaming, that would lose one of them."""
    exchange = 2
    check_rename(0)
    with fails(errno.EINVAL):
        check_rename(exchange)
