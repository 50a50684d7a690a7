"""What differs between two products when what they are made of differs a little."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass

from trunkline.pps.datums.enumeration import DatumInputs


@dataclass(frozen=True, slots=True)
class DatumChange:
    """The inputs of one datum that differ between an older job and this one. None where there is no such datum."""

    old: DatumInputs | None
    new: DatumInputs | None


@dataclass(frozen=True, slots=True)
class Side:
    """What one input of a product has: what changed, and how to list what did not."""

    changed: Sequence[DatumChange]
    kept: Callable[[], Iterable[DatumInputs]]

    def all(self) -> Iterator[DatumChange]:
        """Yield both, what did not change as a change of nothing."""
        yield from self.changed
        yield from (DatumChange(inputs, inputs) for inputs in self.kept())


def product_changes(sides: Sequence[Side]) -> Iterator[DatumChange]:
    """Yield every choice of one from each side in which at least one has changed."""
    for index, side in enumerate(sides):
        if not side.changed:
            continue
        # Each choice is told by the first side at which it has changed.
        heads = _choices([_kept(each) for each in sides[:index]])
        tails = _choices([each.all() for each in sides[index + 1 :]])
        if index + 1 < len(sides) and index:
            held = list(tails)
            found = (_joined(head, change, tail) for head in heads for change in side.changed for tail in held)
        else:
            rest = heads if index else tails
            found = (
                _joined(other, change) if index else _joined(change, other) for other in rest for change in side.changed
            )
        yield from (change for change in found if change.old is not None or change.new is not None)


def _kept(side: Side) -> Iterator[DatumChange]:
    return (DatumChange(inputs, inputs) for inputs in side.kept())


def _choices(streams: Sequence[Iterable[DatumChange]]) -> Iterator[DatumChange]:
    """Yield every choice of one from each stream. All but the first are held."""
    if not streams:
        yield DatumChange((), ())
        return
    held = list(_choices(streams[1:]))
    for first in streams[0] if held else ():
        for rest in held:
            yield _joined(first, rest)


def _joined(*parts: DatumChange) -> DatumChange:
    olds, news = [part.old for part in parts], [part.new for part in parts]
    return DatumChange(_concatenated(olds), _concatenated(news))


def _concatenated(parts: Sequence[DatumInputs | None]) -> DatumInputs | None:
    found: DatumInputs = ()
    for part in parts:
        if part is None:
            return None
        found += part
    return found
