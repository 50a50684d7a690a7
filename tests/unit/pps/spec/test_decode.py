"""From JSON text to values and back, as a server takes specs."""

import json
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trunkline.model.pipelines import Input, ParallelismSpec, PFSInput, PipelineSpec
from trunkline.pps.spec.decode import decode_spec, encode_spec
from trunkline.pps.spec.defaults import fill_defaults
from trunkline.pps.spec.durations import format_duration
from trunkline.pps.spec.form.findings import Finding, InvalidSpecError, Severity
from trunkline.pps.spec.rules.validate import problems

NOW = datetime(2024, 5, 1, tzinfo=UTC)
SPEC: dict[str, Any] = {
    "pipeline": {"name": "edges"},
    "transform": {"cmd": ["sh"], "stdin": ["ls"]},
    "input": {"pfs": {"repo": "images", "glob": "/*"}},
}


def spec_with(**fields: object) -> str:
    return json.dumps({**SPEC, **fields})


def test_both_spellings_decode_to_the_same() -> None:
    camel = decode_spec(spec_with(datumSetSpec={"perWorker": 3}, s3Out=True, resourceLimits={"gpu": {"number": 1}}))
    snake = decode_spec(
        spec_with(datum_set_spec={"per_worker": 3}, s3_out=True, resource_limits={"gpu": {"number": 1}})
    )

    assert camel == snake


def test_wire_forms_of_numbers_enums_and_durations_are_taken() -> None:
    spec = decode_spec(
        spec_with(
            datumTries="5",
            jobTimeout="1h30m",
            datumTimeout="1.5s",
            parallelismSpec={"constant": 4.0},
            tolerations=[{"operator": 1, "effect": "NO_SCHEDULE", "tolerationSeconds": "7"}],
            resourceLimits={"cpu": "0.5"},
        )
    )

    assert (spec.datum_tries, spec.job_timeout, spec.datum_timeout) == (5, "5400s", "1.5s")
    assert spec.parallelism_spec == ParallelismSpec(4)
    assert (spec.tolerations[0].operator, spec.tolerations[0].toleration_seconds) == ("EXISTS", 7)


def test_nulls_count_as_absent() -> None:
    assert decode_spec(spec_with(egress=None, metadata={"labels": None})) == decode_spec(spec_with(metadata={}))


def test_an_unknown_key_is_refused_with_the_nearest_one() -> None:
    with pytest.raises(
        InvalidSpecError, match=r"^input\.pfs\.globb: unknown field; did you mean glob\?; write:  glob: "
    ):
        decode_spec(spec_with(input={"pfs": {"repo": "images", "globb": "/*"}}))


def test_all_that_is_wrong_is_told_at_once() -> None:
    with pytest.raises(InvalidSpecError) as caught:
        decode_spec(spec_with(datumTries="x", autoscaling="on", nonsense=1))

    assert {finding.path for finding in caught.value.findings} == {"datumTries", "autoscaling", "nonsense"}


@pytest.mark.parametrize("text", ["", "[]", "3", '{"a": NaN}', '{"a": 1, "a": 2}', "[" * 100_000, '{"a"'])
def test_what_is_no_object_is_malformed(text: str) -> None:
    with pytest.raises(InvalidSpecError, match="malformed pipeline spec"):
        decode_spec(text)


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("datumTries", 2**63),
        ("datumTries", 1.5),
        ("datumTries", True),
        ("datumTries", "1e3"),
        ("parallelismSpec", {"constant": -1}),
        ("service", {"internalPort": 2**31}),
        ("jobTimeout", "soon"),
        ("jobTimeout", ""),
        ("jobTimeout", 1e300),
        ("description", {}),
        ("transform", {"cmd": [None]}),
        ("transform", {"env": {"A": {}}}),
        ("input", {"cron": {"name": "t", "start": "yesterday"}}),
        ("input", {"cron": {"name": "t", "start": "2024-05-01 00:00:00"}}),
        ("tolerations", [{"operator": 3}]),
        ("resourceLimits", {"cpu": "inf"}),
    ],
)
def test_values_out_of_range_or_of_another_type_are_refused(field: str, value: object) -> None:
    with pytest.raises(InvalidSpecError, match=field):
        decode_spec(spec_with(**{field: value}))


strings = st.text("abc/*", max_size=4)
pfs_inputs = st.builds(PFSInput, repo=strings, glob=strings, lazy=st.booleans(), join_on=strings).map(
    lambda leaf: Input(pfs=leaf)
)
inputs = st.recursive(
    pfs_inputs,
    lambda inner: st.lists(inner, min_size=1, max_size=3).flatmap(
        lambda children: st.sampled_from(["cross", "union", "join", "group"]).map(
            lambda kind: Input(**{kind: tuple(children)})
        )
    ),
    max_leaves=5,
)
specs = st.builds(
    PipelineSpec,
    description=strings,
    input=inputs,
    datum_tries=st.integers(0, 2**62),
    parallelism_spec=st.builds(ParallelismSpec, st.integers(0, 2**62)),
    s3_out=st.booleans(),
    datum_timeout=st.integers(1, 10**6).map(lambda seconds: format_duration(seconds / 1000)),
)


@given(spec=specs)
def test_encoding_and_decoding_leads_back(spec: PipelineSpec) -> None:
    assert decode_spec(encode_spec(spec)) == spec


@given(spec=specs)
def test_filling_defaults_twice_changes_nothing_more(spec: PipelineSpec) -> None:
    once = fill_defaults(spec, now=NOW)

    assert fill_defaults(once, now=NOW) == once


junk = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["pfs", "cross", "repo", "glob", "cmd", "name", "x", "env", "constant", "joinOn", "input"]),
            inner,
        )
    ),
    max_leaves=10,
)


@given(
    data=st.dictionaries(
        st.sampled_from(["pipeline", "transform", "input", "cross", "glob", "egress", "x", "tolerations", "tfJob"]),
        junk,
    )
)
def test_no_data_makes_decoding_fail_in_another_way(data: dict[str, object]) -> None:
    try:
        spec = decode_spec(json.dumps(data))
    except InvalidSpecError as error:
        findings: Sequence[Finding] = error.findings
    else:
        findings = problems(fill_defaults(spec, now=NOW))

    assert all(finding.severity is Severity.ERROR and finding.message for finding in findings)


@pytest.mark.parametrize("levels", [40, 400, 200_000])
def test_endless_nesting_is_refused_as_malformed(levels: int) -> None:
    nested = '{"cross":[' * levels + '{"pfs":{"repo":"a","glob":"/"}}' + "]}" * levels
    text = f'{{"pipeline":{{"name":"deep"}},"input":{nested}}}'

    if levels == 40:
        assert decode_spec(text).pipeline is not None
    else:
        with pytest.raises(InvalidSpecError, match="malformed pipeline spec"):
            decode_spec(text)
