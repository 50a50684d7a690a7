"""Inputs of pipelines in a few words, as lists show them."""

from __future__ import annotations

from collections.abc import Iterator

from trunkline import proto

_OPERATORS = {"cross": " ⨯ ", "union": " ∪ ", "join": " ⨝ ", "group": " ⊔ "}  # noqa: RUF001 - signs of set algebra, as the field shows them


def shorthand(node: proto.pps_pb2.Input) -> str:
    """Return ``photos:/*``, or several of that with a sign of set algebra between them; empty for no input."""
    if node.HasField("pfs"):
        source = node.pfs
        return f"{source.repo or source.name}:{source.glob}"
    if node.HasField("cron"):
        return f"{node.cron.name}:{node.cron.spec}"
    for kind, operator in _OPERATORS.items():
        if children := getattr(node, kind):
            joined = operator.join(shorthand(child) for child in children)
            return f"({'group: ' if kind == 'group' else ''}{joined})"
    return ""


def leaves(node: proto.pps_pb2.Input) -> Iterator[proto.pps_pb2.Input]:
    """Yield the pfs and cron inputs below a node."""
    if node.HasField("pfs") or node.HasField("cron"):
        yield node
    for kind in _OPERATORS:
        for child in getattr(node, kind):
            yield from leaves(child)
