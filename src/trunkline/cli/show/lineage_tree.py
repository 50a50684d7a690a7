"""Steps of a lineage as a tree of lines: what is many of a kind is one line, with its counts."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from trunkline.cli import references as refer

if TYPE_CHECKING:
    from trunkline.proto.lineage_pb2 import LineageStep

_SIBLINGS_MAX = 3
"""More files of one repo than that, at one place of the tree, are one line."""
_NAMED = 2
_LINES_MAX = 50
_REPOS_MAX = 10


@dataclass(slots=True)
class Node:
    """A file, and the files that it was made from, or that were made from it."""

    step: LineageStep
    below: list[Node] = field(default_factory=list)

    def all_below(self) -> Iterator[Node]:
        """Yield every node below this one."""
        for node in self.below:
            yield node
            yield from node.all_below()


def forest(steps: Iterable[LineageStep]) -> list[Node]:
    """Return the trees that steps, which come depth first, make."""
    roots: list[Node] = []
    above: list[Node] = []
    for step in steps:
        node = Node(step)
        del above[step.depth :]
        (above[-1].below if above else roots).append(node)
        above.append(node)
    return roots


def tree_lines(nodes: list[Node], *, whole: bool, came: str, indent: int = 0) -> list[str]:
    """Return the lines of trees: of all files if that is wanted, else some fifty, and a last one that sums up.

    ``came`` says how what is below a file relates to it: "from", or "from them".
    """
    lines = list(_lines(nodes, "  " * indent, whole=whole, came=came))
    everything = [node for root in nodes for node in (root, *root.all_below())]
    if whole or len(everything) == len(lines) <= _LINES_MAX:
        return lines
    more = ["  " * indent + f"... {len(lines) - _LINES_MAX} more lines"] if len(lines) > _LINES_MAX else []
    files = len({_file(node) for node in everything})
    return [*lines[:_LINES_MAX], *more, "", f"In all {files} files: {_count(everything)}; --all shows each"]


def step_line(step: LineageStep) -> str:
    """Return ``repo@commit:/path  by pipeline@job, datum ID, spec version 2 (new)``."""
    by = f"  by {step.job.pipeline.name}@{step.job.id}, datum {step.datum_id[:12]}" if step.job.id else ""
    version = f", spec version {step.pipeline_version}" if step.pipeline_version else ""
    because = f" ({step.ran_because})" if step.ran_because else ""
    code = "  (code)" if step.is_code else ""
    return f"{refer.show_commit(step.file.commit)}:{step.file.path}{by}{version}{because}{code}"


def _lines(nodes: list[Node], indent: str, *, whole: bool, came: str) -> Iterator[str]:
    groups: dict[str, list[Node]] = {}
    for node in nodes:
        groups.setdefault(refer.show_commit(node.step.file.commit), []).append(node)
    for group in [nodes] if whole else groups.values():
        if not whole and len(group) > _SIBLINGS_MAX:
            yield f"{indent}{_group_line(group, came)}"
            continue
        for node in group:
            yield f"{indent}{step_line(node.step)}"
            yield from _lines(node.below, f"{indent}  ", whole=whole, came=came)


def _group_line(nodes: list[Node], came: str) -> str:
    first = nodes[0].step
    names = ", ".join(node.step.file.path for node in nodes[:_NAMED])
    datums = len({node.step.datum_id for node in nodes if node.step.datum_id})
    by = f"  by {datums} datum{'s' if datums > 1 else ''} of {first.job.pipeline.name}" if datums else ""
    below = _count(below for node in nodes for below in node.all_below())
    more = f", {came} {below}" if below else ""
    return f"{refer.show_commit(first.file.commit)}: {len(nodes)} files ({names}, ...){by}{more}"


def _count(nodes: Iterable[Node]) -> str:
    """Return ``60 of images, 1 of scripts``: how many files of each repo there are."""
    repos = Counter(repo for repo, _ in sorted({_file(node) for node in nodes}))
    more = ["..."] if len(repos) > _REPOS_MAX else []
    return ", ".join([*(f"{count} of {repo}" for repo, count in repos.most_common(_REPOS_MAX)), *more])


def _file(node: Node) -> tuple[str, str]:
    """Return what is one file in whatever commit."""
    return node.step.file.commit.repo.name, node.step.file.path
