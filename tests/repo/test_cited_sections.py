"""Code that says "(reference, section 4.2)" cites docs/reference/semantics.md: what it cites must be there."""

import re
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parents[2]
CONTRACT = ROOT / "docs" / "reference" / "semantics.md"
CITATION = re.compile(r"reference,(?: sections?)? (\d[\d., and]*(?: to \d[\d.]*)?)")
HEADING = re.compile(r"^\(section-([\d-]+)\)=\n#+ ([\d.]+)", re.MULTILINE)


def cited() -> Iterator[tuple[str, str]]:
    """Yield each file that cites, with a section that it cites."""
    for top in ("src", "tests", "docs"):
        for path in sorted((ROOT / top).rglob("*.py")) + sorted((ROOT / top).rglob("*.md")):
            if path in (Path(__file__), CONTRACT):
                continue
            for found in CITATION.finditer(" ".join(path.read_text().split())):
                for section in re.findall(r"\d+(?:\.\d+)*", found[1]):
                    yield str(path.relative_to(ROOT)), section


def test_each_cited_section_exists() -> None:
    sections = {number.rstrip(".") for _, number in HEADING.findall(CONTRACT.read_text())}
    citations = list(cited())

    assert len({file for file, _ in citations}) > 30
    assert [(file, section) for file, section in citations if section not in sections] == []


def test_the_anchor_of_a_section_is_its_number() -> None:
    headings = HEADING.findall(CONTRACT.read_text())

    assert len(headings) == len(re.findall(r"^##+ \d", CONTRACT.read_text(), re.MULTILINE))
    assert [anchor.replace("-", ".") for anchor, _ in headings] == [number.rstrip(".") for _, number in headings]
