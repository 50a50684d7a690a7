"""Which files two commits, or two paths, do not have in common."""

import pytest

from trunkline.proto.pfs_pb2 import Commit, DiffFileRequest, File
from trunkline.testing.doors import Story, add, at, delete


def differences(story: Story, new: File, old: File | None = None, *, shallow: bool = False) -> list[tuple[str, str]]:
    """Return (new path, old path), empty where there is none."""
    pairs = story.pfs.DiffFile(DiffFileRequest(new_file=new, old_file=old, shallow=shallow))
    return [(pair.new_file.file.path, pair.old_file.file.path) for pair in pairs]


@pytest.fixture
def head(story: Story) -> Commit:
    """``/a/x`` was there, ``/a/deep/y`` changed, ``/b`` came, ``/c`` went."""
    story.put(at("in"), add("/a/x", "1"), add("/a/deep/y", "1"), add("/c", "1"))
    story.put(at("in"), delete("/a/deep/y"), add("/a/deep/y", "2"), add("/b", "2"), delete("/c"))
    return at("in")


def test_all_that_differs_from_the_parent_is_told_with_its_directories(story: Story, head: Commit) -> None:
    assert differences(story, File(commit=head, path="/")) == [
        ("/", "/"),
        ("/a/", "/a/"),
        ("/a/deep/", "/a/deep/"),
        ("/a/deep/y", "/a/deep/y"),
        ("/b", ""),
        ("", "/c"),
    ]


def test_a_shallow_diff_goes_no_further_than_the_entries(story: Story, head: Commit) -> None:
    assert differences(story, File(commit=head, path="/"), shallow=True) == [
        ("/", "/"),
        ("/a/", "/a/"),
        ("/b", ""),
        ("", "/c"),
    ]
    assert differences(story, File(commit=head, path="/a"), shallow=True) == [
        ("/a/", "/a/"),
        ("/a/deep/", "/a/deep/"),
    ]


def test_two_paths_are_compared_by_what_is_below_each(story: Story, head: Commit) -> None:
    """What is below one of them only is on that side only; the old path is not taken for the new one's."""
    deep, all_of_a = File(commit=head, path="/a/deep"), File(commit=head, path="/a")

    assert differences(story, File(commit=head, path="/b"), File(commit=head, path="/a/x")) == [
        ("", "/a/x"),
        ("/b", ""),
    ]
    assert differences(story, deep, all_of_a) == [("", "/a/"), ("", "/a/x")]
    assert differences(story, all_of_a, deep, shallow=True) == [("/a/", ""), ("/a/x", "")]


def test_a_file_that_is_nowhere_differs_from_nothing(story: Story, head: Commit) -> None:
    nowhere = File(commit=head, path="/nowhere")

    assert differences(story, nowhere) == []
    assert differences(story, nowhere, File(commit=head, path="/b")) == [("", "/b")]
    assert differences(story, File(commit=head, path="/b"), File(commit=head, path="/b")) == []
