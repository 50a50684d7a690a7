"""Paths below /pfs in the user code that will not be there, and inputs that are never there together."""

import difflib
import re
from collections.abc import Iterator

import msgspec

from trunkline.model.pipelines import Input, PipelineSpec, Transform
from trunkline.pps.spec.form.findings import Finding, warning
from trunkline.pps.spec.rules.input_rules import combination, walk

_MOUNT = re.compile(r"/pfs/([A-Za-z0-9_.-]+)(?![A-Za-z0-9_.*?\[{$(-])")
_ALWAYS_THERE = frozenset({"out", ".env", "."})
_LOOKS_FIRST = re.compile(r"(?:^|[\s;&|])(?:if|case|test|\[|\[\[|for)\s|\|\||-[def]\s+[\"']?/pfs")
_SHOWN_LEAVES_MAX = 4


def mount_findings(spec: PipelineSpec) -> Iterator[Finding]:
    """Yield a warning for each input that the code names and that will not be there."""
    if spec.transform is None or spec.input is None:
        return
    names = {leaf.name: getattr(leaf, "repo", "") for leaf in spec.input.leaves()}
    mentioned: dict[str, str] = {}
    for path, text in _texts(spec.transform):
        for name in _MOUNT.findall(text):
            mentioned.setdefault(name.rstrip("."), path)
    for name, path in mentioned.items():
        if name and name not in names and name not in _ALWAYS_THERE:
            yield _unknown_mount(name, path, names, spec.transform)
    if not any(_LOOKS_FIRST.search(text) for _, text in _texts(spec.transform)):
        yield from _union_findings(spec.input, mentioned)


def _texts(transform: Transform) -> Iterator[tuple[str, str]]:
    """Yield every argument and line of the code that runs for a datum, with its path."""
    for key, lines in (("cmd", transform.cmd), ("stdin", transform.stdin)):
        for index, text in enumerate(lines):
            yield f"transform.{key}[{index}]", text
    for name, text in transform.env.items():
        yield f"transform.env.{name}", text


def _unknown_mount(name: str, path: str, names: dict[str, str], transform: Transform) -> Finding:
    renamed = next((own for own, repo in names.items() if repo == name), None)
    nearest = renamed or next(iter(difflib.get_close_matches(name, [*names, "out"], n=1, cutoff=0.5)), None)
    if nearest is None and len(names) == 1:
        nearest = next(iter(names))
    there = ", ".join(f"/pfs/{each}" for each in sorted(names))
    reason = f"; the input of repo {name} is named {renamed}" if renamed else f"; there will be {there} and /pfs/out"
    correction = None
    if nearest:
        text = dict(_texts(transform))[path]
        correction = re.sub(rf"/pfs/{re.escape(name)}(?![A-Za-z0-9_.-])", f"/pfs/{nearest}", text)
    return warning(path, f"no input is named {name}{reason}", correction)


def _union_findings(root: Input, mentioned: dict[str, str]) -> Iterator[Finding]:
    for node, path, _ in walk(root):
        if combination(node) != "union":
            continue
        branches = [{leaf.name for leaf in child.leaves()} for child in node.children]
        used = [sorted(names & mentioned.keys()) for names in branches]
        first = [names[0] for names in used if names]
        if len(set(first)) < 2 or set.intersection(*branches):
            continue
        message = (
            f"a datum of a union has one of its inputs alone, but the code uses {_list(first)} together; "
            "cross gives every pair (join those that belong together)"
        )
        yield warning(f"{path}.union", message, _as_cross(node))


def _list(names: list[str]) -> str:
    paths = [f"/pfs/{name}" for name in names]
    return f"{', '.join(paths[:-1])} and {paths[-1]}"


def _as_cross(node: Input) -> object:
    if len(list(node.leaves())) > _SHOWN_LEAVES_MAX:
        return None
    return {"cross": [_as_written(child) for child in node.children]}


def _as_written(node: Input) -> object:
    """Return the node's fields less those that are defaults."""
    built = msgspec.to_builtins(node)
    for leaf in _leaf_fields(built):
        for key, default in (("branch", "master"), ("repoType", "user"), ("name", leaf.get("repo"))):
            if leaf.get(key) == default:
                del leaf[key]
        leaf.pop("project", None)
    return built


def _leaf_fields(built: object) -> Iterator[dict[str, object]]:
    if isinstance(built, dict):
        for key, value in built.items():
            if key in ("pfs", "cron"):
                yield value
            else:
                yield from _leaf_fields(value)
    elif isinstance(built, list | tuple):
        for item in built:
            yield from _leaf_fields(item)
