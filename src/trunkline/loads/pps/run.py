"""Load tests of pipelines: a graph in which every pipeline copies its inputs, over a load test of its first source.

Each pipeline joins its inputs by the names of their top-level entries, so that its output is what was written, and the
validator of the load test covers it (reference, 10.4).
"""

import json
from dataclasses import dataclass

from trunkline.errors import InvalidInputError
from trunkline.loads.pfs.run import LoadRun, begin
from trunkline.loads.pfs.spec import parse_load_spec
from trunkline.model.ids import new_id
from trunkline.model.names import DEFAULT_BRANCH, DEFAULT_PROJECT, check_repo_name
from trunkline.model.versions import BranchKey, RepoKey
from trunkline.pfs.repos import create_repo
from trunkline.pfs.versioning import Versioning
from trunkline.pps.pipelines import create_pipeline, define, write_spec

DEFAULT_DAG_SPEC = "default-load-test-source:\ndefault-load-test-pipeline: default-load-test-source\n"
# One cp an input: what both sides of a diamond have comes twice, and cp takes nothing twice in one go.
_COPY = 'for each in /pfs/input-*; do cp -r "$each"/* /pfs/out/ || exit; done'


@dataclass(frozen=True, slots=True)
class Node:
    """A source repo, or a pipeline with its inputs."""

    name: str
    inputs: tuple[str, ...] = ()


def parse_dag(text: str) -> list[Node]:
    """Return the nodes of ``name: input1, input2`` lines, each after its inputs; the first is the load's target.

    Raise InvalidInputError that names the line.
    """
    nodes: dict[str, Node] = {}
    lines: dict[str, int] = {}
    for number, line in enumerate(text.splitlines(), start=1):
        if not line.strip():
            continue
        name, colon, rest = (part.strip() for part in line.partition(":"))
        if not colon:
            raise InvalidInputError(f"DAG spec, line {number}: {line.strip()!r} is not `name: input1, input2`")
        if name in nodes:
            raise InvalidInputError(f"DAG spec, line {number}: {name!r} is there already, in line {lines[name]}")
        try:
            check_repo_name(name)
        except InvalidInputError as error:
            raise InvalidInputError(f"DAG spec, line {number}: {error}") from None
        lines[name] = number
        nodes[name] = Node(name, tuple(each.strip() for each in rest.split(",")) if rest else ())
    for node in nodes.values():
        for each in node.inputs:
            if each not in nodes:
                raise InvalidInputError(f"DAG spec, line {lines[node.name]}: there is no node {each!r}")
        if len(set(node.inputs)) < len(node.inputs):
            raise InvalidInputError(f"DAG spec, line {lines[node.name]}: {node.name!r} has an input twice")
    if not any(not node.inputs for node in nodes.values()):
        raise InvalidInputError("DAG spec: there is no source: write a line with nothing after the colon")
    return _inputs_first(nodes)


def _inputs_first(nodes: dict[str, Node]) -> list[Node]:
    ordered = {name: node for name, node in nodes.items() if not node.inputs}
    while len(ordered) < len(nodes):
        ready = [
            node for name, node in nodes.items() if name not in ordered and all(each in ordered for each in node.inputs)
        ]
        if not ready:
            left = ", ".join(name for name in nodes if name not in ordered)
            raise InvalidInputError(f"DAG spec: {left}: they would be computed from themselves")
        ordered.update((node.name, node) for node in ready)
    return list(ordered.values())


def begin_with_dag(versioning: Versioning, dag: str, spec: str, *, seed: int, parallelism: int) -> LoadRun:
    """Make the repos and pipelines of a DAG, with a part of the test's id in their names, and return its load test."""
    nodes = parse_dag(dag)
    parse_load_spec(spec)
    id = new_id()  # noqa: A001 - the field's word
    suffix = f"-{id[:8]}"
    definitions = [define(versioning, json.dumps(_copying(node, suffix, parallelism))) for node in nodes if node.inputs]
    with versioning.writes.short():
        layers = [write_spec(versioning, definition) for definition in definitions]
        with versioning.transaction() as tx:
            for node in nodes:
                if not node.inputs:
                    create_repo(tx, RepoKey(DEFAULT_PROJECT, node.name + suffix), description="made by a load test")
            for definition, layer in zip(definitions, layers, strict=True):
                create_pipeline(tx, versioning, definition, spec_layer=layer)
    target = BranchKey(RepoKey(DEFAULT_PROJECT, nodes[0].name + suffix), DEFAULT_BRANCH)
    return begin(versioning, spec, seed=seed, branch=target, id=id)


def _copying(node: Node, suffix: str, parallelism: int) -> dict[str, object]:
    inputs = [
        {
            "pfs": {
                "repo": each + suffix,
                "name": f"input-{number}",
                "glob": "/(*)",
                "joinOn": "$1",
                "outerJoin": True,
            }
        }
        for number, each in enumerate(node.inputs)
    ]
    return {
        "pipeline": {"name": node.name + suffix},
        "description": "made by a load test",
        "transform": {"cmd": ["bash"], "stdin": [_COPY]},
        "parallelismSpec": {"constant": max(parallelism, 1)},
        "input": {"join": inputs},
    }
