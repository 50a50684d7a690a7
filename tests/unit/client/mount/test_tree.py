from typing import Any

from trunkline.client.mount.tree import Tree


def test_a_listing_answers_for_all_that_is_in_it_and_for_all_that_is_not(commit: Any) -> None:
    tree = Tree(commit)

    assert sorted(tree.entries("/")) == ["a.txt", "d"]

    asked = len(commit.asked)
    assert tree.find("/a.txt").size == 16
    assert tree.find("/d").is_directory
    assert tree.find("/missing") is None
    assert sorted(tree.entries("/")) == ["a.txt", "d"]
    assert len(commit.asked) == asked


def test_a_single_lookup_costs_no_listing_and_is_asked_once(commit: Any) -> None:
    tree = Tree(commit)

    for _ in range(2):
        assert tree.find("/d/e/c.txt").size == 3
        assert tree.find("/d/nothing") is None

    assert commit.asked == [("find", "/d/e/c.txt"), ("find", "/d/nothing")]


def test_the_least_used_listings_are_forgotten(commit: Any) -> None:
    tree = Tree(commit, entries_max=3)

    tree.entries("/")
    tree.entries("/d")
    tree.entries("/d")
    tree.entries("/")

    assert commit.asked == [("entries", "/"), ("entries", "/d"), ("entries", "/")]
