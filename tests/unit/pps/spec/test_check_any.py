"""Whatever stands in a spec, checking it tells something sensible and never breaks."""

import copy
from typing import Any

import msgspec
import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from trunkline.model.pipelines import CronInput, Input, PFSInput, PipelineSpec, ResourceSpec, Transform
from trunkline.pps.spec.advice.check import check
from trunkline.pps.spec.form.document import SpecDocument
from trunkline.pps.spec.form.findings import Severity
from trunkline.pps.spec.form.reader import read_specs


def field_names(record: type[msgspec.Struct]) -> list[str]:
    return [field.encode_name for field in msgspec.structs.fields(record)]


KEYS = sorted(
    {
        name
        for record in (PipelineSpec, Transform, Input, PFSInput, CronInput, ResourceSpec)
        for name in field_names(record)
    }
    | {"inputs", "name", "join_on", "parallelism", "constant", "datum_timeout", "chunk_spec", "x"}
)
VALUES = ["", "a", "/", "/*", "/(*)", "*(x)", "$1", "$9", "/pfs/a", "/pfs/b/*", "sh", "30s", "3", "yes", "(", "a b > c"]

numbers = st.integers(-3, 3) | st.floats(allow_nan=False, allow_infinity=False)
scalars = st.none() | st.booleans() | numbers | st.sampled_from(VALUES)
junk = st.recursive(
    scalars,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(KEYS), inner, max_size=4),
    max_leaves=20,
)
SOUND: dict[str, Any] = {
    "pipeline": {"name": "a"},
    "transform": {"cmd": ["cp", "/pfs/a/x", "/pfs/out"], "env": {"N": "3"}},
    "input": {"cross": [{"pfs": {"repo": "a", "glob": "/*"}}, {"union": [{"pfs": {"repo": "b", "glob": "/"}}]}]},
}


@st.composite
def damaged(draw: st.DrawFn) -> dict[str, Any]:
    """A sound spec in which a few things, anywhere, are something else."""
    spec = copy.deepcopy(SOUND)
    for _ in range(draw(st.integers(1, 3))):
        place: Any = spec
        while isinstance(place, dict | list) and place:
            key = draw(st.sampled_from(sorted(place) if isinstance(place, dict) else range(len(place))))
            if draw(st.booleans()) or not isinstance(place[key], dict | list):
                place[key] = draw(junk)
                break
            place = place[key]
    return spec


@settings(suppress_health_check=[HealthCheck.too_slow])
@given(data=damaged() | st.dictionaries(st.sampled_from(KEYS), junk, max_size=5))
def test_checking_never_breaks_and_every_finding_can_be_read(data: dict[str, Any]) -> None:
    before = copy.deepcopy(data)

    findings = check(SpecDocument("f.yaml", 0, data))

    assert data == before
    for finding in findings:
        assert finding.message
        assert str(finding).startswith("f.yaml: ")


@given(data=damaged())
def test_corrected_text_is_yaml_that_is_read_as_it_was_meant(data: dict[str, Any]) -> None:
    for finding in check(SpecDocument("f.yaml", 0, data)):
        if isinstance(finding.correction, dict):
            (read,) = read_specs(finding.fix, file="fix")
            assert read.data == finding.correction
        elif finding.fix:
            assert yaml.safe_load(finding.fix) == finding.correction


@given(data=damaged())
def test_a_corrected_top_level_field_is_not_complained_of_again(data: dict[str, Any]) -> None:
    for finding in check(SpecDocument("f.yaml", 0, data)):
        if finding.severity is Severity.ERROR and isinstance(finding.correction, dict) and len(finding.correction) == 1:
            ((key, value),) = finding.correction.items()
            parent = finding.path.rpartition(".")[0]
            if key == finding.path.rpartition(".")[2] and parent == "":
                again = check(SpecDocument("f.yaml", 0, {**data, key: value}))
                assert finding not in again
