"""The page for users holds what the code holds: its examples are sound, and no field is missing."""

import re
from pathlib import Path

import pytest

from trunkline.pps.spec.advice.check import check
from trunkline.pps.spec.form.reader import read_specs
from trunkline.pps.spec.form.schema import ListOf, Record, Shape, spec_schema

PAGE = Path(__file__).parents[4] / "docs" / "pipeline-spec.md"
EXAMPLES = re.findall(r"```yaml\n(.*?)```", PAGE.read_text(), re.DOTALL)


@pytest.mark.parametrize("example", EXAMPLES)
def test_an_example_is_a_sound_spec(example: str) -> None:
    findings = [finding for document in read_specs(example, file="example") for finding in check(document)]

    assert [str(finding) for finding in findings] == []


def test_every_field_is_on_the_page() -> None:
    text = PAGE.read_text()

    assert [name for name in sorted(names_of(spec_schema(), set())) if not re.search(rf"\b{name}\b", text)] == []


def names_of(shape: Shape, seen: set[Shape]) -> set[str]:
    if isinstance(shape, ListOf):
        return names_of(shape.item, seen)
    if not isinstance(shape, Record) or shape in seen:
        return set()
    seen.add(shape)
    return set(shape.fields).union(*(names_of(inner, seen) for inner in shape.fields.values()))
