"""Which view of ``/pfs`` user code gets: a real one by a mount namespace, or a directory that stands for it."""

from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from trunkline.worker.view import namespace
from trunkline.worker.view.namespace import Hiding

MAPPED_WARNING = (
    "no private mount namespace is to be had here ({reason}), so there is no /pfs: each worker's view lies in a "
    "directory of its own, which the variable PFS names. Paths that start with /pfs are mapped to it in transform.cmd, "
    "stdin and the environment; a program that has /pfs written in its own code will not find it. Nor is the server's "
    "state directory hidden from commands that run as the server's own user"
)


class Isolation(StrEnum):
    """How workers are asked to show ``/pfs``."""

    AUTO = "auto"
    """By a namespace where that works, else mapped, with a warning."""
    NAMESPACE = "namespace"
    """By a namespace; a worker does not start without."""
    MAPPED = "mapped"
    """By a directory of another name."""


@dataclass(frozen=True, slots=True)
class Isolated:
    """How a process sees things now: the path of its view, what the user should know, a way to what is hidden."""

    seen_as: str
    warnings: tuple[str, ...] = ()
    hidden: int | None = None
    """A descriptor of the directory that is hidden."""


def isolate(wish: Isolation, scratch: Path, hiding: Hiding | None = None) -> Isolated:
    """Give this process its view, with ``scratch/pfs`` behind it; where that is by a namespace, hide a directory.

    To be called before anything has started a thread. Raises NamespaceError if only a namespace will do.
    """
    reason = "mapped paths were asked for"
    if wish is not Isolation.MAPPED:
        reason = namespace.check(scratch, hiding)
        if not reason:
            return Isolated(namespace.VIEW, hidden=namespace.enter(scratch, hiding))
        if wish is Isolation.NAMESPACE:
            raise namespace.NamespaceError(reason)
    view = scratch / "pfs"
    view.mkdir(parents=True, exist_ok=True)
    return Isolated(str(view), (MAPPED_WARNING.format(reason=reason),))
