"""Spec files: what YAML means here, and where each field is."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trunkline.pps.spec.form.document import Position, SpecDocument
from trunkline.pps.spec.form.findings import InvalidSpecError
from trunkline.pps.spec.form.reader import read_specs


def read(text: str) -> SpecDocument:
    (document,) = read_specs(text, file="f.yaml")
    return document


def test_documents_and_lists_of_specs_are_all_read() -> None:
    text = "pipeline: {name: a}\n---\n- pipeline: {name: b}\n- pipeline: {name: c}\n---\n# nothing\n"

    documents = read_specs(text, file="f.yaml")

    assert [(document.name, document.index) for document in documents] == [("a", 0), ("b", 1), ("c", 2)]
    assert documents[2].position("pipeline.name") == Position(4, 14)


def test_json_is_read_with_its_lines() -> None:
    document = read('{\n\t"pipeline": {\n\t\t"name": "a"\n\t}\n}')

    assert document.is_json
    assert document.position("pipeline.name") == Position(3, 3)


def test_json_that_is_no_yaml_to_the_parser_is_read_all_the_same() -> None:
    document = read('{"pipeline": {"name": "a"}, "description": "\\ud83d\\ude00"}')

    assert document.data["description"] == "\N{GRINNING FACE}"


def test_positions_are_found_under_either_spelling_and_for_what_is_missing() -> None:
    document = read(
        "pipeline:\n  name: a\nresource_requests:\n  memory: 1G\ninput:\n  cross:\n  - pfs:\n      repo: x\n"
    )

    assert document.position("resourceRequests.memory").line == 4
    assert document.position("resource_requests.memory").line == 4
    assert document.position("input.cross[0].pfs.glob").line == 7
    assert document.position("input.cross[3].pfs").line == 6
    assert document.position("egress.url").line == 1


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("on", "on"),
        ("off", "off"),
        ("yes", "yes"),
        ("No", "No"),
        ("true", True),
        ("False", False),
        ("~", None),
        ("", None),
        ("null", None),
        ("12", 12),
        ("-3", -3),
        ("1_000", "1_000"),
        ("1:30", "1:30"),
        ("0.5", 0.5),
        ("1e3", 1000.0),
        ("2024-05-01", "2024-05-01"),
        ("=", "="),
        ("'12'", "12"),
        ('"true"', "true"),
        ("!!str 12", "12"),
        ("30s", "30s"),
        ("/*", "/*"),
    ],
)
def test_plain_values_mean_what_yaml_1_2_says(text: str, value: object) -> None:
    assert read(f"pipeline: {text}").data == {"pipeline": value}


@pytest.mark.parametrize("text", ["0x1F", "0o17", "017", "0b11"])
def test_integers_that_are_not_plain_decimal_are_refused(text: str) -> None:
    with pytest.raises(InvalidSpecError, match="integers must be plain decimal"):
        read(f"datumTries: {text}")


@pytest.mark.parametrize(
    ("text", "message", "line"),
    [
        ("a: 1\nb: *x\n", "anchors and aliases are not allowed", 2),
        ("a: &x 1\nb: 2\n", "anchors and aliases are not allowed", 1),
        ("glob: *.txt\n", r'write:  glob: "\*\.txt"', 1),
        ("a: 1\na: 2\n", "the key a is given twice", 2),
        ("a:\n  1: x\n", 'keys must be strings; quote it: "1"', 2),
        ("a:\n  ? [x]\n  : y\n", "keys must be strings", 2),
        ("- a\n- b\n", "a spec is a mapping", 1),
        ("just text\n", "a spec is a mapping", 1),
        ("a: !custom x\n", "the tag !custom is not known", 1),
        ("a: b: c\n", "quote a value that has a colon", 1),
        ("a:\n\tb: 1\n", "not tabs", 2),
        ("a: .inf\n", "is not a number that a spec can hold", 1),
        ("a: 1e999\n", "too large", 1),
        ("", "there is no spec in it", 0),
        ("# only a comment\n", "there is no spec in it", 0),
        ("a: [" + "[" * 200 + "]" * 200 + "]", "levels deep", 1),
        ("[" * 5000 + "]" * 5000, "exceeded maximum nesting depth", 1),
    ],
)
def test_what_is_no_spec_is_refused_with_its_line(text: str, message: str, line: int) -> None:
    with pytest.raises(InvalidSpecError, match=f"malformed pipeline spec: .*{message}") as caught:
        read_specs(text, file="f.yaml")

    (finding,) = caught.value.findings
    assert (finding.file, finding.line) == ("f.yaml", line)


def test_a_file_named_dash_is_told_as_stdin() -> None:
    with pytest.raises(InvalidSpecError, match=r"^stdin:1: "):
        read_specs("text", file="-")


def test_schema_keys_are_dropped_at_every_depth() -> None:
    document = read('{"$schema": "x", "pipeline": {"$schema": "y", "name": "a"}}')

    assert document.data == {"pipeline": {"name": "a"}}


def test_the_json_to_send_has_the_fields_as_written() -> None:
    document = read("pipeline: {name: a}\njob_timeout: 30s\ninput: {pfs: {repo: é}}\n")

    assert document.json == '{"pipeline":{"name":"a"},"job_timeout":"30s","input":{"pfs":{"repo":"é"}}}'


def test_a_project_is_filled_in_where_there_is_none() -> None:
    with_own = read("pipeline: {name: a, project: {name: own}}")
    without = read("pipeline: {name: a}")

    assert with_own.with_project("other").project == "own"
    assert without.with_project("other").data["pipeline"] == {"name": "a", "project": {"name": "other"}}
    assert without.data == {"pipeline": {"name": "a"}}
    assert read("pipeline: a").with_project("other").data == {"pipeline": "a"}


values = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(st.characters(min_codepoint=32, max_codepoint=0x2FFF, exclude_characters="\x7f\x85\u2028\u2029\ufeff"),
              max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["a", "b", "x_y", "1"]), inner),
    max_leaves=8,
)  # fmt: skip


@given(data=st.dictionaries(st.sampled_from(["pipeline", "input", "x y"]), values, min_size=1))
@pytest.mark.parametrize("indent", [None, 2])
def test_every_json_object_is_read_as_it_is(data: dict[str, object], indent: int | None) -> None:
    assert read(json.dumps(data, indent=indent)).data == data


@given(text=st.text("ab:-*&!#[]{},'\"|>%@`? \n\t01.~$", max_size=40))
def test_no_text_makes_the_reader_fail_in_another_way(text: str) -> None:
    try:
        read_specs(text, file="f.yaml")
    except InvalidSpecError as problem:
        told = [finding.message for finding in problem.findings]
    else:
        return

    assert all("malformed pipeline spec" in message for message in told)
