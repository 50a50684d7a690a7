"""Residents: processes that run until they are replaced: a spout's, a service's (reference, section 4.9)."""

from dataclasses import dataclass, field

from trunkline.model.datums import Datum, SecretValues
from trunkline.model.pipelines import Transform

SPOUT_JOB = "spout"
"""What a spout's process is told to be its job."""


@dataclass(frozen=True, slots=True)
class Place:
    """Where a resident stands: at most one lives there at a time. A spout has as many places as workers."""

    pipeline: int
    """The pipeline's key, which no later pipeline of the same name has."""
    number: int


@dataclass(frozen=True, slots=True)
class Resident:
    """One life of such a process: what is run, and what it sees."""

    place: Place
    life: str
    """Names what it was made from: another version, job or input is another life."""
    project: str
    pipeline: str
    transform: Transform
    job: str
    """The id of its job; a spout's is ``spout``."""
    datum: Datum | None
    """What it sees below ``/pfs``; None for nothing but an empty ``out``."""
    job_env: dict[str, str]
    secrets: SecretValues = field(default_factory=SecretValues)
    internal_port: int = 0
    """Where it is going to listen; 0 for nowhere. Nobody else may be there when it starts."""


@dataclass(frozen=True, slots=True)
class ResidentEnd:
    """How a life ended by itself."""

    reason: str
    """Why, in words for the user."""
    failed: bool
    """Whether it counts as a crash: an exit with status 0 does not."""
    began: bool
    """Whether the command had been started."""
