"""The rules of the reference, by what breaks them and what does not."""

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import msgspec
import pytest

from trunkline.model.pipelines import PipelineSpec
from trunkline.objects.export import Export
from trunkline.objects.local_files import LocalFiles
from trunkline.pps.spec.decode import decode_spec
from trunkline.pps.spec.defaults import fill_defaults
from trunkline.pps.spec.form.findings import InvalidSpecError
from trunkline.pps.spec.rules.transform_rules import OBJECT_STORES
from trunkline.pps.spec.rules.validate import problems, validate

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


def test_a_sound_spec_passes() -> None:
    validate(filled(json.dumps(SPEC)))


def test_validate_raises_with_path_message_and_fix() -> None:
    with pytest.raises(InvalidSpecError, match=r'^input\.pfs\.glob: input must specify a glob; write:  glob: "/\*"$'):
        validate(filled(spec_with(input={"pfs": {"repo": "images"}})))


@pytest.mark.parametrize("name", ["a" * 60, "two words", "-x y-" * 20])
def test_a_name_that_is_refused_comes_with_one_that_is_not(name: str) -> None:
    (finding,) = problems(filled(spec_with(pipeline={"name": name})))

    assert problems(filled(spec_with(pipeline=finding.correction))) == []


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
        ({"service": {"externalPort": 80}}, "service.internalPort: must say at which port the process listens"),
        (
            {"spout": {"service": {"internalPort": 1}}, "parallelismSpec": {"constant": 2}},
            "parallelismSpec.constant: a service runs once",
        ),
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
        ({"egress": {"sqlDatabase": {"url": "host/db"}}}, "egress.sqlDatabase.url: must be a URL"),
        ({"egress": {"sqlDatabase": {"fileFormat": {"type": "PARQUET"}}}}, "fileFormat.type: PARQUET is not supported"),
        ({"podSpec": "{"}, "podSpec: malformed PodSpec"),
        ({"podPatch": "{"}, "podPatch: malformed PodPatch"),
        ({"podSpec": "[]"}, "podSpec: malformed PodSpec: it must be a JSON object"),
        ({"podPatch": "{}"}, "podPatch: malformed PodPatch: it must be a JSON list of operations"),
        ({"transform": {"secrets": [{"name": "s", "key": "k"}]}}, "transform.secrets[0]: must say where"),
        ({"transform": {"env": {"A=B": "x"}}}, "transform.env: 'A=B' cannot name a variable"),
        ({"transform": {"env": {"A": "x\0"}}}, "transform.env.A: cannot be the value of a variable"),
        ({"egress": {"URL": "ftp://host/x"}}, "egress.URL: results cannot be copied to 'ftp://host/x'"),
        (
            {"egress": {"objectStorage": {"url": "https://host/x"}}},
            "egress.objectStorage.url: results cannot be copied",
        ),
        ({"egress": {"sqlDatabase": {"url": "sqlite:////x", "secret": {"name": "s"}}}}, "egress.sqlDatabase.secret"),
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
        {"input": None, "spout": {"service": {}}},
        {"input": None, "spout": {"service": {"internalPort": 80}}},
        {"spout": {"service": {"internalPort": 80}}},
        {"datumSetSpec": {}},
        {"transform": {}},
        {"metadata": {"labels": {"a.b/c": "d"}}},
        {"egress": {"sqlDatabase": {"url": "postgres://h/d", "secret": {"name": "s", "key": "k"}}}},
        {"egress": {"sqlDatabase": {"url": "sqlite:////x"}}},
        {"egress": {"URL": "azblob://container/x"}},
        {"podSpec": '{"a": 1}', "podPatch": '[{"op": "remove", "path": "/x"}]'},
        {"pipeline": {"name": "p" * 51, "project": {"name": "q" * 51}}},
    ],
)
def test_what_the_field_accepts_passes(fields: dict[str, object]) -> None:
    assert messages(**fields) == []


def test_every_field_of_the_types_has_a_shape() -> None:
    """A type that the reader does not know would fail only for those who use it."""
    names = {field.encode_name for field in msgspec.structs.fields(PipelineSpec)}

    with pytest.raises(InvalidSpecError) as caught:
        decode_spec(json.dumps({name: [[]] for name in names}))

    assert names <= {finding.path.split("[")[0].split(".")[0] for finding in caught.value.findings}


@pytest.mark.parametrize("scheme", OBJECT_STORES)
def test_results_can_be_copied_to_every_store_that_is_accepted(scheme: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AZURE_STORAGE_ACCOUNT_NAME", "account")

    Export(f"{scheme}://{'' if scheme == 'file' else 'host'}/place", LocalFiles((Path("/"),)))


def test_no_correction_repeats_what_is_wrong() -> None:
    id_ = "0" * 12 + "4" + "0" * 19

    with pytest.raises(InvalidSpecError) as caught:
        validate(filled(spec_with(outputBranch=id_)))

    assert "write:" not in str(caught.value)
