from pathlib import Path

import pytest

from trunkline.worker.commands.imports import scan_imports


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("import a, b.c as d\nimport a", ("a", "b.c")),
        ("from a.b import c, d as e\nfrom f import *", ("a.b:c", "a.b:d", "f:*")),
        ("from . import a\nfrom .b import c", ()),
        (
            "try:\n    import a\nexcept ImportError:\n    import b\nelse:\n    import c\nfinally:\n    import d",
            (*"abcd",),
        ),
        ("if x:\n    import a\nelif y:\n    import b\nelse:\n    import c", (*"abc",)),
        ("with x:\n    import a", ("a",)),
        ("if TYPE_CHECKING:\n    import a\nif typing.TYPE_CHECKING:\n    import b", ()),
        ("def f():\n    import a\nclass C:\n    import b", ()),
        ("if __name__ == '__main__':\n    import a", ("a",)),
        ("import a\nthis is no Python", ()),
        ("import a\0", ()),
    ],
)
def test_top_level_imports_are_found(source: str, expected: tuple[str, ...], tmp_path: Path) -> None:
    assert scan_imports(source.encode(), tmp_path) == expected


def test_modules_beside_the_script_are_left_out(tmp_path: Path) -> None:
    (tmp_path / "own.py").touch()
    (tmp_path / "package").mkdir()

    assert scan_imports(b"import own, package.part, other\nfrom own import x", tmp_path) == ("other",)
