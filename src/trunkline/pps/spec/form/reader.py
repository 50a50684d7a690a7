"""Spec files: YAML 1.2, of which JSON is a part, with the line of every field.

The rules of YAML 1.1 that surprise are off: ``on``, ``yes`` and dates are strings, integers are plain decimal. Anchors
and aliases are refused, as clients of the field refuse them.
"""

import json
import math
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import NoReturn

import yaml

from trunkline.pps.spec.form.document import Position, SpecDocument
from trunkline.pps.spec.form.findings import Finding, InvalidSpecError, Severity, join_path
from trunkline.pps.spec.form.placement import camel_case
from trunkline.pps.spec.form.schema import DEPTH_MAX, JSON

_LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)

_NULL = frozenset({"", "~", "null", "Null", "NULL"})
_TRUE = frozenset({"true", "True", "TRUE"})
_FALSE = frozenset({"false", "False", "FALSE"})
_DECIMAL = re.compile(r"[-+]?(?:0|[1-9][0-9]*)")
_OTHER_INTEGER = re.compile(r"[-+]?(?:0[0-9_]+|0x[0-9A-Fa-f_]+|0o[0-7_]+|0b[01_]+)")
_FLOAT = re.compile(r"[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?")
_NOT_FINITE = re.compile(r"[-+]?\.(?:inf|Inf|INF)|\.(?:nan|NaN|NAN)")
_TAGS = {f"tag:yaml.org,2002:{name}": name for name in ("str", "int", "float", "bool", "null", "map", "seq")}


def read_specs(text: str, *, file: str) -> list[SpecDocument]:
    """Return the specs in text: of every YAML document, and of every item where a document is a list.

    Raises InvalidSpecError, "malformed pipeline spec", with the line, for what is no mapping or no YAML.
    """
    file = "stdin" if file == "-" else file
    is_json = text.lstrip()[:1] in ("{", "[")
    documents: list[SpecDocument] = []
    for data, positions in _documents(text, file):
        if not isinstance(data, dict):
            line = positions[""].line
            _refuse(file, line, "a spec is a mapping with keys such as pipeline, transform and input")
        documents.append(SpecDocument(file, len(documents), data, is_json, positions))
    if not documents:
        _refuse(file, 0, "there is no spec in it")
    return documents


def _refuse(file: str, line: int, message: str, correction: object = None) -> NoReturn:
    text = f"malformed pipeline spec: {message}"
    raise InvalidSpecError([Finding(Severity.ERROR, "", text, correction, file=file, line=line)])


def _documents(text: str, file: str) -> Iterator[tuple[JSON, dict[str, Position]]]:
    """Yield each spec's data with the positions of its fields."""
    try:
        nodes = list(_Composer(text, file).documents())
    except yaml.YAMLError as problem:
        if (data := _plain_json(text)) is None:
            _refuse_yaml(problem, text, file)
        # A few texts are JSON but no YAML to this parser, e.g. with surrogate pairs: lines are not known then.
        nodes = [_Node(data, Position(1, 1))]
    for node in nodes:
        for each in node.children if isinstance(node.value, list) else [node]:
            if each.value is not None:
                yield each.value, dict(_positions(each))


def _refuse_yaml(problem: yaml.YAMLError, text: str, file: str) -> NoReturn:
    mark = getattr(problem, "problem_mark", None)
    reason = getattr(problem, "problem", None) or str(problem)
    context = getattr(problem, "context", None) or ""
    lines = text.splitlines()
    rest = lines[mark.line][mark.column :] if mark and mark.line < len(lines) else ""
    hint, correction = "", None
    if rest.startswith("\t"):
        hint = " (indent with spaces, not tabs)"
    elif "mapping values are not allowed" in reason:
        hint = " (quote a value that has a colon in it, and check the indentation)"
    elif "alias" in context or "anchor" in context:
        hint = " (* and & have a meaning of their own: quote a value that starts with one)"
        correction = _quoted(lines[mark.line] if mark else "")
    elif rest[:1] in ("@", "`", "%"):
        hint = f" (quote a value that starts with {rest[0]})"
    _refuse(file, mark.line + 1 if mark else 0, f"{reason}{hint}", correction)


def _quoted(line: str) -> object:
    """Return the line's key with its value as text, if it is as simple as that."""
    found = re.fullmatch(r"[\s-]*([A-Za-z_]+):\s+([*&][^\s\"']*)\s*", line)
    return {found[1]: found[2]} if found else None


def _plain_json(text: str) -> JSON:
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return None


@dataclass(slots=True)
class _Node:
    """A value with its place; ``children`` of a list are its items, those of a mapping are its values."""

    value: JSON
    position: Position
    children: list["_Node"] = field(default_factory=list)
    keys: list[tuple[str, Position]] = field(default_factory=list)


def _positions(node: _Node) -> Iterator[tuple[str, Position]]:
    pending = [("", node.position, node)]
    while pending:
        path, position, each = pending.pop()
        yield path, position
        yield camel_case(path), position
        if each.keys:
            pending.extend(
                (join_path(path, key), at, child) for (key, at), child in zip(each.keys, each.children, strict=True)
            )
        else:
            pending.extend((join_path(path, index), child.position, child) for index, child in enumerate(each.children))


class _Composer:
    """Builds nodes from the parser's events, which alone tell a plain scalar from a quoted one."""

    def __init__(self, text: str, file: str) -> None:
        self._events = yaml.parse(text, Loader=_LOADER)
        self._file = file

    def documents(self) -> Iterator[_Node]:
        for event in self._events:
            if isinstance(event, yaml.DocumentStartEvent):
                yield self._node(next(self._events), 0)

    def _node(self, event: yaml.Event, depth: int) -> _Node:
        mark = event.start_mark
        at = Position(mark.line + 1, mark.column + 1) if mark else Position()
        if isinstance(event, yaml.NodeEvent) and event.anchor:
            self._refuse_alias(at, f"{'*' if isinstance(event, yaml.AliasEvent) else '&'}{event.anchor}")
        if depth > DEPTH_MAX:
            _refuse(self._file, at.line, f"is nested more than {DEPTH_MAX} levels deep")
        if isinstance(event, yaml.ScalarEvent):
            return _Node(self._scalar(event, at), at)
        if isinstance(event, yaml.SequenceStartEvent):
            return self._sequence(event, at, depth)
        assert isinstance(event, yaml.MappingStartEvent)
        return self._mapping(event, at, depth)

    def _refuse_alias(self, at: Position, text: str) -> NoReturn:
        message = f'anchors and aliases are not allowed; if {text} is meant as text, quote it: "{text}"'
        _refuse(self._file, at.line, message)

    def _sequence(self, event: yaml.SequenceStartEvent, at: Position, depth: int) -> _Node:
        self._check_tag(event.tag, at)
        node = _Node([], at)
        while not isinstance(item := next(self._events), yaml.SequenceEndEvent):
            child = self._node(item, depth + 1)
            node.children.append(child)
            node.value.append(child.value)
        return node

    def _mapping(self, event: yaml.MappingStartEvent, at: Position, depth: int) -> _Node:
        self._check_tag(event.tag, at)
        node = _Node({}, at)
        while not isinstance(item := next(self._events), yaml.MappingEndEvent):
            key_node = self._node(item, depth + 1)
            key, key_at = key_node.value, key_node.position
            if not isinstance(key, str):
                quoted = f'; quote it: "{item.value}"' if isinstance(item, yaml.ScalarEvent) else ""
                _refuse(self._file, key_at.line, f"keys must be strings{quoted}")
            child = self._node(next(self._events), depth + 1)
            if key in node.value:
                _refuse(self._file, key_at.line, f"the key {key} is given twice")
            if key == "$schema":
                continue
            node.value[key] = child.value
            node.children.append(child)
            node.keys.append((key, key_at))
        return node

    def _check_tag(self, tag: str | None, at: Position) -> None:
        if tag not in (None, "!") and tag not in _TAGS:
            _refuse(self._file, at.line, f"the tag {tag} is not known; if it is meant as text, quote it")

    def _scalar(self, event: yaml.ScalarEvent, at: Position) -> object:
        text: str = event.value
        self._check_tag(event.tag, at)
        if not event.implicit[0] and event.tag != "tag:yaml.org,2002:int":
            # Quoted, or tagged: only plain text is anything but a string.
            return text if _TAGS.get(event.tag or "", "str") == "str" else self._plain(text, at)
        return self._plain(text, at)

    def _plain(self, text: str, at: Position) -> object:
        if text in _NULL:
            return None
        if text in _TRUE or text in _FALSE:
            return text in _TRUE
        if _DECIMAL.fullmatch(text) and len(text) < 100:
            return int(text)
        if _OTHER_INTEGER.fullmatch(text):
            message = f'integers must be plain decimal; write the number without prefix, or quote the text: "{text}"'
            _refuse(self._file, at.line, message)
        if _FLOAT.fullmatch(text):
            return self._float(text, at)
        if _NOT_FINITE.fullmatch(text):
            _refuse(self._file, at.line, f"{text} is not a number that a spec can hold")
        return text

    def _float(self, text: str, at: Position) -> float:
        number = float(text)
        if not math.isfinite(number):
            _refuse(self._file, at.line, f"{text} is too large a number")
        return number
