"""From an input tree and the matches of its leaves to datums (reference, sections 3.5 and 4.1).

A leaf's matches come from outside, in path order. Leaves, unions and the first input of a cross stream; the other
inputs of a cross, and joins and groups, are held while they are combined.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import product

from msgspec.structs import replace

from trunkline.model.datums import DatumInput, InputSource
from trunkline.model.globs import Match, compile_glob
from trunkline.model.pipelines import CronInput, Input, PFSInput

Leaf = PFSInput | CronInput
Matches = Callable[[Leaf], Iterable[DatumInput]]
"""What a leaf's glob matches in the commit at hand, in path order."""
DatumInputs = tuple[DatumInput, ...]


@dataclass(frozen=True, slots=True)
class InputChange:
    """One match that differs between an older job's inputs and this one's. None on the side where there is none."""

    old: DatumInput | None
    new: DatumInput | None


@dataclass(frozen=True, slots=True)
class DatumChange:
    """The inputs of one datum that differ between an older job and this one. None where there is no such datum."""

    old: DatumInputs | None
    new: DatumInputs | None


Changes = Callable[[Leaf], Iterable[InputChange]]
"""What differs among a leaf's matches, in path order; nothing when its commit is the same or equal."""


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
        return None if children is None else tuple(sorted(map(sort_input, children), key=input_name))

    return replace(
        node, join=ordered(node.join), group=ordered(node.group), cross=ordered(node.cross), union=ordered(node.union)
    )


def input_name(node: Input) -> str:
    """Return the name that an input is sorted by: a leaf's own, otherwise that of its first leaf."""
    return next((leaf.name for leaf in node.leaves()), "")


def enumerate_datums(node: Input, matches: Matches) -> Iterator[DatumInputs]:
    """Yield the inputs of every datum, each datum once, in an order that is the same however the user listed them."""
    return _enumerate(sort_input(node), matches)


def _enumerate(node: Input, matches: Matches) -> Iterator[DatumInputs]:
    if leaf := node.pfs or node.cron:
        return ((match,) for match in matches(leaf))
    if node.union:
        return _union(node.union, matches)
    if node.cross:
        return _cross([_enumerate(child, matches) for child in node.cross])
    if node.join:
        return _join(node.join, matches)
    return _group(node.group or (), matches)


def _union(children: Sequence[Input], matches: Matches) -> Iterator[DatumInputs]:
    streams = [_enumerate(child, matches) for child in children]
    if _are_disjoint(children):
        for stream in streams:
            yield from stream
        return
    seen: set[tuple[tuple[str, str, str, str], ...]] = set()
    for stream in streams:
        for inputs in stream:
            key = tuple((each.source.name, each.source.repo, each.source.branch, each.path) for each in inputs)
            if key not in seen:
                seen.add(key)
                yield inputs


def _are_disjoint(children: Sequence[Input]) -> bool:
    """Tell whether no two children can make the same datum, because they read different things."""
    total = [set(map(_reads, child.leaves())) for child in children]
    return sum(map(len, total)) == len(set().union(*total))


def _reads(leaf: Leaf) -> tuple[str, str, str]:
    return leaf.name, leaf.repo, leaf.branch if isinstance(leaf, PFSInput) else ""


def _cross(streams: Sequence[Iterator[DatumInputs]]) -> Iterator[DatumInputs]:
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
    buckets: dict[str, list[list[DatumInputs]]] = {}
    for index, child in enumerate(children):
        for inputs in _enumerate(child, matches):
            key = next((each.join_on for each in inputs if each.join_on), "")
            buckets.setdefault(key, [[] for _ in children])[index].append(inputs)
    stays = [any(isinstance(leaf, PFSInput) and leaf.outer_join for leaf in child.leaves()) for child in children]
    for key in sorted(buckets):
        bucket = buckets[key]
        if not all(bucket):
            bucket = [inputs for inputs, outer in zip(bucket, stays, strict=True) if outer and inputs]
        if bucket:
            yield from _cross([iter(inputs) for inputs in bucket])


def _group(children: Sequence[Input], matches: Matches) -> Iterator[DatumInputs]:
    # The values are keys for their order: one input may be reached through several datums of a join below.
    groups: dict[str, dict[DatumInput, None]] = {}
    for child in children:
        for inputs in _enumerate(child, matches):
            key = next((each.group_by for each in inputs if each.group_by), "")
            groups.setdefault(key, {}).update(dict.fromkeys(inputs))
    for key in sorted(groups):
        yield tuple(groups[key])


def enumerate_changes(node: Input, matches: Matches, changes: Changes) -> Iterator[DatumChange] | None:
    """Yield the datums that differ from those of an older job, at the cost of the change; the others are equal.

    None when the tree's shape takes looking at everything: joins, groups, unions whose inputs overlap, and crosses of
    which more than one input changed. A datum of which only ``reference`` inputs differ is told, too.
    """
    return _changes(sort_input(node), matches, changes)


def _changes(node: Input, matches: Matches, changes: Changes) -> Iterator[DatumChange] | None:
    if leaf := node.pfs or node.cron:
        return (
            DatumChange(None if each.old is None else (each.old,), None if each.new is None else (each.new,))
            for each in changes(leaf)
        )
    if node.union and _are_disjoint(node.union):
        below = [_changes(child, matches, changes) for child in node.union]
        return _chained([each for each in below if each is not None]) if None not in below else None
    if node.cross:
        return _cross_changes(node.cross, matches, changes)
    return None


def _chained(streams: Sequence[Iterator[DatumChange]]) -> Iterator[DatumChange]:
    for stream in streams:
        yield from stream


def _cross_changes(children: Sequence[Input], matches: Matches, changes: Changes) -> Iterator[DatumChange] | None:
    changed: tuple[int, list[DatumChange]] | None = None
    for index, child in enumerate(children):
        stream = _changes(child, matches, changes)
        if stream is None:
            return None
        if found := list(stream):
            if changed is not None:
                return None
            changed = (index, found)
    if changed is None:
        return iter(())
    return _spread(*changed, children, matches)


def _spread(
    index: int, changed: Sequence[DatumChange], children: Sequence[Input], matches: Matches
) -> Iterator[DatumChange]:
    """Yield each change of one child with every choice of the unchanged others."""
    before = list(_cross_or_nothing(children[:index], matches))
    after = list(_cross_or_nothing(children[index + 1 :], matches))
    for head in before:
        for change in changed:
            for tail in after:
                yield DatumChange(
                    None if change.old is None else head + change.old + tail,
                    None if change.new is None else head + change.new + tail,
                )


def _cross_or_nothing(children: Sequence[Input], matches: Matches) -> Iterator[DatumInputs]:
    return _cross([_enumerate(child, matches) for child in children]) if children else iter([()])
