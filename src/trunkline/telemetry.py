"""The server's own log lines."""

import logging


def log(name: str) -> logging.Logger:
    """Return the logger of one part of Trunkline; lines go to stderr once ``configure`` has run."""
    return logging.getLogger(f"trunkline.{name}")


def configure(*, verbose: bool = False) -> None:
    """Send log lines to stderr, one per event, with time, level and part."""
    logging.basicConfig(
        level=logging.DEBUG if verbose else logging.INFO,
        format="%(asctime)s %(levelname)s %(name)s %(message)s",
    )
