"""Negative groups without look-ahead: as expressions for the paths that they take away.

``/**/!(tmp*).png`` matches what ``/**/*.png`` matches, but for paths with ``tmp`` where the group starts. That can be
said in a second expression if a path has only one place at which the group can start. It is so for a group right after
text that holds a slash, if the number of slashes before or after that text is the same in all paths: then that slash is
the n-th, counted from one end.
"""

from collections.abc import Callable

from trunkline.model.globs.parse import AnyCharacter, CharacterSet, Group, Literal, Node, Sequence, Star

_NO_SLASH = "[^/]*"


def rejections(tree: Sequence, render: Callable[[Sequence], str]) -> tuple[str, ...] | None:
    """Return expressions of which a path that matches loosely must match none; None where that cannot be said.

    render gives the loose expression of a part: what it matches when negative groups match anything without slashes.
    """
    found = []
    for place, node in enumerate(tree):
        if not _has_negation(node):
            continue
        expression = _rejection(tree, place, node, render) if isinstance(node, Group) else None
        if expression is None:
            return None
        found.append(expression)
    return tuple(found)


def _rejection(tree: Sequence, place: int, group: Group, render: Callable[[Sequence], str]) -> str | None:
    if group.quantifier != "!" or any(_has_negation(node) for option in group.options for node in option):
        return None
    before = tree[place - 1] if place else None
    if not isinstance(before, Literal) or "/" not in before.text:
        return None
    options = "|".join(render(option) for option in group.options)
    start = f"^(?:{render(tree[:place])})(?:{options})"
    if _slashes(tree[:place]) is not None:
        return start + ("$" if group.anchored else "(?s:.*)$")
    after = _slashes(tree[place + 1 :])
    if after is None or any(_slashes(option) != 0 for option in group.options):
        return None
    return start + ("$" if group.anchored else f"{_NO_SLASH}(?:/{_NO_SLASH}){{{after}}}$")


def _has_negation(node: Node) -> bool:
    if not isinstance(node, Group):
        return False
    return node.quantifier == "!" or any(_has_negation(each) for option in node.options for each in option)


def _slashes(sequence: Sequence) -> int | None:
    """Return how many slashes sequence matches, if that is always the same number."""
    total = 0
    for node in sequence:
        count = _node_slashes(node)
        if count is None:
            return None
        total += count
    return total


def _node_slashes(node: Node) -> int | None:
    match node:
        case Literal(text):
            return text.count("/")
        case Star(crosses_directories):
            return None if crosses_directories else 0
        case AnyCharacter():
            return 0
        case CharacterSet():
            return None if node.contains("/") else 0
        case Group(quantifier="!"):
            return 0
        case Group():
            counts = {_slashes(option) for option in node.options}
            only = counts.pop() if len(counts) == 1 else None
            return only if not node.quantifier or not only else None
