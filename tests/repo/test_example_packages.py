"""`make install` is all that the examples need: what their scripts import is in the extra `examples`."""

import ast
import re
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parents[2]
DISTRIBUTIONS = {"cv2": "opencv-python-headless", "PIL": "pillow", "sklearn": "scikit-learn"}
"""Packages that are called otherwise than the module."""
IN_THE_README = {"pachyderm_sdk"}
"""What an example asks its reader to install, as it is the client that the example is about."""


def imports(script: Path) -> Iterator[str]:
    """Yield the packages that a script imports, wherever in it."""
    for node in ast.walk(ast.parse(script.read_text())):
        if isinstance(node, ast.Import):
            yield from (each.name.partition(".")[0] for each in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            yield node.module.partition(".")[0]


def test_the_extra_has_what_the_scripts_import() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    extra = {each.partition(">")[0] for each in project["optional-dependencies"]["examples"]}
    scripts = sorted((ROOT / "examples").rglob("*.py"))
    known = {*sys.stdlib_module_names, "trunkline", *IN_THE_README, *(script.stem for script in scripts)}
    wanted = {name for script in scripts for name in imports(script)} - known

    assert wanted
    assert {DISTRIBUTIONS.get(name, name.replace("_", "-")) for name in wanted} - extra == set()


def test_no_page_or_message_installs_us_by_a_name_that_is_not_published() -> None:
    folders = [(ROOT / "examples", "*.md"), (ROOT / "docs", "*.md"), (ROOT / "src", "*.py")]
    texts = [ROOT / "README.md", *(path for folder, names in folders for path in folder.rglob(names))]

    named = re.compile(r"pip install '?trunkline|trunkline\[")
    assert [path.name for path in texts if named.search(path.read_text())] == []
