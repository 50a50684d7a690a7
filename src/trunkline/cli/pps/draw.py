"""The command that draws pipelines and the repos between them."""

from __future__ import annotations

import click

from trunkline import proto
from trunkline.cli import references as refer
from trunkline.cli.options import command, pass_session, project_option
from trunkline.cli.session import Session
from trunkline.cli.show.inputs import leaves
from trunkline.cli.show.terminal import say

Graph = dict[str, list[str]]
"""What each node is computed from."""
_GAP = 3


@command("pipeline")
@click.option("-c", "--commit", default="", help="The pipelines as they were at this commit set.")
@click.option("--box-width", default=11, show_default=True, help="How many characters of a name to show.")
@click.option("--edge-height", default=5, hidden=True)
@project_option
@pass_session
def draw_pipeline(session: Session, *, commit: str, box_width: int, edge_height: int, project: str | None) -> None:
    """Draw the graph of pipelines.

    Data flows downwards; a line below a box names what reads it.
    """
    request = proto.pps_pb2.ListPipelineRequest(details=True, projects=[refer.project(session.project(project))])
    if commit:
        request.commit_set.id = commit
    graph: Graph = {}
    broken: list[str] = []
    for info in session.client.pps.ListPipeline(request):
        sources = [leaf.pfs.repo or leaf.cron.repo or leaf.cron.name for leaf in leaves(info.details.input)]
        graph[info.pipeline.name] = list(dict.fromkeys(sources))
        if info.state == proto.pps_pb2.PIPELINE_FAILURE:
            broken.append(f"{info.pipeline.name}: {info.reason or info.details.reason}")
    for line in draw(graph, box_width=box_width):
        say(line)
    for line in broken:  # a box looks the same whether what it reads is there or not
        say(line)


def draw(graph: Graph, *, box_width: int) -> list[str]:
    """Return the lines of a drawing: one row of boxes for each step that data takes."""
    depths = _depths(graph)
    lines: list[str] = []
    for depth in range(max(depths.values(), default=-1) + 1):
        names = sorted(name for name in depths if depths[name] == depth)
        if lines:
            lines.append("")
        lines += _boxes([(name, graph.get(name, [])) for name in names], box_width)
    return lines


def _depths(graph: Graph) -> dict[str, int]:
    depths: dict[str, int] = {}

    def depth_of(name: str, seen: tuple[str, ...] = ()) -> int:
        if name not in depths:
            # A pipeline cannot read itself, but a deleted and made anew one may seem to.
            sources = [source for source in graph.get(name, []) if source not in (*seen, name)]
            depths[name] = 1 + max((depth_of(source, (*seen, name)) for source in sources), default=-1)
        return depths[name]

    for name, sources in graph.items():
        for each in (name, *sources):
            depth_of(each)
    return depths


def _boxes(nodes: list[tuple[str, list[str]]], box_width: int) -> list[str]:
    """Return a row of boxes with the names of their sources above them."""
    columns = []
    for name, sources in nodes:
        shown = name if len(name) <= box_width else name[: box_width - 1] + "…"
        above = ", ".join(sources)
        width = max(box_width + 2, len(above))
        column = [above.center(width), "↓".center(width)] if sources else [" " * width, " " * width]
        box = ["┌" + "─" * box_width + "┐", "│" + shown.center(box_width) + "│", "└" + "─" * box_width + "┘"]
        columns.append([*column, *(line.center(width) for line in box)])
    rows = [(" " * _GAP).join(cells).rstrip() for cells in zip(*columns, strict=True)]
    return [row for row in rows if row]
