"""The shape of a spec, read off the types in `trunkline.model.pipelines`: which keys there are and what they hold."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cache
from typing import Any, cast

import msgspec
from msgspec import inspect

from trunkline.model.pipelines import PipelineSpec

JSON = Any
"""What a JSON text holds: type by type found out, so of no one type."""

DEPTH_MAX = 100
"""How many levels of lists and mappings a spec may have: as many as messages of the wire."""


@dataclass(frozen=True, slots=True)
class Scalar:
    """One value. ``kind`` is string, bool, int, float, duration, timestamp or enum."""

    kind: str
    names: tuple[str, ...] = ()
    low: int = 0
    high: int = 0


@dataclass(frozen=True, slots=True)
class ListOf:
    """A list of values of one shape."""

    item: "Shape"


@dataclass(frozen=True, slots=True)
class MapOf:
    """Free keys; values of one shape, or any when it is None."""

    value: "Shape | None"


@dataclass(frozen=True, slots=True, eq=False)
class Record:
    """Fixed keys. ``fields`` has each under its camelCase name, `find` knows the snake_case one, too."""

    type: type[msgspec.Struct]
    fields: dict[str, "Shape"] = field(default_factory=dict)
    spellings: dict[str, str] = field(default_factory=dict)

    def find(self, key: str) -> str | None:
        """Return the camelCase name of the field that key spells, or None."""
        return self.spellings.get(key)

    def children(self) -> Iterator[tuple[str, "Record"]]:
        """Yield the fields that are records themselves."""
        for name, shape in self.fields.items():
            if isinstance(shape, Record):
                yield name, shape


Shape = Scalar | ListOf | MapOf | Record


@cache
def spec_schema() -> Record:
    """Return the shape of a whole spec."""
    built: dict[type, Record] = {}
    return cast("Record", _shape(inspect.type_info(PipelineSpec), built))


def _shape(info: inspect.Type, built: dict[type, Record]) -> Shape:  # noqa: PLR0911 - a table of types
    match info:
        case inspect.UnionType():
            (inner,) = (each for each in info.types if not isinstance(each, inspect.NoneType))
            return _shape(inner, built)
        case inspect.Metadata():
            extra = info.extra or {}
            return Scalar(extra["kind"], names=extra.get("names", ()))
        case inspect.StructType():
            return _record(info, built)
        case inspect.VarTupleType():
            return ListOf(_shape(info.item_type, built))
        case inspect.DictType():
            free = not isinstance(info.value_type, inspect.StrType)
            return MapOf(None if free else _shape(info.value_type, built))
        case inspect.IntType():
            return Scalar("int", low=info.ge or 0, high=info.le or 0)
        case inspect.BoolType():
            return Scalar("bool")
        case inspect.FloatType():
            return Scalar("float")
        case inspect.StrType():
            return Scalar("string")
    raise AssertionError(f"no shape for {info}")


def _record(info: inspect.StructType, built: dict[type, Record]) -> Record:
    if info.cls in built:
        return built[info.cls]
    record = built[info.cls] = Record(info.cls)
    for each in info.fields:
        record.fields[each.encode_name] = _shape(each.type, built)
        record.spellings[each.encode_name] = each.encode_name
        record.spellings[each.name] = each.encode_name
    return record
