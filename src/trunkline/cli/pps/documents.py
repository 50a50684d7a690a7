"""Documents in JSON or YAML that commands hand on to the server."""

import json
import sys
from pathlib import Path

import click


def read_as_json(file: str) -> str:
    """Return the JSON of a document in JSON or YAML; ``-`` is standard input. Raise ClickException if it is neither."""
    import yaml

    text = sys.stdin.read() if file == "-" else Path(file).read_text(encoding="utf-8")
    try:
        return json.dumps(yaml.safe_load(text))
    except (yaml.YAMLError, ValueError, TypeError, RecursionError) as error:
        raise click.ClickException(f"{file} is neither JSON nor YAML: {error}") from None
