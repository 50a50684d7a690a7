"""Specs from JSON text to values and back, as servers take them: everything unknown or of the wrong type is refused."""

from typing import NoReturn

import msgspec

from trunkline.model.json_text import load_json
from trunkline.model.pipelines import PipelineSpec
from trunkline.pps.spec.form.findings import InvalidSpecError, error
from trunkline.pps.spec.form.schema import DEPTH_MAX, JSON
from trunkline.pps.spec.form.shape import canonical_spec

# Has msgspec prepare the type and all below it now, while no other thread can use it. Else it does so when it first
# makes a value, and a thread that makes one while another has it half prepared crashes the process.
msgspec.json.Decoder(PipelineSpec)


def canonical_data(json_text: str | bytes) -> dict[str, JSON]:
    """Return the fields of a spec in canonical form, nulls kept; InvalidSpecError tells all that is wrong with it."""
    shaped = canonical_spec(load_object(json_text))
    if shaped.findings:
        raise InvalidSpecError(shaped.findings)
    return shaped.data


def load_object(json_text: str | bytes) -> dict[str, JSON]:
    """Return the JSON object in the text, without ``$schema``, or raise InvalidSpecError."""
    try:
        data = load_json(json_text, object_pairs_hook=_object, parse_constant=_no_constant)
    except ValueError as problem:
        raise InvalidSpecError([error("", f"malformed pipeline spec: {problem}")]) from problem
    if _is_deeper(data, DEPTH_MAX):
        message = f"malformed pipeline spec: it is nested more than {DEPTH_MAX} levels deep"
        raise InvalidSpecError([error("", message)])
    if not isinstance(data, dict):
        raise InvalidSpecError([error("", "malformed pipeline spec: it must be a JSON object")])
    return data


def _is_deeper(value: JSON, depth: int) -> bool:
    """Tell whether lists and mappings are nested in more levels than that, without nesting calls as deeply."""
    level = [value]
    for _ in range(depth + 1):
        children: list[JSON] = []
        for each in level:
            if isinstance(each, dict | list):
                children.extend(each.values() if isinstance(each, dict) else each)
        level = children
    return bool(level)


def _object(pairs: list[tuple[str, JSON]]) -> dict[str, JSON]:
    made = dict(pairs)
    if len(made) < len(pairs):
        seen: set[str] = set()
        twice = next(key for key, _ in pairs if key in seen or seen.add(key))  # type: ignore[func-returns-value]
        raise ValueError(f"the key {twice} is given twice")
    made.pop("$schema", None)
    return made


def _no_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is not a JSON number")


def decode_spec(json_text: str | bytes) -> PipelineSpec:
    """Return the spec in JSON text. Keys in camelCase or snake_case; nulls count as absent; InvalidSpecError."""
    return spec_of(canonical_data(json_text))


def spec_of(canonical: dict[str, JSON]) -> PipelineSpec:
    """Return the spec that data in canonical form says."""
    return msgspec.convert(without_nulls(canonical), PipelineSpec)


def without_nulls(value: JSON) -> JSON:
    """Return value less every member that is null."""
    if isinstance(value, dict):
        return {key: without_nulls(item) for key, item in value.items() if item is not None}
    if isinstance(value, list):
        return [without_nulls(item) for item in value]
    return value


def encode_spec(spec: PipelineSpec) -> str:
    """Return the spec as canonical JSON text: camelCase, what is unset left out."""
    return msgspec.json.encode(spec).decode()
