"""Where an unknown key belongs: one level down, elsewhere in the spec, or under a similar name."""

import difflib
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from trunkline.pps.spec.form.schema import ListOf, Record

_SYNONYMS = {
    "command": "cmd",
    "args": "cmd",
    "entrypoint": "cmd",
    "script": "stdin",
    "envs": "env",
    "environment": "env",
    "workers": "parallelismSpec",
    "retries": "datumTries",
    "timeout": "datumTimeout",
    "resources": "resourceRequests",
    "pattern": "glob",
    "cronSpec": "spec",
    "schedule": "spec",
    "mountName": "name",
    "repository": "repo",
    # Names of version 1.
    "chunkSpec": "datumSetSpec",
    "standby": "autoscaling",
    "atom": "pfs",
}
REMOVED = frozenset({"enableStats", "cacheSize", "maxQueueSize", "hashtreeSpec", "resourceSpec", "scaleDownThreshold"})
"""Fields of version 1 that have no successor."""
_SIMILAR_ENOUGH = 0.66


def camel_case(key: str) -> str:
    """Return key in camelCase."""
    return re.sub(r"_([a-z0-9])", lambda match: match.group(1).upper(), key)


@dataclass(frozen=True, slots=True)
class Place:
    """Where a key belongs: ``fields`` lead from a record down to it; from the whole spec when ``from_root``."""

    fields: tuple[str, ...]
    from_root: bool = False


def find_place(key: str, record: Record, present: Mapping[str, object], *, root: Record) -> Place | None:
    """Return where the unknown key of record belongs, or None. ``present`` has the record's known keys as given."""
    for name, child in record.children():
        if name in present and (target := child.find(key)):
            return Place((name, target))
    if fields := _search(record, key):
        return Place(fields)
    if record is not root and (target := root.find(key)):
        return Place((target,), from_root=True)
    synonym = _SYNONYMS.get(camel_case(key), key)
    target = record.find(synonym)
    fields = (target,) if target else _search(record, synonym)
    if fields is None and (similar := _similar(key, record)):
        fields = (similar,)
    return Place(fields) if fields else None


def _search(record: Record, key: str) -> tuple[str, ...] | None:
    """Return the shortest way down to a field of that name, in the order in which the fields are declared."""
    level: list[tuple[tuple[str, ...], Record]] = [((), record)]
    seen = {record}
    while level:
        below: list[tuple[tuple[str, ...], Record]] = []
        for way, each in level:
            if way and (name := each.find(key)):
                return (*way, name)
            for name, child in each.children():
                if child not in seen:
                    seen.add(child)
                    below.append(((*way, name), child))
        level = below
    return None


def _similar(key: str, record: Record) -> str | None:
    by_letters = {name.lower(): name for name in record.fields}
    letters = key.replace("_", "").replace("-", "").lower()
    for candidate in _variants(letters):
        if found := difflib.get_close_matches(candidate, by_letters, n=1, cutoff=_SIMILAR_ENOUGH):
            return by_letters[found[0]]
    return None


def _variants(letters: str) -> Iterator[str]:
    yield letters
    # `parallelism` and `datumSet` leave out what ends many of our names.
    if len(letters) >= 5:
        yield letters + "spec"


def list_names(record: Record) -> str:
    """Return the record's keys for a message, but no endless list."""
    names = list(record.fields)
    return ", ".join(names) if len(names) <= 16 else ", ".join(names[:16]) + ", …"


def is_list_of_records(shape: object) -> bool:
    """Tell whether a field holds a list of records, such as the inputs of a cross."""
    return isinstance(shape, ListOf) and isinstance(shape.item, Record)
