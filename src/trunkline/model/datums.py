"""Datums, the unit of increment, and datum sets, the unit of scheduling: what the control side hands to workers.

All of it pickles small: the many datums of a set share their `InputSource` objects.
"""

from dataclasses import dataclass, field
from enum import StrEnum

from trunkline.model.pipelines import Transform


class Runner(StrEnum):
    """How a worker runs the user code. ``AUTO`` lets the worker choose; a result always names one of the others."""

    AUTO = "auto"
    PROCESS = "process"
    WARM = "warm"
    """Each datum in a child of an interpreter that has imported the script's modules."""
    REUSE = "reuse"
    """Several datums of a set in one such child."""


class DatumState(StrEnum):
    """What became of a datum. ``SKIPPED`` is derived: its record was made by an earlier job."""

    SUCCESS = "success"
    FAILED = "failed"
    RECOVERED = "recovered"
    SKIPPED = "skipped"


@dataclass(frozen=True, slots=True)
class InputSource:
    """One input of a pipeline at one commit: what its matches have in common."""

    name: str
    """The directory below ``/pfs``."""
    project: str
    repo: str
    repo_type: str
    branch: str
    commit: str
    root: str
    """The file set of the commit: its table's root, in hex; empty for an empty file set."""
    lazy: bool = False
    empty_files: bool = False
    s3: bool = False
    reference: bool = False
    outer_join: bool = False


@dataclass(frozen=True, slots=True)
class DatumInput:
    """One matched path of one input. Directories, the root too, end with a slash."""

    source: InputSource
    path: str
    hash: bytes
    size_bytes: int = 0
    join_on: str = ""
    group_by: str = ""


@dataclass(frozen=True, slots=True)
class Datum:
    """An ordered list of matches that are processed together.

    ``id`` names the inputs without their content, ``hash`` adds content and salt (reference, section 4.2).
    """

    id: str
    hash: str
    inputs: tuple[DatumInput, ...]


@dataclass(frozen=True, slots=True)
class SecretValues:
    """What user code gets of secrets: variables, and files by directory and name. Never printed."""

    env: dict[str, str] = field(default_factory=dict, repr=False)
    files: dict[str, dict[str, bytes]] = field(default_factory=dict, repr=False)


@dataclass(frozen=True, slots=True)
class DatumSet:
    """Datums of one job that a worker runs one after the other; engines see nothing smaller."""

    project: str
    pipeline: str
    job: str
    index: int
    attempt: int
    """Counts from 1; a result of an older attempt is refused."""
    transform: Transform
    datums: tuple[Datum, ...]
    job_env: dict[str, str]
    first_index: int = 0
    """The place of the first datum among all that the job runs."""
    datum_tries: int = 3
    datum_timeout_seconds: float | None = None
    memory_bytes_max: int = 0
    """What a command may have, with all that it starts; 0 is no limit."""
    runner: Runner = Runner.AUTO
    imports: tuple[str, ...] = ()
    """Modules that the script is known to import, from earlier results of this pipeline."""
    secrets: SecretValues = field(default_factory=SecretValues)


@dataclass(frozen=True, slots=True)
class DatumStats:
    """Where a datum's time and bytes went. Seconds of wall clock; ``cpu_seconds`` is user and system time."""

    download_seconds: float = 0.0
    process_seconds: float = 0.0
    upload_seconds: float = 0.0
    download_bytes: int = 0
    upload_bytes: int = 0
    cpu_seconds: float = 0.0


@dataclass(frozen=True, slots=True)
class DatumResult:
    """What became of one datum. ``outputs`` are the paths it wrote, each stored under the datum's id as tag."""

    id: str
    state: DatumState
    reason: str = ""
    tries: int = 1
    runner: Runner = Runner.PROCESS
    outputs: tuple[str, ...] = ()
    stats: DatumStats = DatumStats()


@dataclass(frozen=True, slots=True)
class DatumSetResult:
    """What a worker sends back: rows only, the bytes are in packs by then."""

    job: str
    index: int
    attempt: int
    datums: tuple[DatumResult, ...]
    layer: str
    """The edit layer (a table root, in hex) that adds the outputs; empty when nothing was written."""
    new_chunks: bytes = b""
    """The chunks that went into new packs, as ``storage.chunk.pack.encode_refs`` writes them."""
    logs: str = ""
    """Key of the object that holds the log lines (zstd, one JSON object a line); empty without lines."""
    log_lines: int = 0
    imports: tuple[str, ...] = ()
    """Modules that the scripts imported, to warm the next interpreter with."""
    warnings: tuple[str, ...] = field(default=())
    """Things the user should know, e.g. that no mount namespace was to be had."""


@dataclass(frozen=True, slots=True)
class AtWork:
    """A worker and the datum that it runs, since when, in seconds since 1970; no datum while it gets ready."""

    worker: str
    datum: Datum | None
    since: float
