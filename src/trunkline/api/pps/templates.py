"""Spec templates in Jsonnet."""

import json
from collections.abc import Mapping
from typing import Any

from trunkline.api.confined.run import run_confined
from trunkline.config import template_imports
from trunkline.errors import InvalidInputError
from trunkline.model.json_text import load_json

SECONDS_MAX = 10.0


def render(template: str, arguments: Mapping[str, str]) -> str:
    """Return the JSON that a template, a function of these strings, makes; raise InvalidInputError, "template err".

    It may import what the server's owner allows; what it imports may name others relative to itself.
    """
    given = {"template": template, "arguments": dict(arguments), "imports": list(template_imports())}
    made, _ = run_confined("jsonnet_program", json.dumps(given).encode(), what="template err", seconds=SECONDS_MAX)
    return made.decode()


def read_specs(rendered: str) -> list[dict[str, Any]]:
    """Return the specs that a template made: one, or a list of them."""
    try:
        found = load_json(rendered)
    except ValueError as error:
        raise InvalidInputError(f"template err: what it makes is no spec: {error}") from None
    specs = found if isinstance(found, list) else [found]
    if not all(isinstance(spec, dict) for spec in specs):
        raise InvalidInputError("template err: it must make a spec, or a list of specs")
    return specs
