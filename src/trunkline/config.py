"""Where things are, from the environment."""

import os
from pathlib import Path

GRPC_PORT = 30650
HTTP_PORT = 30600
LOOPBACK = "127.0.0.1"
PROOF_KEY = "trunkline-files-proof"
"""The field of a call by which a client proves that it is the server's own user and sees the same files."""


def home() -> Path:
    """Return the state directory: ``TRUNKLINE_HOME``, or ``~/.trunkline``."""
    return Path(os.environ.get("TRUNKLINE_HOME") or Path.home() / ".trunkline")


def template_imports() -> tuple[str, ...]:
    """Return the URLs below which templates may import: those in ``TRUNKLINE_TEMPLATE_IMPORTS``, spaces between."""
    return tuple(os.environ.get("TRUNKLINE_TEMPLATE_IMPORTS", "").split())
