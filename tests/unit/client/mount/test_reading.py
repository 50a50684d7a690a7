from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from trunkline.client.mount.blocks import BlockCache
from trunkline.client.mount.files import FileEntry
from trunkline.client.mount.reading import Reader

CONTENT = bytes(range(100))


def reader(commit: Any, path: str = "/a.txt", *, cache: BlockCache | None = None, block: int = 4) -> Reader:
    return Reader(commit, FileEntry(path, len(commit.content[path])), cache or BlockCache(), block_bytes=block)


def streams(commit: Any) -> list[str]:
    return [asked[2] for asked in commit.asked if asked[0] == "stream"]


def test_reading_from_start_to_end_takes_one_stream(commit: Any) -> None:
    file = reader(commit)

    content = b"".join(file.read(5, offset) for offset in range(0, 16, 5))

    assert content == b"0123456789abcdef"
    assert streams(commit) == ["0"]


def test_a_range_far_off_starts_at_its_block(commit: Any) -> None:
    commit.content["/a.txt"] = CONTENT
    file = reader(commit)

    assert file.read(3, 0) == CONTENT[:3]
    assert file.read(3, 90) == CONTENT[90:93]

    assert streams(commit) == ["0", "88"]
    assert commit.streams[0].ended


def test_blocks_are_shared_by_all_who_read_a_file(commit: Any) -> None:
    cache = BlockCache()
    first, second = reader(commit, cache=cache), reader(commit, cache=cache)

    assert first.read(16, 0) == second.read(16, 0) == b"0123456789abcdef"

    assert streams(commit) == ["0"]


def test_closing_ends_the_stream(commit: Any) -> None:
    file = reader(commit)
    file.read(1, 0)

    file.close()

    assert commit.streams[0].ended


def test_after_a_failure_the_next_read_starts_anew(commit: Any) -> None:
    file = reader(commit)
    file.read(1, 0)

    def fail() -> bytes:
        raise OSError("cut")

    commit.streams[0].pieces = iter(fail, None)
    with pytest.raises(OSError, match="cut"):
        file.read(1, 4)

    assert file.read(4, 4) == b"4567"
    assert streams(commit) == ["0", "4"]


def test_the_cache_keeps_what_was_used_last_within_its_bytes(commit: Any) -> None:
    cache = BlockCache(bytes_max=8)
    file = reader(commit, cache=cache)

    file.read(16, 0)

    kept = [index for index in range(4) if cache.get((commit.name, "/a.txt", index)) is not None]
    assert kept == [2, 3]


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(reads=st.lists(st.tuples(st.integers(0, 110), st.integers(0, 40)), max_size=12), block=st.integers(1, 40))
def test_any_ranges_read_as_from_a_file(commit: Any, reads: list[tuple[int, int]], block: int) -> None:
    commit.content["/f"] = CONTENT
    file = reader(commit, "/f", cache=BlockCache(bytes_max=60), block=block)

    for offset, size in reads:
        assert file.read(size, offset) == CONTENT[offset : offset + size]
