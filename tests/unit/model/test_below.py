import pytest

from trunkline.errors import InvalidInputError
from trunkline.model.paths import below


@pytest.mark.parametrize(
    ("path", "place"),
    [
        ("/a", "d/a"),
        ("a/b/", "d/a/b"),
        ("/", "d"),
        ("", "d"),
        ("//etc/passwd", "d/etc/passwd"),
        ("/..a/b..", "d/..a/b.."),
    ],
)
def test_a_path_lies_below_its_directory(path: str, place: str) -> None:
    assert below("d", path) == place


@pytest.mark.parametrize("path", ["..", "/..", "/a/../../b", "a/..", "/a\0b"])
def test_a_path_that_leads_elsewhere_is_refused(path: str) -> None:
    with pytest.raises(InvalidInputError, match="leaves the directory"):
        below("d", path)
