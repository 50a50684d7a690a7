"""From an input tree and the matches of its leaves to datums (reference, sections 3.5 and 4.1).

A leaf's matches come from outside, in path order, or by key. Leaves, unions, the first input of a cross, and joins and
groups of leaves stream; the other inputs of a cross, and joins and groups of anything else, are held while they are
combined.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from enum import StrEnum
from heapq import merge
from itertools import groupby, product
from operator import attrgetter
from typing import Protocol

from msgspec.structs import replace

from trunkline.model.datums import DatumInput, InputSource
from trunkline.model.globs.dialect import Match, compile_glob
from trunkline.model.pipelines import CronInput, Input, PFSInput

Leaf = PFSInput | CronInput
DatumInputs = tuple[DatumInput, ...]


class KeyedBy(StrEnum):
    """Which template makes the key of a match: the field of `DatumInput` that holds it."""

    JOIN = "join_on"
    GROUP = "group_by"

    def key(self, match: DatumInput) -> str:
        """Return the key of a match."""
        return match.join_on if self is KeyedBy.JOIN else match.group_by


class Matches(Protocol):
    """What the globs of leaves match in the commits at hand."""

    def listed(self, leaf: Leaf) -> Iterable[DatumInput]:
        """Return the matches in path order."""

    def by_key(self, leaf: Leaf, keyed_by: KeyedBy) -> Iterable[DatumInput]:
        """Return the matches by key, those of one key in path order."""

    def bucket(self, leaf: Leaf, keyed_by: KeyedBy, key: str) -> Sequence[DatumInput]:
        """Return the matches of one key in path order."""


class ListedMatches(Matches):
    """Matches that nobody keeps sorted by key: a list of each leaf's is sorted whenever it is asked for."""

    def __init__(self, listed: Callable[[Leaf], Iterable[DatumInput]]) -> None:
        self._listed = listed

    def listed(self, leaf: Leaf) -> Iterable[DatumInput]:
        """Return the matches in path order."""
        return self._listed(leaf)

    def by_key(self, leaf: Leaf, keyed_by: KeyedBy) -> Iterable[DatumInput]:
        """Return the matches by key."""
        return sorted(self.listed(leaf), key=attrgetter(keyed_by))

    def bucket(self, leaf: Leaf, keyed_by: KeyedBy, key: str) -> Sequence[DatumInput]:
        """Return the matches of one key."""
        return [each for each in self.listed(leaf) if keyed_by.key(each) == key]


def leaf_glob(leaf: Leaf) -> str:
    """Return the glob of a leaf; a cron input takes each of its tick files."""
    return leaf.glob if isinstance(leaf, PFSInput) else "/*"


def datum_input(
    source: InputSource,
    path: str,
    hash: bytes,  # noqa: A002 - the field's word
    size_bytes: int,
    *,
    match: Match | None = None,
    leaf: Leaf,
) -> DatumInput:
    """Return the input that a matched path makes, its templates filled in from the match's captures.

    Without a match the path is matched here, if a template takes it.
    """
    if isinstance(leaf, CronInput) or not (leaf.join_on or leaf.group_by):
        return DatumInput(source, path, hash, size_bytes)
    if match is None:
        match = compile_glob(leaf.glob).match(path) or Match(path.rstrip("/") or "/")
    return DatumInput(source, path, hash, size_bytes, match.expand(leaf.join_on), match.expand(leaf.group_by))


def sort_input(node: Input) -> Input:
    """Return the tree with the inputs of every cross, join, group and union in the order of their names."""

    def ordered(children: tuple[Input, ...] | None) -> tuple[Input, ...] | None:
        return None if children is None else tuple(sorted(map(sort_input, children), key=_place))

    return replace(
        node, join=ordered(node.join), group=ordered(node.group), cross=ordered(node.cross), union=ordered(node.union)
    )


def _place(node: Input) -> list[tuple[str, ...]]:
    """Return what an input is sorted by: its name, and what it reads where names are equal."""
    return [(leaf.name, leaf.project, leaf.repo, _branch(leaf), leaf_glob(leaf)) for leaf in node.leaves()]


def enumerate_datums(node: Input, matches: Matches) -> Iterator[DatumInputs]:
    """Yield the inputs of every datum, each datum once, in an order that is the same however the user listed them."""
    return _enumerate(sort_input(node), matches)


def _enumerate(node: Input, matches: Matches) -> Iterator[DatumInputs]:
    if leaf := node.pfs or node.cron:
        return ((match,) for match in matches.listed(leaf))
    if node.union:
        return _union(node.union, matches)
    if node.cross:
        return cross([_enumerate(child, matches) for child in node.cross])
    if node.join:
        return _join(node.join, matches)
    return _group(node.group or (), matches)


def _union(children: Sequence[Input], matches: Matches) -> Iterator[DatumInputs]:
    streams = [_enumerate(child, matches) for child in children]
    if are_disjoint(children):
        for stream in streams:
            yield from stream
        return
    seen: set[tuple[tuple[str, str, str, str], ...]] = set()
    for stream in streams:
        for inputs in stream:
            key = identity(inputs)
            if key not in seen:
                seen.add(key)
                yield inputs


def identity(inputs: DatumInputs) -> tuple[tuple[str, str, str, str], ...]:
    """Return what the id of a datum is made from."""
    return tuple((each.source.name, each.source.repo, each.source.branch, each.path) for each in inputs)


def are_disjoint(children: Sequence[Input]) -> bool:
    """Tell whether no two children can make the same datum, because they read different things."""
    total = [set(map(_reads, child.leaves())) for child in children]
    return sum(map(len, total)) == len(set().union(*total))


def _reads(leaf: Leaf) -> tuple[str, str, str]:
    return leaf.name, leaf.repo, _branch(leaf)


def _branch(leaf: Leaf) -> str:
    return leaf.branch if isinstance(leaf, PFSInput) else ""


def cross(streams: Sequence[Iterable[DatumInputs]]) -> Iterator[DatumInputs]:
    """Yield every choice of one from each stream. All but the first are held."""
    first, *others = streams
    if not others:
        yield from first
        return
    tails = [tuple(each for inputs in tail for each in inputs) for tail in _product([list(each) for each in others])]
    if tails:
        for inputs in first:
            for tail in tails:
                yield inputs + tail


def _product(choices: Sequence[Sequence[DatumInputs]]) -> Iterator[tuple[DatumInputs, ...]]:
    return iter(()) if not all(choices) else product(*choices)


def _join(children: Sequence[Input], matches: Matches) -> Iterator[DatumInputs]:
    outer = outer_children(children)
    for bucket in _buckets(children, matches, KeyedBy.JOIN):
        yield from cross([bucket[index] for index in joined_children(list(map(bool, bucket)), outer)] or [()])


def outer_children(children: Sequence[Input]) -> list[bool]:
    """Return which inputs of a join stay when a partner is missing."""
    return [any(isinstance(leaf, PFSInput) and leaf.outer_join for leaf in child.leaves()) for child in children]


def joined_children(present: Sequence[bool], outer: Sequence[bool]) -> list[int]:
    """Return which inputs of a join make the datums of a bucket, given which of them have something in it."""
    everything = all(present)
    return [index for index, stays in enumerate(outer) if everything or (stays and present[index])]


def _group(children: Sequence[Input], matches: Matches) -> Iterator[DatumInputs]:
    for bucket in _buckets(children, matches, KeyedBy.GROUP):
        # Keys for their order: one input may be reached through several datums of a join below.
        yield tuple(dict.fromkeys(each for child in bucket for inputs in child for each in inputs))


def _buckets(children: Sequence[Input], matches: Matches, keyed_by: KeyedBy) -> Iterator[list[list[DatumInputs]]]:
    """Yield, by key, what each child has of it."""
    if all(map(is_keyed, children)):
        streams = [_numbered(index, child, matches, keyed_by) for index, child in enumerate(children)]
        for _, members in groupby(merge(*streams, key=_key), key=_key):
            bucket: list[list[DatumInputs]] = [[] for _ in children]
            for _, index, inputs in members:
                bucket[index].append(inputs)
            yield bucket
        return
    buckets: dict[str, list[list[DatumInputs]]] = {}
    for index, child in enumerate(children):
        for inputs in _enumerate(child, matches):
            key = next((found for each in inputs if (found := keyed_by.key(each))), "")
            buckets.setdefault(key, [[] for _ in children])[index].append(inputs)
    for key in sorted(buckets):
        yield buckets[key]


_Keyed = tuple[str, int, DatumInputs]


def _key(keyed: _Keyed) -> str:
    return keyed[0]


def _numbered(index: int, child: Input, matches: Matches, keyed_by: KeyedBy) -> Iterator[_Keyed]:
    """Yield what a child that is keyed has, by key, and of one key in the order of its leaves."""
    streams = [
        ((keyed_by.key(match), index, (match,)) for match in matches.by_key(leaf, keyed_by)) for leaf in child.leaves()
    ]
    yield from streams[0] if len(streams) == 1 else merge(*streams, key=_key)


def is_keyed(node: Input) -> bool:
    """Tell whether a child of a join or group can be read by key: a leaf, or a union of leaves that do not overlap."""
    if node.pfs or node.cron:
        return True
    return bool(node.union) and are_disjoint(node.union or ()) and all(map(is_keyed, node.union or ()))


def keyed_leaves(node: Input) -> Iterator[tuple[Leaf, KeyedBy]]:
    """Yield the leaves of a tree that are read by key."""
    for children, keyed_by in ((node.join, KeyedBy.JOIN), (node.group, KeyedBy.GROUP)):
        if children and all(map(is_keyed, children)):
            yield from ((leaf, keyed_by) for child in children for leaf in child.leaves())
            return
    for child in node.children:
        yield from keyed_leaves(child)
