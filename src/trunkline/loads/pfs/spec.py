"""Specs of load tests: YAML or JSON, keys in camelCase or snake_case."""

import re
from typing import Annotated, Any

import msgspec
from msgspec import Meta

from trunkline.errors import InvalidInputError
from trunkline.model.yaml_text import load_yaml

_Count = Annotated[int, Meta(ge=1)]
_Size = Annotated[int, Meta(ge=0)]
_UNDERSCORE = re.compile(r"_([a-z])")


class _Part(msgspec.Struct, frozen=True, rename="camel", forbid_unknown_fields=True):
    """What every part of a spec has in common."""


class PutFile(_Part, frozen=True):
    """How many files a task writes, and where they come from."""

    count: _Count
    source: str


class Modification(_Part, frozen=True):
    """Tasks that each write a file set, all at the same time."""

    count: _Count
    put_file: PutFile


class Sizes(_Part, frozen=True):
    """A range of sizes in bytes, both ends included, and how many files of a hundred are in it."""

    min: _Size
    max: _Size
    prob: Annotated[int, Meta(ge=0, le=100)]


class Depth(_Part, frozen=True):
    """How many directories a file lies in, both ends included."""

    min: _Size
    max: _Size


class Directory(_Part, frozen=True):
    """Where files lie: in a new directory after every run of so many."""

    depth: Depth
    run: _Count = 1


class RandomFiles(_Part, frozen=True):
    """Files with random content and names; with increment_path their names are numbers that count up."""

    sizes: tuple[Sizes, ...]
    directory: Directory | None = None
    increment_path: bool = False


class FileSource(_Part, frozen=True):
    """A way to make files, by name."""

    name: str
    random: RandomFiles


class Frequency(_Part, frozen=True):
    """Every which commit."""

    count: _Count


class Validator(_Part, frozen=True):
    """When all files are compared with what was written."""

    frequency: Frequency


class LoadSpec(_Part, frozen=True):
    """Commits on one branch, and what each of them writes."""

    count: _Count
    modifications: tuple[Modification, ...]
    file_sources: tuple[FileSource, ...]
    validator: Validator | None = None

    def source(self, name: str) -> RandomFiles:
        """Return the file source of that name, which `parse_load_spec` has seen to."""
        return next(each.random for each in self.file_sources if each.name == name)

    @property
    def files_per_commit(self) -> int:
        """How many files each commit writes."""
        return sum(each.count * each.put_file.count for each in self.modifications)


# Prepared before a second thread can come: see `pps.spec.decode`.
msgspec.json.Decoder(LoadSpec)


def parse_load_spec(text: str) -> LoadSpec:
    """Return the spec in text, or raise InvalidInputError that names the field."""
    try:
        data = load_yaml(text)
    except ValueError as error:
        raise InvalidInputError(f"load spec: it is no YAML: {error}") from None
    if not isinstance(data, dict):
        raise InvalidInputError("load spec: it must be a mapping with count, modifications and fileSources")
    try:
        spec = msgspec.convert(_camel(data), LoadSpec)
    except msgspec.ValidationError as error:
        message, _, field = str(error).partition(" - at `$")
        where = field.rstrip("`").lstrip(".")
        raise InvalidInputError(f"load spec: {f'{where}: ' if where else ''}{message}") from None
    _check(spec)
    return spec


def _camel(value: Any) -> Any:  # noqa: ANN401 - whatever YAML holds
    if isinstance(value, dict):
        return {_UNDERSCORE.sub(lambda m: m[1].upper(), str(key)): _camel(item) for key, item in value.items()}
    return [_camel(item) for item in value] if isinstance(value, list) else value


def _check(spec: LoadSpec) -> None:
    if not spec.modifications:
        raise InvalidInputError("load spec: modifications: there is none: say what each commit writes")
    names = [source.name for source in spec.file_sources]
    for place, source in enumerate(spec.file_sources):
        if source.name in names[:place]:
            raise InvalidInputError(f"load spec: fileSources[{place}].name: {source.name!r} is there already")
        _check_random(source.random, f"fileSources[{place}].random")
    for place, modification in enumerate(spec.modifications):
        wanted = modification.put_file.source
        if wanted not in names:
            known = ", ".join(names) or "none"
            raise InvalidInputError(
                f"load spec: modifications[{place}].putFile.source: there is no file source {wanted!r}; known: {known}"
            )


def _check_random(source: RandomFiles, where: str) -> None:
    total = sum(each.prob for each in source.sizes)
    if total != 100:
        raise InvalidInputError(f"load spec: {where}.sizes: the values of prob sum to {total}, and must to 100")
    ranges = [(f"{where}.sizes[{place}]", each.min, each.max) for place, each in enumerate(source.sizes)]
    if source.directory is not None:
        depth = source.directory.depth
        ranges.append((f"{where}.directory.depth", depth.min, depth.max))
    for field, low, high in ranges:
        if low > high:
            raise InvalidInputError(f"load spec: {field}: min {low} is above max {high}")
