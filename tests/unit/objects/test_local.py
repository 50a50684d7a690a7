import os
from pathlib import Path

import pytest

from trunkline.errors import InvalidInputError
from trunkline.objects import open_object_store
from trunkline.objects.local import LocalObjectStore


@pytest.mark.parametrize("key", ["", "/etc/passwd", "../up", "a/../../b", ".tmp/x", "a/./b"])
def test_a_key_cannot_leave_the_directory(tmp_path: Path, key: str) -> None:
    with pytest.raises(InvalidInputError, match="key"):
        LocalObjectStore(tmp_path).put(key, b"")


def test_more_objects_than_open_files_can_be_read(tmp_path: Path) -> None:
    store = LocalObjectStore(tmp_path)
    for number in range(200):
        store.put(f"k/{number}", b"%d" % number)

    assert [store.get_range(f"k/{number}", 0, 9) for number in range(200)] == [b"%d" % number for number in range(200)]
    assert len(os.listdir("/proc/self/fd")) < 150


def test_what_a_crash_left_behind_is_no_object_and_goes_after_a_day(tmp_path: Path) -> None:
    LocalObjectStore(tmp_path)
    old, fresh = tmp_path / ".tmp" / "old", tmp_path / ".tmp" / "fresh"
    old.write_bytes(b"half")
    fresh.write_bytes(b"half")
    os.utime(old, (0, 0))

    store = LocalObjectStore(tmp_path)

    assert list(store.list("")) == []
    assert not old.exists()
    assert fresh.exists()


@pytest.mark.parametrize("url", ["file://host/dir", "file:relative", "nonsense://x", "no url"])
def test_a_url_that_names_no_store_is_refused(url: str) -> None:
    with pytest.raises(InvalidInputError, match="object store"):
        open_object_store(url)
