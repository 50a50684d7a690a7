"""What differs between the datums of two jobs, found at the cost of the change: the rest is neither listed nor held."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import chain, islice

from trunkline.model.datums import DatumInput
from trunkline.model.pipelines import Input, PFSInput
from trunkline.pps.datums.enumeration import (
    DatumInputs,
    KeyedBy,
    Leaf,
    Matches,
    are_disjoint,
    cross,
    enumerate_datums,
    identity,
    is_keyed,
    joined_children,
    outer_children,
    sort_input,
)
from trunkline.pps.datums.products import DatumChange, Side, product_changes

_FEW = 1000
_CHANGES_BY_KEY_MAX = 100_000
"""With more changes than that below a join or group, to look at everything is no dearer, and holds less."""


@dataclass(frozen=True, slots=True)
class InputChange:
    """One match that differs between an older job's inputs and this one's. None on the side where there is none."""

    old: DatumInput | None
    new: DatumInput | None


Changes = Callable[[Leaf], Iterable[InputChange]]
"""What differs among a leaf's matches, in path order; nothing when its commit is the same or equal."""


def enumerate_changes(node: Input, matches: Matches, changes: Changes) -> Iterator[DatumChange] | None:
    """Yield the datums that differ from those of an older job; the others are equal. ``matches`` are those of now.

    Of joins and groups the keys that a change touches are looked at, of crosses what a change is combined with. A datum
    of which only ``reference`` inputs differ is told, too.

    None when that takes looking at everything: joins and groups of anything but leaves and their unions, unions of
    joins or groups that may make the same datum, and very many changes below a join or group.
    """
    return _changes(sort_input(node), matches, changes)


def _changes(node: Input, matches: Matches, changes: Changes) -> Iterator[DatumChange] | None:
    if leaf := node.pfs or node.cron:
        return (DatumChange(_alone(each.old), _alone(each.new)) for each in changes(leaf))
    if node.union:
        return _union_changes(node.union, matches, changes)
    if node.cross:
        return _cross_changes(node.cross, matches, changes)
    return _bucket_changes(node, matches, changes) if all(map(is_keyed, node.children)) else None


def _alone(match: DatumInput | None) -> DatumInputs | None:
    return None if match is None else (match,)


def _union_changes(children: Sequence[Input], matches: Matches, changes: Changes) -> Iterator[DatumChange] | None:
    below = [_changes(child, matches, changes) for child in children]
    streams = [each for each in below if each is not None]
    if len(streams) < len(below):
        return None
    if are_disjoint(children):
        return chain.from_iterable(streams)
    return _once(chain.from_iterable(streams)) if _agree_on_what_they_share(children) else None


def _agree_on_what_they_share(children: Sequence[Input]) -> bool:
    """Tell whether a datum that two children make comes, changes and goes in both at once.

    That is so where it is there if and only if its files are: not below joins and groups, where other files count, too.
    And what is named alike has to be the same repo, as the id of a datum leaves out the project.
    """
    if any(node.join or node.group for child in children for node in _nodes(child)):
        return False
    leaves = [leaf for child in children for leaf in child.leaves()]
    named = {_named(leaf) for leaf in leaves}
    return len(named) == len({(_named(leaf), leaf.project, _repo_type(leaf)) for leaf in leaves})


def _nodes(node: Input) -> Iterator[Input]:
    yield node
    for child in node.children:
        yield from _nodes(child)


def _named(leaf: Leaf) -> tuple[str, str, str]:
    return leaf.name, leaf.repo, leaf.branch if isinstance(leaf, PFSInput) else ""


def _repo_type(leaf: Leaf) -> str:
    return leaf.repo_type if isinstance(leaf, PFSInput) else ""


def _once(found: Iterable[DatumChange]) -> Iterator[DatumChange]:
    seen: set[object] = set()
    for change in found:
        key = identity(change.new or change.old or ())
        if key not in seen:
            seen.add(key)
            yield change


# Crosses


def _cross_changes(children: Sequence[Input], matches: Matches, changes: Changes) -> Iterator[DatumChange] | None:
    streams = []
    for child in children:
        stream = _changes(child, matches, changes)
        if stream is None:
            return None
        streams.append(stream)
    firsts = [list(islice(stream, _FEW + 1)) for stream in streams]
    if [len(first) > _FEW for first in firsts].count(True) == 1 == sum(map(bool, firsts)):
        # Much on one side and nothing on the others: that side streams.
        index = next(index for index, first in enumerate(firsts) if first)
        return _spread(chain(firsts[index], streams[index]), index, children, matches)
    changed = [list(chain(first, stream)) for first, stream in zip(firsts, streams, strict=True)]
    return product_changes(
        [Side(own, _unchanged(child, matches, own)) for child, own in zip(children, changed, strict=True)]
    )


def _spread(
    changed: Iterable[DatumChange], index: int, children: Sequence[Input], matches: Matches
) -> Iterator[DatumChange]:
    """Yield each change of one child with every choice of the unchanged others, which are held."""
    before, after = (
        list(cross([enumerate_datums(child, matches) for child in part]) if part else ((),))
        for part in (children[:index], children[index + 1 :])
    )
    for change in changed:
        for head in before:
            for tail in after:
                yield DatumChange(
                    None if change.old is None else head + change.old + tail,
                    None if change.new is None else head + change.new + tail,
                )


def _unchanged(child: Input, matches: Matches, changed: list[DatumChange]) -> Callable[[], Iterable[DatumInputs]]:
    def kept() -> Iterable[DatumInputs]:
        touched = {identity(change.new) for change in changed if change.new is not None}
        found = enumerate_datums(child, matches)
        return found if not touched else (inputs for inputs in found if identity(inputs) not in touched)

    return kept


# Joins and groups


def _bucket_changes(node: Input, matches: Matches, changes: Changes) -> Iterator[DatumChange] | None:
    by_key = _by_key(node.children, changes, KeyedBy.JOIN if node.join else KeyedBy.GROUP)
    if by_key is None:
        return None
    found = _join_changes if node.join else _group_changes
    return found(node.children, matches, by_key)


_ByKey = dict[str, dict[Leaf, list[InputChange]]]


def _by_key(children: Sequence[Input], changes: Changes, keyed_by: KeyedBy) -> _ByKey | None:
    """Return what changed at each leaf, by key, if it is not too much. A path has one key, so a change stays in it."""
    found: _ByKey = {}
    left = _CHANGES_BY_KEY_MAX
    for child in children:
        for leaf in child.leaves():
            for change in changes(leaf):
                match = change.new or change.old
                assert match is not None
                found.setdefault(keyed_by.key(match), {}).setdefault(leaf, []).append(change)
                left -= 1
                if not left:
                    return None
    return found


def _unchanged_in(leaf: Leaf, matches: Matches, keyed_by: KeyedBy, key: str, changed: list[InputChange]) -> DatumInputs:
    touched = {change.new.path for change in changed if change.new is not None}
    return tuple(match for match in matches.bucket(leaf, keyed_by, key) if match.path not in touched)


def _join_changes(children: Sequence[Input], matches: Matches, by_key: _ByKey) -> Iterator[DatumChange]:
    outer = outer_children(children)
    for key, changed in by_key.items():
        sides = [_side(child, matches, key, changed) for child in children]
        before, after = (
            joined_children([bool(kept) or any(map(has, each)) for each, kept in sides], outer) for has in (_was, _is)
        )
        if before == after:
            yield from product_changes([_held(*sides[index]) for index in after])
            continue
        # With a partner more or less, all datums of the key are others.
        for old in cross([[c.old for c in _held(*sides[index]).all() if c.old] for index in before] or [()]):
            yield DatumChange(old, None)
        for new in cross([[c.new for c in _held(*sides[index]).all() if c.new] for index in after] or [()]):
            yield DatumChange(None, new)


def _was(change: DatumChange) -> bool:
    return change.old is not None


def _is(change: DatumChange) -> bool:
    return change.new is not None


def _side(
    child: Input, matches: Matches, key: str, changed: dict[Leaf, list[InputChange]]
) -> tuple[list[DatumChange], list[DatumInputs]]:
    """Return what changed and what did not in one child of a join, of one key."""
    own: list[DatumChange] = []
    kept: list[DatumInputs] = []
    for leaf in child.leaves():
        of_leaf = changed.get(leaf, [])
        own += [DatumChange(_alone(each.old), _alone(each.new)) for each in of_leaf]
        kept += [(match,) for match in _unchanged_in(leaf, matches, KeyedBy.JOIN, key, of_leaf)]
    return own, kept


def _held(changed: list[DatumChange], kept: list[DatumInputs]) -> Side:
    return Side(changed, lambda: kept)


def _group_changes(children: Sequence[Input], matches: Matches, by_key: _ByKey) -> Iterator[DatumChange]:
    leaves = [leaf for child in children for leaf in child.leaves()]
    for key, changed in by_key.items():
        old: DatumInputs = ()
        new: DatumInputs = ()
        for leaf in leaves:
            of_leaf = changed.get(leaf, [])
            kept = _unchanged_in(leaf, matches, KeyedBy.GROUP, key, of_leaf)
            old += _in_path_order(kept, [each.old for each in of_leaf])
            new += _in_path_order(kept, [each.new for each in of_leaf])
        if identity(old) == identity(new):
            yield DatumChange(old, new)
            continue
        if old:
            yield DatumChange(old, None)
        if new:
            yield DatumChange(None, new)


def _in_path_order(kept: DatumInputs, more: Sequence[DatumInput | None]) -> DatumInputs:
    found = [each for each in more if each is not None]
    return tuple(sorted((*kept, *found), key=lambda match: match.path)) if found else kept
