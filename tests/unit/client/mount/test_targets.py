import pytest

from trunkline.client.mount.targets import Target, name_directories, parse_targets
from trunkline.errors import InvalidInputError

ID = "0123456789ab4cdef0123456789abcde"


def test_targets_are_separated_by_commas_or_repeated() -> None:
    found = parse_targets(["images@dev,labels", "other/scripts@master^"], project="p")

    assert found == [Target("p", "images", "dev"), Target("p", "labels"), Target("other", "scripts", "master^")]


def test_plus_w_makes_one_writable_and_write_all_that_are_branches() -> None:
    assert [target.writable for target in parse_targets(["a+w,b@dev+w,c"], project="p")] == [True, True, False]
    assert [target.writable for target in parse_targets([f"a,b@{ID}"], project="p", write=True)] == [True, False]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("images+x", "after [+] comes w"),
        ("@master", "is not a repo to mount"),
        ("images@", "is not a repo to mount"),
        ("images@master:/a", "is not a repo to mount"),
        (f"images@{ID}+w", "a commit never changes"),
    ],
)
def test_what_is_no_target_is_refused(text: str, said: str) -> None:
    with pytest.raises(InvalidInputError, match=said):
        parse_targets([text], project="p")


def test_a_directory_is_called_as_its_repo() -> None:
    named = name_directories(parse_targets(["images@dev", "labels"], project="p"))

    assert list(named) == ["images", "labels"]


def test_directories_of_a_repo_that_is_mounted_twice_tell_the_branch_too() -> None:
    named = name_directories(parse_targets(["images", "images@dev", "labels"], project="p"))

    assert list(named) == ["images@master", "images@dev", "labels"]


def test_two_targets_cannot_have_one_directory() -> None:
    with pytest.raises(InvalidInputError, match="would be mounted twice"):
        name_directories(parse_targets(["p/images,q/images"], project="p"))
