"""Decoding, layering, defaults and rules as a server applies them."""

import json
from datetime import UTC, datetime
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from trunkline.model.pipelines import CronInput, Input, ParallelismSpec, PFSInput, PipelineSpec
from trunkline.pps.spec.decode import decode_spec, encode_spec
from trunkline.pps.spec.defaults import fill_defaults
from trunkline.pps.spec.durations import format_duration, parse_duration
from trunkline.pps.spec.findings import InvalidSpecError
from trunkline.pps.spec.layers import canonical_defaults, effective_spec, merge_patch
from trunkline.pps.spec.quantities import nearest_quantity, parse_quantity
from trunkline.pps.spec.validate import problems, validate

NOW = datetime(2024, 5, 1, tzinfo=UTC)
SPEC: dict[str, Any] = {
    "pipeline": {"name": "edges"},
    "transform": {"cmd": ["sh"], "stdin": ["ls"]},
    "input": {"pfs": {"repo": "images", "glob": "/*"}},
}


def spec_with(**fields: object) -> str:
    return json.dumps({**SPEC, **fields})


def filled(text: str) -> PipelineSpec:
    return fill_defaults(decode_spec(text), now=NOW)


def messages(**fields: object) -> list[str]:
    return [f"{finding.path}: {finding.message}" for finding in problems(filled(spec_with(**fields)))]


def pfs(repo: str = "images", **fields: object) -> dict[str, object]:
    return {"pfs": {"repo": repo, "glob": "/*", **fields}}


# Decoding


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
        problems(fill_defaults(spec, now=NOW))
    except InvalidSpecError as error:
        assert error.findings


# Layers


def test_the_layers_are_merged_in_order_and_canonical() -> None:
    effective = effective_spec(
        json.dumps({"pipeline": {"name": "a"}, "transform": {"cmd": ["a"]}, "datum_tries": "7"}),
        cluster_defaults='{"createPipelineRequest": {"datumTries": 2, "resource_requests": {"cpu": 1, "memory": "1G"}}}',
        project_defaults='{"create_pipeline_request": {"resourceRequests": {"cpu": 2}}}',
    )

    assert json.loads(effective) == {
        "transform": {"image": "ubuntu:20.04", "cmd": ["a"]},
        "outputBranch": "master",
        "datumTries": 7,
        "reprocessSpec": "until_success",
        "resourceRequests": {"cpu": 2, "memory": "1G"},
        "pipeline": {"name": "a"},
    }


def test_null_in_a_layer_deletes_what_the_ones_before_gave() -> None:
    effective = effective_spec(
        json.dumps({"pipeline": {"name": "a"}, "resourceRequests": None, "transform": {"image": None}}),
        cluster_defaults='{"createPipelineRequest": {"resourceRequests": {"cpu": 1}}}',
    )

    assert "resourceRequests" not in json.loads(effective)
    assert json.loads(effective)["transform"] == {}


@pytest.mark.parametrize("text", ['{"datumTries": 3}', '{"createPipelineRequest": {"nonsense": 1}}', "[]"])
def test_defaults_that_are_no_defaults_are_refused(text: str) -> None:
    with pytest.raises(InvalidSpecError):
        canonical_defaults(text)


def test_empty_defaults_stay_empty() -> None:
    assert canonical_defaults("") == "{}"


@pytest.mark.parametrize(
    ("base", "patch", "merged"),
    [
        ({"a": "b"}, {"a": "c"}, {"a": "c"}),
        ({"a": "b"}, {"b": "c"}, {"a": "b", "b": "c"}),
        ({"a": "b"}, {"a": None}, {}),
        ({"a": "b", "b": "c"}, {"a": None}, {"b": "c"}),
        ({"a": ["b"]}, {"a": "c"}, {"a": "c"}),
        ({"a": "c"}, {"a": ["b"]}, {"a": ["b"]}),
        ({"a": {"b": "c"}}, {"a": {"b": "d", "c": None}}, {"a": {"b": "d"}}),
        ({"a": [{"b": "c"}]}, {"a": [1]}, {"a": [1]}),
        (["a", "b"], ["c", "d"], ["c", "d"]),
        ({"a": "b"}, ["c"], ["c"]),
        ({"a": "foo"}, None, None),
        ({"a": "foo"}, "bar", "bar"),
        ({"e": None}, {"a": 1}, {"e": None, "a": 1}),
        ([1, 2], {"a": "b", "c": None}, {"a": "b"}),
        ({}, {"a": {"bb": {"ccc": None}}}, {"a": {"bb": {}}}),
    ],
)
def test_merging_follows_rfc_7396(base: object, patch: object, merged: object) -> None:
    assert merge_patch(base, patch) == merged


# Defaults


def test_names_branches_and_projects_of_inputs_are_filled_in() -> None:
    spec = filled(spec_with(pipeline={"name": "p", "project": {"name": "team"}}, input=pfs(glob="*.jpg")))

    assert spec.input == Input(
        pfs=PFSInput(project="team", name="images", repo="images", repo_type="user", branch="master", glob="/*.jpg")
    )


def test_a_cron_input_gets_its_repo_and_start() -> None:
    spec = filled(spec_with(input={"cron": {"name": "tick", "spec": "@hourly"}}))

    assert spec.input == Input(
        cron=CronInput(name="tick", project="default", repo="edges_tick", spec="@hourly", start="2024-05-01T00:00:00Z")
    )


def test_triggers_without_a_branch_get_one_of_their_own_counted_by_repo() -> None:
    trigger = {"commits": 2}
    cross = [pfs("a", trigger=trigger), pfs("a", name="b", trigger=trigger), pfs("c", trigger=trigger, branch="dev")]

    spec = filled(spec_with(input={"cross": cross}))

    assert spec.input is not None
    leaves = [leaf for leaf in spec.input.leaves() if isinstance(leaf, PFSInput)]
    assert [leaf.branch for leaf in leaves] == ["edges-trigger-1", "edges-trigger-2", "dev"]
    assert [leaf.trigger.branch for leaf in leaves if leaf.trigger] == ["master", "master", ""]


def test_numbers_that_were_left_out_get_their_defaults() -> None:
    spec = filled(json.dumps(SPEC))

    assert spec.parallelism_spec == ParallelismSpec(1)
    assert (spec.datum_tries, spec.output_branch, spec.reprocess_spec) == (3, "master", "until_success")


# Rules


def test_a_sound_spec_passes() -> None:
    validate(filled(json.dumps(SPEC)))


def test_validate_raises_with_path_message_and_fix() -> None:
    with pytest.raises(InvalidSpecError, match=r'^input\.pfs\.glob: input must specify a glob; write:  glob: "/\*"$'):
        validate(filled(spec_with(input={"pfs": {"repo": "images"}})))


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"pipeline": None}, "pipeline: no `pipeline` specified"),
        ({"pipeline": {}}, "pipeline.name: no pipeline `name` specified"),
        ({"pipeline": {"name": "_a"}}, "must start with an alphanumeric character"),
        ({"pipeline": {"name": "a" * 52}}, "longer than the 51 max"),
        ({"pipeline": {"name": "a b"}}, "only alphanumeric characters, underscores, and dashes are allowed"),
        ({"pipeline": {"name": "a", "project": {"name": "-"}}}, "pipeline.project.name: project name"),
        ({"input": None}, "input: no input set"),
        ({"input": {}}, "input: no input set"),
        ({"input": {"cross": []}}, "input.cross: no input set"),
        ({"input": {"cross": [pfs(), {}]}}, "input.cross[1]: no input set"),
        ({"input": {**pfs(), "cross": [pfs("b")]}}, "multiple input types set (pfs, cross)"),
        ({"input": {"pfs": {"glob": "/"}}}, "input.pfs.repo: input must specify a repo"),
        ({"input": pfs(commit="a" * 32)}, "input.pfs.commit: input cannot come from a commit"),
        ({"input": pfs("out")}, 'input.pfs.name: input cannot be named "out"'),
        ({"input": pfs(name=".env")}, 'input.pfs.name: input cannot be named ".env"'),
        ({"input": pfs(name="a/b")}, "cannot name a directory below /pfs"),
        ({"input": pfs(name="..")}, "cannot name a directory below /pfs"),
        ({"input": pfs(repoType="x")}, "input.pfs.repoType: must be one of user, spec, meta"),
        ({"input": pfs(glob="/(a")}, "input.pfs.glob: glob"),
        ({"input": pfs(branch="0" * 12 + "4" + "0" * 19)}, "branch name cannot be a UUID V4"),
        ({"input": {"cross": [pfs(), pfs()]}}, 'input.cross[1].pfs.name: name "images" was used more than once'),
        ({"input": {"join": [{"cross": [pfs("a"), pfs("b")]}, pfs("b")]}}, 'name "b" was used more than once'),
        ({"input": {"cross": [{"union": [pfs("a"), pfs("b")]}, pfs("b")]}}, 'name "b" was used more than once'),
        ({"input": pfs(s3=True)}, "input.pfs.glob: an input with s3 must have the glob /"),
        ({"input": pfs(s3=True, glob="/", lazy=True)}, "input.pfs.lazy: lazy and s3 exclude each other"),
        ({"input": pfs(s3=True, glob="/", emptyFiles=True)}, "emptyFiles and s3 exclude each other"),
        ({"input": {"union": [pfs("a"), pfs("b", s3=True, glob="/")]}}, "cannot be in a union"),
        ({"input": {"cron": {"spec": "@hourly"}}}, "input.cron.name: cron input must specify a name"),
        ({"input": {"cron": {"name": "t"}}}, "input.cron.spec: cron input must specify a spec"),
        ({"input": {"cron": {"name": "t", "spec": "* * *"}}}, "error parsing cron-spec"),
        ({"input": {"cron": {"name": "t", "spec": "@reboot"}}}, "error parsing cron-spec"),
        ({"input": pfs(trigger={"commits": 1}, branch="dev")}, "triggers must specify a branch to trigger on"),
        ({"input": pfs(trigger={"commits": -1})}, "can't trigger on a negative number of commits"),
        ({"input": pfs(trigger={"size": "many"})}, "invalid trigger size"),
        ({"input": pfs(trigger={"rateLimitSpec": "x"})}, "invalid trigger rate limit spec"),
        ({"input": pfs(trigger={"cronSpec": "x"})}, "invalid trigger cron spec"),
        ({"input": pfs(trigger={"cronSpec": "@daily", "size": "1K"})}, "cronSpec excludes the other conditions"),
        ({"transform": {"secrets": [{"key": "k", "envVar": "E"}]}}, "missing Kubernetes secret"),
        ({"transform": {"secrets": [{"name": "s", "envVar": "E"}]}}, "has env_var set but is missing key"),
        ({"service": {"internalPort": 1}, "parallelismSpec": {"constant": 2}}, "parallelismSpec.constant"),
        ({"service": {"type": "x"}}, "service.type: must be one of ClusterIP, LoadBalancer, NodePort"),
        ({"service": {}, "s3Out": True}, "s3Out: not for spouts and services"),
        ({"spout": {}}, "spout: a spout without a service must have no input"),
        ({"spout": {"service": {}}, "service": {}}, "service: a spout's service belongs in spout"),
        ({"reprocessSpec": "always"}, "invalid ReprocessSpec"),
        ({"datumTimeout": "0s"}, "datumTimeout: must be more than zero"),
        ({"datumTries": -1}, "datumTries: must not be negative"),
        ({"datumSetSpec": {"number": -1}}, "datumSetSpec.number: must not be negative"),
        ({"maximumExpectedUptime": "1h"}, "maximumExpectedUptime: takes autoscaling"),
        ({"resourceLimits": {"memory": "lots"}}, "resourceLimits.memory: cannot be read"),
        ({"resourceLimits": {"gpu": {"number": -1}}}, "resourceLimits.gpu.number: must not be negative"),
        ({"egress": {}}, "egress: must have exactly one of"),
        ({"egress": {"URL": "s3://a", "objectStorage": {"url": "s3://a"}}}, "egress: must have exactly one of"),
        ({"egress": {"URL": "bucket/x"}}, "is no URL"),
        ({"egress": {"sqlDatabase": {"url": "postgres://h/d"}}}, "egress.sqlDatabase.secret"),
        ({"podSpec": "{"}, "podSpec: malformed PodSpec"),
        ({"podPatch": "{"}, "podPatch: malformed PodPatch"),
        ({"tolerations": [{"key": "k"}]}, "tolerations[0].operator: must be given"),
        ({"tfJob": {"tfJob": "x"}}, "tfJob: is not supported"),
        ({"outputBranch": "a/b"}, "outputBranch: branch name"),
    ],
)
def test_what_breaks_a_rule_is_refused(fields: dict[str, object], message: str) -> None:
    assert any(message in each for each in messages(**fields))


@pytest.mark.parametrize(
    "fields",
    [
        {"input": {"union": [pfs(), pfs(glob="/b*")]}},
        {"input": {"cross": [{"union": [pfs("a"), pfs("a")]}, pfs("b")]}},
        {"input": pfs("out", name="data")},
        {"input": pfs(s3=True, glob="/")},
        {"input": {"join": [pfs("a", joinOn="x"), pfs("b", joinOn="x")]}},
        {"input": {"cron": {"name": "t", "spec": "*/5 * * * *"}}},
        {"input": None, "spout": {}},
        {"spout": {"service": {"internalPort": 80}}},
        {"datumSetSpec": {}},
        {"transform": {}},
        {"metadata": {"labels": {"a.b/c": "d"}}},
        {"egress": {"sqlDatabase": {"url": "postgres://h/d", "secret": {"name": "s", "key": "k"}}}},
        {"pipeline": {"name": "p" * 51, "project": {"name": "q" * 51}}},
    ],
)
def test_what_the_field_accepts_passes(fields: dict[str, object]) -> None:
    assert messages(**fields) == []


def test_every_field_of_the_types_has_a_shape() -> None:
    """A type that the reader does not know would fail only for those who use it."""
    names = {field.encode_name for field in msgspec.structs.fields(PipelineSpec)}

    with pytest.raises(InvalidSpecError) as caught:
        decode_spec(json.dumps(dict.fromkeys(names, [[]])))

    assert names <= {finding.path.split("[")[0].split(".")[0] for finding in caught.value.findings}


# Durations and quantities


@pytest.mark.parametrize(
    ("text", "seconds"), [("30s", 30), ("1.5s", 1.5), ("10m", 600), ("1h30m", 5400), ("100ms", 0.1), ("-2s", -2)]
)
def test_durations_are_read(text: str, seconds: float) -> None:
    assert parse_duration(text) == pytest.approx(seconds)


@pytest.mark.parametrize("text", ["", "s", "3", "3 s", "1d", "1h 3m", "١s", "400000000000s"])
def test_what_is_no_duration_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="is"):
        parse_duration(text)


@given(seconds=st.integers(0, 10**12).map(lambda micros: micros / 1000))
def test_durations_lead_back(seconds: float) -> None:
    assert parse_duration(format_duration(seconds)) == pytest.approx(seconds)


@pytest.mark.parametrize(
    ("text", "size"),
    [("512", 512), ("1k", 1000), ("1Ki", 1024), ("1.5Gi", 3 << 29), ("2G", 2 * 10**9), ("1e3", 1000), ("1500m", 2)],
)
def test_quantities_are_read(text: str, size: int) -> None:
    assert parse_quantity(text) == size


@pytest.mark.parametrize(
    ("text", "nearest"),
    [("512MB", "512M"), ("2 gib", "2Gi"), ("10KB", "10k"), ("1 Ki", "1Ki"), ("5 bytes", "5"), ("x", None)],
)
def test_the_nearest_quantity_is_offered(text: str, nearest: str | None) -> None:
    assert nearest_quantity(text) == nearest
