"""The built site: it loads nothing from elsewhere, no link in it leads nowhere, and it has what the program has."""

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote

import pytest

from trunkline.cli.catalogue import COMMANDS
from trunkline.cli.grammar import Entry, Verb
from trunkline.pps.spec.form.schema import Record, spec_schema

pytest.importorskip("sphinx", reason="the site takes the extra docs")
ROOT = Path(__file__).parents[2]
LOADS = {"script": "src", "img": "src", "iframe": "src", "source": "src", "link": "href"}
"""Elements that make a browser load something."""


class Page(HTMLParser):
    """The ids, links and loaded files of one page."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.ids: set[str] = set()
        self.links: list[str] = []
        self.loads: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        values = dict(attributes)
        self.ids.add(values.get("id") or "")
        if tag == "a" and values.get("href"):
            self.links.append(values["href"] or "")
        if tag in LOADS and values.get(LOADS[tag]):
            self.loads.append(values[LOADS[tag]] or "")


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    built = tmp_path_factory.mktemp("site")
    command = [sys.executable, "-m", "sphinx", "-q", "-E", "-W", "--keep-going", "-d", str(built / "doctrees")]
    # A proxy that nobody listens at: a build that asks the network fails.
    nowhere = dict.fromkeys(("http_proxy", "https_proxy"), "http://127.0.0.1:9")
    subprocess.run([*command, str(ROOT / "docs"), str(built / "html")], env={**os.environ, **nowhere}, check=True)
    return built / "html"


@pytest.fixture(scope="module")
def pages(site: Path) -> dict[Path, Page]:
    return {path: Page(path.read_text()) for path in sorted(site.rglob("*.html"))}


def is_elsewhere(address: str) -> bool:
    return re.match(r"(?:[a-z]+:)?//", address) is not None


def test_pages_load_nothing_from_elsewhere(site: Path, pages: dict[Path, Page]) -> None:
    assert [(path.name, load) for path, page in pages.items() for load in page.loads if is_elsewhere(load)] == []
    styles = {path.name: path.read_text() for path in site.rglob("*.css")}
    assert [name for name, text in styles.items() if re.search(r"url\(['\"]?(?:https?:)?//|@import", text)] == []


def test_links_lead_to_pages_and_headings_that_are_there(pages: dict[Path, Page]) -> None:
    assert list(broken(pages)) == []


def broken(pages: dict[Path, Page]) -> Iterator[tuple[str, str]]:
    for path, page in pages.items():
        for link in page.links:
            if is_elsewhere(link) or link.startswith("mailto:"):
                continue
            name, _, anchor = unquote(link).partition("#")
            target = (path.parent / name).resolve() if name else path
            if not target.exists() or (anchor and target in pages and anchor not in pages[target].ids):
                yield path.name, link


def commands(table: object, words: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    assert isinstance(table, dict)
    for word, entry in table.items():
        if isinstance(entry, Verb):
            yield from commands(entry.nouns, (*words, word))
        elif isinstance(entry, Entry):
            yield (*words, word)


def test_every_command_has_its_section(pages: dict[Path, Page]) -> None:
    anchors = set().union(*(page.ids for path, page in pages.items() if path.parent.name == "commands"))

    assert [words for words in commands(COMMANDS) if "-".join(words).lower() not in anchors] == []


def test_every_field_of_a_specification_is_listed(site: Path) -> None:
    text = (site / "reference" / "spec-fields.html").read_text()

    assert [name for record in records(spec_schema(), {}) for name in record.fields if f">{name}<" not in text] == []


def records(record: Record, seen: dict[int, Record]) -> list[Record]:
    if id(record) not in seen:
        seen[id(record)] = record
        for _, child in record.children():
            records(child, seen)
    return list(seen.values())
