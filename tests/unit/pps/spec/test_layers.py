"""Layers of defaults, merged as RFC 7396 says."""

import json

import pytest

from trunkline.pps.spec.form.findings import InvalidSpecError
from trunkline.pps.spec.layers import canonical_defaults, effective_spec, merge_patch


def test_the_layers_are_merged_in_order_and_canonical() -> None:
    effective = effective_spec(
        json.dumps({"pipeline": {"name": "a"}, "transform": {"cmd": ["a"]}, "datum_tries": "7"}),
        cluster_defaults='{"createPipelineRequest": {"datumTries": 2, "resource_requests": {"cpu": 1, "disk": "1G"}}}',
        project_defaults='{"create_pipeline_request": {"resourceRequests": {"cpu": 2}}}',
    )

    assert json.loads(effective) == {
        "transform": {"image": "ubuntu:20.04", "cmd": ["a"]},
        "outputBranch": "master",
        "datumTries": 7,
        "reprocessSpec": "until_success",
        "resourceRequests": {"cpu": 2, "disk": "1G"},
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
