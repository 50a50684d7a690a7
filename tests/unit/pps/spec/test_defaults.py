"""What a spec leaves out, filled in."""

import json
from datetime import UTC, datetime
from typing import Any

from trunkline.model.pipelines import CronInput, Input, PFSInput, PipelineSpec
from trunkline.pps.spec.decode import decode_spec
from trunkline.pps.spec.defaults import fill_defaults

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


def pfs(repo: str = "images", **fields: object) -> dict[str, object]:
    return {"pfs": {"repo": repo, "glob": "/*", **fields}}


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

    assert spec.parallelism_spec is None  # as many workers as there are
    assert (spec.datum_tries, spec.output_branch, spec.reprocess_spec) == (3, "master", "until_success")
