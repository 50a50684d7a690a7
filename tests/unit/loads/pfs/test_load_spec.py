from typing import Any

import pytest
import yaml

from trunkline.errors import InvalidInputError
from trunkline.loads.pfs.defaults import DEFAULT_LOAD_SPECS
from trunkline.loads.pfs.spec import Depth, Directory, parse_load_spec

SPEC: dict[str, Any] = {
    "count": 2,
    "modifications": [{"count": 3, "putFile": {"count": 4, "source": "random"}}],
    "fileSources": [{"name": "random", "random": {"sizes": [{"min": 1, "max": 9, "prob": 100}]}}],
}


def with_changes(**changes: Any) -> str:
    return yaml.safe_dump({**SPEC, **changes})


def random(**changes: Any) -> list[dict[str, Any]]:
    return [{"name": "random", "random": {**SPEC["fileSources"][0]["random"], **changes}}]


def test_a_spec_is_read_in_both_spellings() -> None:
    directory = {"depth": {"min": 0, "max": 2}, "run": 5}
    sources = random(increment_path=True, directory=directory)

    spec = parse_load_spec(with_changes(file_sources=sources, fileSources=sources))

    assert (spec.count, spec.files_per_commit) == (2, 12)
    assert spec.source("random").increment_path
    assert spec.source("random").directory == Directory(Depth(0, 2), 5)
    assert parse_load_spec(with_changes(validator={"frequency": {"count": 7}})).validator


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a: [", "load spec: it is no YAML: .* line 1"),
        ("- 1", "load spec: it must be a mapping"),
        ("count: 1", "load spec: Object missing required field `modifications`"),
        (with_changes(count="x"), "load spec: count: Expected `int`, got `str`"),
        (with_changes(count=0), "load spec: count: Expected `int` >= 1"),
        (with_changes(modifications=[]), "load spec: modifications: there is none"),
        (with_changes(colour=1), "load spec: Object contains unknown field `colour`"),
        (
            with_changes(modifications=[{"count": 1, "putFile": {"count": 1, "source": "other"}}]),
            r"load spec: modifications\[0\].putFile.source: there is no file source 'other'; known: random",
        ),
        (
            with_changes(modifications=[{"count": 1, "putFile": {"count": 1}}]),
            r"load spec: modifications\[0\].putFile: Object missing required field `source`",
        ),
        (
            with_changes(fileSources=random(sizes=[{"min": 1, "max": 2, "prob": 40}])),
            r"load spec: fileSources\[0\].random.sizes: the values of prob sum to 40, and must to 100",
        ),
        (
            with_changes(fileSources=random(sizes=[{"min": 3, "max": 2, "prob": 100}])),
            r"load spec: fileSources\[0\].random.sizes\[0\]: min 3 is above max 2",
        ),
        (
            with_changes(fileSources=random(directory={"depth": {"min": 3, "max": 2}})),
            r"load spec: fileSources\[0\].random.directory.depth: min 3 is above max 2",
        ),
        (
            with_changes(fileSources=random() * 2),
            r"load spec: fileSources\[1\].name: 'random' is there already",
        ),
    ],
)
def test_what_is_wrong_with_a_spec_is_said_with_the_field(text: str, message: str) -> None:
    with pytest.raises(InvalidInputError, match=message):
        parse_load_spec(text)


def test_the_default_specs_are_three_sizes_of_load() -> None:
    specs = [parse_load_spec(text) for text in DEFAULT_LOAD_SPECS]

    assert [spec.count * spec.files_per_commit for spec in specs] == [75, 150_000, 15]
    assert all(spec.validator is not None for spec in specs)
