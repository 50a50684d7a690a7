"""Spec templates in Jsonnet. They may compute for ever: they run in a process that is killed when time is up.

This module is that process, too: ``python -m trunkline.api.templates`` reads a template and its arguments as JSON.
"""

import json
import subprocess
import sys
import urllib.request
from collections.abc import Mapping
from typing import Any
from urllib.parse import urljoin

import rjsonnet

from trunkline.errors import InvalidInputError

SECONDS_MAX = 10.0
_REASON_CHARS_MAX = 2000
_IMPORT_BYTES_MAX = 1_000_000


def render(template: str, arguments: Mapping[str, str]) -> str:
    """Return the JSON that a template, a function of these strings, makes; raise InvalidInputError, "template err".

    It may import over http and https; what it imports may name others relative to itself. Files of the server stay
    out of its reach.
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


def _import(base: str, path: str) -> tuple[str, str | None]:
    """Return the URL that an import means in a file of the directory base, and the text there."""
    url = urljoin(f"{base}/", path)
    if not url.startswith(("http://", "https://")):
        raise RuntimeError(f"cannot import {path!r}: templates import over http:// and https:// only")
    try:
        with urllib.request.urlopen(url) as response:  # noqa: S310 - the scheme is checked, render ends what hangs
            content = response.read(_IMPORT_BYTES_MAX + 1)
    except OSError as error:
        raise RuntimeError(f"cannot import {url}: {error}") from None
    if len(content) > _IMPORT_BYTES_MAX:
        raise RuntimeError(f"cannot import {url}: it has more than {_IMPORT_BYTES_MAX} bytes")
    return url, content.decode(errors="replace")


def _render() -> None:
    given = json.load(sys.stdin)
    try:
        made = rjsonnet.evaluate_snippet(
            "template", given["template"], tla_vars=given["arguments"], import_callback=_import
        )
    except RuntimeError as error:
        sys.exit(str(error))
    sys.stdout.write(made)


if __name__ == "__main__":
    _render()
