"""The page with every field of a pipeline specification, read off the types that check it."""

import inspect

import msgspec

from trunkline.pps.spec.form.schema import ListOf, MapOf, Record, Scalar, Shape, spec_schema

PAGE = "reference/spec-fields.md"
HEAD = """# Fields of a specification

Every field that a specification may have, with its type, as the types in the source say; the page is made from them.
[Pipeline specification](../pipeline-spec.md) tells what they mean and what their defaults are. Each name may be written
in `snake_case` as well.
"""


def pages() -> dict[str, str]:
    """Return the Markdown of the page by its name."""
    sections = [HEAD]
    seen: list[Record] = [spec_schema()]
    for record in seen:
        rows = []
        for name, shape in record.fields.items():
            inner = _record_in(shape)
            if inner is not None and inner not in seen:
                seen.append(inner)
            rows.append(f"| `{name}` | {_type(shape)} |")
        about = inspect.cleandoc(record.type.__doc__ or "")
        sections.append("\n".join([f"## {_name(record)}", "", about, "", "| field | type |", "|---|---|", *rows, ""]))
    return {PAGE: "\n".join(sections)}


def _record_in(shape: Shape) -> Record | None:
    while isinstance(shape, ListOf):
        shape = shape.item
    return shape if isinstance(shape, Record) else None


def _name(record: Record) -> str:
    return record.type.__name__


def _type(shape: Shape | None) -> str:
    match shape:
        case Scalar(kind="enum", names=names):
            return "one of " + ", ".join(f"`{name}`" for name in names)
        case Scalar():
            return {"string": "text", "bool": "boolean", "int": "integer", "float": "number"}.get(
                shape.kind, shape.kind
            )
        case ListOf():
            return f"list of {_type(shape.item)}"
        case MapOf():
            return "mapping of names to text" if shape.value is not None else "mapping"
        case Record():
            return f"[{_name(shape)}](#{_name(shape).lower()})"
    return msgspec.json.encode(shape).decode()
