"""Spec templates in Jsonnet. They may compute for ever: they run in a process that is killed when time is up.

This module is that process, too: ``python -m trunkline.api.templates`` reads a template and its arguments as JSON.
"""

import json
import subprocess
import sys
from collections.abc import Mapping
from typing import Any

import rjsonnet

from trunkline.errors import InvalidInputError

SECONDS_MAX = 10.0
_REASON_CHARS_MAX = 2000


def render(template: str, arguments: Mapping[str, str]) -> str:
    """Return the JSON that a template, a function of these strings, makes; raise InvalidInputError, "template err".

    Nothing can be imported: the server reads no files and no addresses for a template.
    """
    command = [sys.executable, "-P", "-m", __name__]
    text = json.dumps({"template": template, "arguments": dict(arguments)})
    try:
        done = subprocess.run(command, input=text, capture_output=True, text=True, timeout=SECONDS_MAX, check=False)
    except subprocess.TimeoutExpired:
        raise InvalidInputError(f"template err: it took longer than {SECONDS_MAX:.0f} s") from None
    if done.returncode:
        raise InvalidInputError(f"template err: {done.stderr.strip()[:_REASON_CHARS_MAX]}")
    return done.stdout


def read_specs(rendered: str) -> list[dict[str, Any]]:
    """Return the specs that a template made: one, or a list of them."""
    found = json.loads(rendered)
    specs = found if isinstance(found, list) else [found]
    if not all(isinstance(spec, dict) for spec in specs):
        raise InvalidInputError("template err: it must make a spec, or a list of specs")
    return specs


def _refuse_import(base: str, path: str) -> tuple[str, str | None]:
    raise RuntimeError(f"cannot import {path!r}: templates cannot import anything")


def _render() -> None:
    given = json.load(sys.stdin)
    try:
        made = rjsonnet.evaluate_snippet(
            "template", given["template"], tla_vars=given["arguments"], import_callback=_refuse_import
        )
    except RuntimeError as error:
        sys.exit(str(error))
    sys.stdout.write(made)


if __name__ == "__main__":
    _render()
