"""Files that are read one after the other come many at a time."""

from typing import Any

import pytest

from trunkline.client.mount.ahead import SMALL_BYTES
from trunkline.client.mount.filesystem import MountedFiles, Volume

SMALL = {f"/d/f{number:03d}": b"%d" % number for number in range(100)}


@pytest.fixture
def files(commit: Any) -> MountedFiles:
    commit.content.clear()
    commit.content.update(SMALL)
    return MountedFiles({"letters": Volume(commit)})


def read(files: MountedFiles, path: str) -> bytes:
    handle = files.open(f"/letters{path}", 0)
    content = files.read(handle, 1 << 20, 0)
    files.close(handle)
    return content


def reads(commit: Any) -> list[tuple[str, ...]]:
    return [asked for asked in commit.asked if asked[0] in ("stream", "read_run")]


def test_a_directory_in_order_takes_two_calls(files: MountedFiles, commit: Any) -> None:
    files.entries("/letters/d")

    assert {path: read(files, path) for path in SMALL} == SMALL

    assert reads(commit) == [("stream", "/d/f000", "0"), ("read_run", "/d/f001", "/d/f099")]


def test_files_here_and_there_are_read_one_by_one(files: MountedFiles, commit: Any) -> None:
    files.entries("/letters/d")

    for number in (70, 3, 40, 90, 12):
        assert read(files, f"/d/f{number:03d}") == b"%d" % number

    assert [kind for kind, *_ in reads(commit)] == ["stream"] * 5


def test_without_a_listing_no_neighbour_is_known(files: MountedFiles, commit: Any) -> None:
    for path in sorted(SMALL)[:4]:
        assert read(files, path) == SMALL[path]

    assert [kind for kind, *_ in reads(commit)] == ["stream"] * 4


def test_a_run_ends_before_a_large_file_and_before_a_directory(files: MountedFiles, commit: Any) -> None:
    commit.content["/d/f010"] = b"x" * (SMALL_BYTES + 1)
    commit.content["/d/f020/inside"] = b"in"
    del commit.content["/d/f020"]
    files.entries("/letters/d")

    for number in (*range(20), *range(21, 30)):
        path = f"/d/f{number:03d}"
        assert read(files, path) == commit.content[path]

    assert [asked for asked in reads(commit) if asked[0] == "read_run"] == [
        ("read_run", "/d/f001", "/d/f009"),
        ("read_run", "/d/f011", "/d/f019"),
        ("read_run", "/d/f021", "/d/f099"),
    ]
