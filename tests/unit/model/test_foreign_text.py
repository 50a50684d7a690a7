"""JSON and YAML of others: values, or a ValueError, and quickly."""

import json
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trunkline.errors import InvalidInputError
from trunkline.loads.pfs.spec import parse_load_spec
from trunkline.model.json_text import load_json
from trunkline.model.yaml_text import load_yaml

BOMB = "a: &a [x, x, x, x, x, x, x, x, x]\n" + "".join(
    f"{name}: &{name} [{', '.join(['*' + before] * 9)}]\n" for before, name in zip("abcdefgh", "bcdefghi", strict=True)
)


@pytest.mark.parametrize(
    ("load", "text"),
    [
        (load_json, "[" * 100_000),
        (load_json, '{"a":' * 100_000),
        (load_json, '"\\ud800"'),
        (load_json, '{"\\uDFFF": 1}'),
        (load_json, b'["\\udabc"]'),
        (load_json, "1" * 5000),
        (load_json, b"\xff"),
        (load_yaml, BOMB),
        (load_yaml, "a: &a [*a]"),
        (load_yaml, "*a"),
        (load_yaml, "[" * 100_000),
        (load_yaml, "- " * 1000),
        (load_yaml, "a: " + "1" * 5000),
        (load_yaml, "a: 2024-13-45"),
        (load_yaml, "a: !!python/object:os.system x"),
        (load_yaml, "x" * 1_000_000),
    ],
)
def test_what_cannot_be_taken_is_a_value_error(load: Callable[[Any], object], text: str | bytes) -> None:
    with pytest.raises(ValueError):  # noqa: PT011 - the reasons are libraries'
        load(text)


@given(st.recursive(st.none() | st.booleans() | st.integers() | st.text(), lambda inner: st.lists(inner, max_size=5)))
def test_json_is_read_as_ever(value: object) -> None:
    assert load_json(json.dumps(value)) == value


def test_an_alias_that_says_little_is_taken() -> None:
    assert load_yaml("a: &a [1, &b x]\nb: *a\nc: *b") == {"a": [1, "x"], "b": [1, "x"], "c": "x"}


def test_a_load_spec_full_of_aliases_is_refused_by_line() -> None:
    with pytest.raises(InvalidInputError, match=r"load spec: .*line [3-6]: it says more than 10000 values"):
        parse_load_spec(BOMB)
