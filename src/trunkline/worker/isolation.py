"""Which view of ``/pfs`` user code gets: a real one by a mount namespace, or a directory that stands for it."""

from enum import StrEnum
from pathlib import Path

from trunkline.worker import namespace

MAPPED_WARNING = (
    "no private mount namespace is to be had here ({reason}), so there is no /pfs: each worker's view lies in a "
    "directory of its own, which the variable PFS names. Paths that start with /pfs are mapped to it in transform.cmd, "
    "stdin and the environment; a program that has /pfs written in its own code will not find it"
)


class Isolation(StrEnum):
    """How workers are asked to show ``/pfs``."""

    AUTO = "auto"
    """By a namespace where that works, else mapped, with a warning."""
    NAMESPACE = "namespace"
    """By a namespace; a worker does not start without."""
    MAPPED = "mapped"
    """By a directory of another name."""


def isolate(wish: Isolation, scratch: Path) -> tuple[str, tuple[str, ...]]:
    """Give this process its view, with ``scratch/pfs`` behind it; return its path and what the user should know.

    To be called before anything has started a thread. Raises NamespaceError if only a namespace will do.
    """
    reason = "mapped paths were asked for"
    if wish is not Isolation.MAPPED:
        reason = namespace.check(scratch)
        if not reason:
            namespace.enter(scratch)
            return namespace.VIEW, ()
        if wish is Isolation.NAMESPACE:
            raise namespace.NamespaceError(reason)
    view = scratch / "pfs"
    view.mkdir(parents=True, exist_ok=True)
    return str(view), (MAPPED_WARNING.format(reason=reason),)
