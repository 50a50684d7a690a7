"""A spec's data brought to canonical form, by type: camelCase keys, numbers as numbers, everything where it belongs.

What is wrong is told with the corrected text, and reading goes on with the correction, so that each slip is told once.
Nulls stay: in a layer they delete.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

from trunkline.model.pipelines import Input, ParallelismSpec, PipelineName, ProjectName, Transform
from trunkline.pps.spec.form.findings import Finding, error, join_path
from trunkline.pps.spec.form.placement import REMOVED, camel_case, find_place, is_list_of_records, list_names
from trunkline.pps.spec.form.scalars import read_scalar, text_of
from trunkline.pps.spec.form.schema import JSON, ListOf, MapOf, Record, Scalar, Shape, spec_schema
from trunkline.pps.spec.form.shell import argv_of

_ABBREVIATED = {PipelineName: "name", ProjectName: "name", ParallelismSpec: "constant", Transform: "cmd"}
"""The one field that is meant when a lone value stands where a record should."""

_SHOWN_FIELDS_MAX = 12
COMBINATIONS = ("cross", "union", "join", "group")


@dataclass(frozen=True, slots=True)
class Shaped:
    """Data in canonical form, what had to be corrected to make it so, and where it stood before."""

    data: dict[str, JSON]
    findings: list[Finding]
    moved: dict[str, str]
    """Paths of values that were put where they belong, with the paths that they had."""

    def original_path(self, path: str) -> str:
        """Return where the field at path stands in the document."""
        for new, old in self.moved.items():
            if path == new or path.startswith((f"{new}.", f"{new}[")):
                return old + path[len(new) :]
        return path


def canonical_spec(data: object) -> Shaped:
    """Return data in canonical form, corrected where needed, and an error for each correction."""
    reading = _Reading()
    shaped = reading.read_record(data, spec_schema(), "")
    reading.place_lifted(shaped)
    return Shaped(shaped, reading.findings, reading.moved)


@dataclass(slots=True)
class _Reading:
    findings: list[Finding] = field(default_factory=list)
    lifted: list[tuple[str, object]] = field(default_factory=list)
    """Values found deep down that belong at the top level."""
    moved: dict[str, str] = field(default_factory=dict)

    def refuse(self, path: str, message: str, correction: object = None) -> None:
        self.findings.append(error(path, message, correction))

    def place_lifted(self, shaped: dict[str, JSON]) -> None:
        for name, value in self.lifted:
            if name not in shaped:
                shaped[name] = self.read(value, spec_schema().fields[name], name)

    def read(self, value: object, shape: Shape, path: str) -> JSON:
        if value is None:
            return None
        match shape:
            case Scalar():
                return self.read_scalar(value, shape, path)
            case ListOf():
                return self.read_list(value, shape, path)
            case MapOf():
                return self.read_map(value, shape, path)
            case Record():
                return self.read_record(value, shape, path)

    def read_scalar(self, value: object, shape: Scalar, path: str) -> object:
        read, complaint = read_scalar(value, shape)
        if complaint:
            self.refuse(path, complaint.message, _at(path, complaint.corrected))
        return read

    def read_list(self, value: object, shape: ListOf, path: str) -> list[JSON]:
        if not isinstance(value, list):
            value = self._as_list(value, shape, path)
        items = []
        for index, item in enumerate(value):
            if item is None:
                self.refuse(join_path(path, index), "is empty: null is no value in a list")
            elif (read := self.read(item, shape.item, join_path(path, index))) is not None:
                items.append(read)
        return items

    def _as_list(self, value: object, shape: ListOf, path: str) -> list[object]:
        key = path.rpartition(".")[2]
        if isinstance(shape.item, Record) and isinstance(value, dict):
            self.refuse(path, "must be a list", {key: [value]})
            return [value]
        if isinstance(value, str) and shape.item == Scalar("string"):
            items = _split(key, value)
            self.refuse(path, f"must be a list of strings, {_unit(key)}", {key: items})
            return list(items)
        if isinstance(value, int) and isinstance(shape.item, Scalar) and not isinstance(value, bool):
            corrected: object = text_of(value) if shape.item.kind == "string" else value
            self.refuse(path, "must be a list", {key: [corrected]})
            return [corrected]
        self.refuse(path, "must be a list")
        return []

    def read_map(self, value: object, shape: MapOf, path: str) -> dict[str, JSON]:
        if not isinstance(value, dict):
            corrected = _pairs(value)
            self.refuse(path, "must be a mapping of names to values", _at(path, corrected))
            value = corrected or {}
        if shape.value is None:
            return dict(value)
        return {key: self.read(item, shape.value, join_path(path, key)) for key, item in value.items()}

    def read_record(self, value: object, record: Record, path: str) -> dict[str, JSON]:
        if not isinstance(value, dict):
            value = self._as_record(value, record, path)
        present, unknown = self._sort_keys(value, record, path)
        self._place_all({key: value[key] for key in unknown}, record, present, path)
        return {name: self.read(item, record.fields[name], join_path(path, name)) for name, item in present.items()}

    def _sort_keys(self, value: Mapping[str, object], record: Record, path: str) -> tuple[dict[str, object], list[str]]:
        present: dict[str, object] = {}
        unknown = []
        for key, item in value.items():
            name = record.find(key)
            if name is None:
                unknown.append(key)
            elif name in present:
                self.refuse(join_path(path, name), "is given twice, in camelCase and in snake_case")
            else:
                present[name] = item
        return present, unknown

    def _as_record(self, value: object, record: Record, path: str) -> dict[str, object]:
        key = path.rpartition(".")[2]
        if record.type is Input and isinstance(value, list):
            corrected = value[0] if len(value) == 1 else {"cross": value}
            self.refuse(path, "must be one input; combine several with cross, union, join or group", {key: corrected})
            return corrected if isinstance(corrected, dict) else {}
        if (short := _ABBREVIATED.get(record.type)) and not isinstance(value, list | dict):
            corrected = {short: _short_value(record.fields[short], value)}
            self.refuse(path, f"must be a mapping with the key {short}", {key: corrected})
            return corrected
        self.refuse(path, f"must be a mapping with keys such as {', '.join(list(record.fields)[:3])}")
        return {}

    def _place_all(self, unknown: dict[str, object], record: Record, present: dict[str, object], path: str) -> None:
        """Tell where unknown keys belong, and put their values there for the rest of the reading."""
        down: dict[tuple[str, ...], list[tuple[str, str]]] = {}
        for key, item in unknown.items():
            if camel_case(key) in REMOVED:
                self.refuse(join_path(path, key), "unknown field; it went away with version 1: take it out")
                continue
            place = find_place(key, record, present, root=spec_schema())
            here = join_path(path, key)
            if place is None:
                self.refuse(here, f"unknown field; the fields here are {list_names(record)}")
            elif place.from_root:
                self._lift(here, place.fields[0], item)
            elif len(place.fields) == 1:
                self._rename(here, place.fields[0], item, record, present)
            else:
                *way, name = place.fields
                if record.type is Input and (combined := next((kind for kind in COMBINATIONS if kind in present), "")):
                    self.refuse(here, f"unknown field; {name} belongs in each input in {join_path(path, combined)}")
                    continue
                down.setdefault(tuple(way), []).append((key, name))
        for way_down, keys in down.items():
            self._move_down(way_down, keys, unknown, present, path)

    def _lift(self, here: str, name: str, item: object) -> None:
        self.lifted.append((name, item))
        self.moved[name] = here
        self.refuse(here, f"unknown field; {name} belongs at the top level of the spec", _shown({name: item}))

    def _rename(self, here: str, name: str, item: object, record: Record, present: dict[str, object]) -> None:
        if name in present:
            self.refuse(here, f"unknown field; did you mean {name}, which is given as well?")
            return
        shape = record.fields[name]
        if isinstance(shape, Record) and not isinstance(item, dict | list) and shape.type in _ABBREVIATED:
            item = {_ABBREVIATED[shape.type]: item}
        self.refuse(here, f"unknown field; did you mean {name}?", _shown({name: item}))
        if isinstance(item, dict | list) or not is_list_of_records(shape):
            present[name] = item
            self.moved[join_path(here.rpartition(".")[0], name)] = here

    def _move_down(
        self,
        way: tuple[str, ...],
        keys: list[tuple[str, str]],
        unknown: dict[str, object],
        present: dict[str, object],
        path: str,
    ) -> None:
        target = present
        for step in way:
            inner = target.get(step)
            # A copy, so that the data of the document stays as written.
            copied: dict[str, object] = dict(inner) if isinstance(inner, dict) else {}
            target[step] = copied
            target = copied
        belongs = ".".join((path, *way) if path else way)
        for key, name in [each for each in keys if each[1] in target]:
            self.refuse(join_path(path, key), f"unknown field; {name} belongs in {belongs}, where it is given as well")
            keys.remove((key, name))
        if not keys:
            return
        for key, name in keys:
            target[name] = unknown[key]
            self.moved[".".join((path, *way, name) if path else (*way, name))] = join_path(path, key)
        names = " and ".join(", ".join(name for _, name in keys).rsplit(", ", 1))
        message = f"{names} {'belongs' if len(keys) == 1 else 'belong'} in {belongs}"
        here = join_path(path, keys[0][0])
        self.refuse(here, f"unknown field; {message}", _shown({way[0]: present[way[0]]}))


def _short_value(shape: Shape, value: object) -> object:
    if isinstance(shape, ListOf):
        return argv_of(text_of(value))
    return text_of(value) if shape == Scalar("string") else value


def _at(path: str, corrected: object) -> object:
    """Return the correction with its key, but alone for an item of a list."""
    if corrected is None or path.endswith("]"):
        return corrected
    return {path.rpartition(".")[2]: corrected}


def _shown(correction: dict[str, object]) -> object:
    """Return the correction, or nothing where it would be a page of text."""
    return correction if _count(correction) <= _SHOWN_FIELDS_MAX else None


def _count(value: object) -> int:
    if isinstance(value, dict):
        return sum(1 + _count(item) for item in value.values())
    if isinstance(value, list):
        return sum(_count(item) for item in value)
    return 0


def _unit(key: str) -> str:
    return (
        "one for each line" if key in ("stdin", "errStdin") else "one for each argument" if "md" in key else "one each"
    )


def _split(key: str, text: str) -> list[str]:
    if key in ("stdin", "errStdin"):
        return text.splitlines()
    return argv_of(text) if key in ("cmd", "errCmd") else [text]


def _pairs(value: object) -> dict[str, str] | None:
    """Return the mapping that ``[{name: A, value: b}]`` or ``["A=b"]`` means."""
    pairs: dict[str, str] = {}
    for item in value if isinstance(value, list) else [value]:
        match item:
            case {"name": str(name), "value": inner, **rest} if not rest and not isinstance(inner, dict | list):
                pairs[name] = text_of(inner)
            case str() if "=" in item:
                name, _, pairs_value = item.partition("=")
                pairs[name] = pairs_value
            case {**one} if len(one) == 1 and not any(isinstance(each, dict | list) for each in one.values()):
                pairs.update({str(key): text_of(each) for key, each in one.items()})
            case _:
                return None
    return pairs or None
