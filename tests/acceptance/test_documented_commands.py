"""The commands in the README and in the documents run as they stand, and print what the pages show.

Each page has a server, a home and a working directory of its own, and its blocks run in order. A page says in a comment
before a block why it is not run (``<!-- not run: … -->``), or what has to be there (``<!-- before: … -->``).
"""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from trunkline.testing.console import blocks
from trunkline.testing.server import running_server

ROOT = Path(__file__).parents[2]
MADE = {"examples", "commands"}
"""Directories of pages that are made from something else, which has tests of its own."""
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]
PAGES = [page for page in PAGES if not MADE & set(page.parent.parts) and blocks(page)]
RUN = [page for page in PAGES if any(not block.reason for block in blocks(page))]


def name_of(page: Path) -> str:
    return str(page.relative_to(ROOT))


@pytest.mark.parametrize("page", RUN, ids=name_of)
def test_the_commands_of_a_page_run_as_they_stand(page: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", f"{Path(sys.executable).parent}:{os.environ['PATH']}")
    monkeypatch.setenv("HOME", str(tmp_path))
    shutil.copytree(ROOT / "examples", tmp_path / "work" / "examples", ignore=shutil.ignore_patterns("build", "media"))
    with running_server(tmp_path / "state") as server:
        environment = {**server.environment(tmp_path), "COLUMNS": "200"}
        directory = tmp_path / "work"
        for block in blocks(page):
            for step in () if block.reason else block.steps():
                # What `cd` and variables set is there for the next command, as in a terminal.
                script = f"{step.command}\nstatus=$?\npwd >{tmp_path}/directory\nexit $status"
                done = subprocess.run(
                    ["bash", "-c", script],
                    cwd=directory,
                    env=environment,
                    capture_output=True,
                    text=True,
                    stdin=subprocess.DEVNULL,
                    check=False,
                )
                assert done.returncode == 0, f"$ {step.command}\n{done.stdout}{done.stderr}"
                assert step.matches(done.stdout), f"$ {step.command}\n{done.stdout}\nand not\n" + "\n".join(step.shown)
                directory = Path((tmp_path / "directory").read_text().strip())


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_a_block_has_commands_and_a_reason_where_it_is_not_run(page: Path) -> None:
    for block in blocks(page):
        assert block.text.startswith("$ "), f"this block has no prompt before its first command:\n{block.text}"
    text = page.read_text()
    assert text.count("```console") == len(blocks(page)), "a block is indented: nothing would run it"
    assert text.count("<!-- not run:") + text.count("<!-- before:") == sum(
        bool(block.reason or block.before) for block in blocks(page)
    )
