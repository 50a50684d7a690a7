"""A pipeline's specification as frozen values (reference, section 3): what its canonical camelCase JSON decodes to.

Durations are strings such as ``"30s"`` here, as in protobuf-JSON; 64-bit integers may arrive as strings and are numbers
here. `trunkline.pps.spec` reads and checks specs, by the types given here; everything behind it trusts these values.
"""

from collections.abc import Iterator
from typing import Annotated

import msgspec

from trunkline.model.jobs import PipelineType

Duration = Annotated[str, msgspec.Meta(extra={"kind": "duration"})]
Timestamp = Annotated[str, msgspec.Meta(extra={"kind": "timestamp"})]
Int32 = Annotated[int, msgspec.Meta(ge=-(2**31), le=2**31 - 1)]
Int64 = Annotated[int, msgspec.Meta(ge=-(2**63), le=2**63 - 1)]
Count = Annotated[int, msgspec.Meta(ge=0, le=2**63 - 1)]

TOLERATION_OPERATORS = ("EMPTY", "EXISTS", "EQUAL")
TAINT_EFFECTS = ("ALL_EFFECTS", "NO_SCHEDULE", "PREFER_NO_SCHEDULE", "NO_EXECUTE")
SQL_FILE_TYPES = ("UNKNOWN", "CSV", "JSON", "PARQUET")
"""Names of enum values; a value's number is its place."""

TolerationOperator = Annotated[str, msgspec.Meta(extra={"kind": "enum", "names": TOLERATION_OPERATORS})]
TaintEffect = Annotated[str, msgspec.Meta(extra={"kind": "enum", "names": TAINT_EFFECTS})]
SQLFileType = Annotated[str, msgspec.Meta(extra={"kind": "enum", "names": SQL_FILE_TYPES})]


class _Value(msgspec.Struct, frozen=True, rename="camel", forbid_unknown_fields=True, omit_defaults=True):
    pass


class PipelineName(_Value, frozen=True):
    """A pipeline's key; its output repo has the same project and name."""

    name: str = ""
    project: "ProjectName | None" = None


class ProjectName(_Value, frozen=True):
    """A project by name."""

    name: str = ""


class SecretMount(_Value, frozen=True):
    """A secret given to the user code, as files or as an environment variable."""

    name: str = ""
    key: str = ""
    mount_path: str = ""
    env_var: str = ""


class Transform(_Value, frozen=True):
    """The user code: argv without a shell, its stdin, its environment."""

    image: str = ""
    cmd: tuple[str, ...] = ()
    err_cmd: tuple[str, ...] = ()
    env: dict[str, str] = {}
    secrets: tuple[SecretMount, ...] = ()
    image_pull_secrets: tuple[str, ...] = ()
    stdin: tuple[str, ...] = ()
    err_stdin: tuple[str, ...] = ()
    accept_return_code: tuple[Int64, ...] = ()
    debug: bool = False
    user: str = ""
    working_dir: str = ""
    dockerfile: str = ""
    memory_volume: bool = False
    datum_batching: bool = False


class Trigger(_Value, frozen=True):
    """When a branch follows another branch of its repo."""

    branch: str = ""
    all: bool = False
    rate_limit_spec: str = ""
    size: str = ""
    commits: Int64 = 0
    cron_spec: str = ""


class PropagationSpec(_Value, frozen=True):
    """Whether a commit on an input starts a job."""

    never: bool = False


class PFSInput(_Value, frozen=True):
    """Files of one branch that match a glob."""

    project: str = ""
    name: str = ""
    repo: str = ""
    repo_type: str = ""
    branch: str = ""
    commit: str = ""
    glob: str = ""
    join_on: str = ""
    outer_join: bool = False
    group_by: str = ""
    lazy: bool = False
    empty_files: bool = False
    s3: bool = False
    trigger: Trigger | None = None
    propagation_spec: PropagationSpec | None = None
    reference: bool = False


class CronInput(_Value, frozen=True):
    """Ticks of a schedule, one file each."""

    name: str = ""
    project: str = ""
    repo: str = ""
    commit: str = ""
    spec: str = ""
    overwrite: bool = False
    start: Timestamp = ""


class Input(_Value, frozen=True):
    """One node of the input tree: exactly one field is set."""

    pfs: PFSInput | None = None
    join: tuple["Input", ...] | None = None
    group: tuple["Input", ...] | None = None
    cross: tuple["Input", ...] | None = None
    union: tuple["Input", ...] | None = None
    cron: CronInput | None = None

    @property
    def children(self) -> tuple["Input", ...]:
        """The inputs that a cross, union, join or group combines; none for a leaf."""
        return self.cross or self.union or self.join or self.group or ()

    def leaves(self) -> Iterator[PFSInput | CronInput]:
        """Yield the pfs and cron inputs below, in the order of the tree."""
        if self.pfs is not None:
            yield self.pfs
        if self.cron is not None:
            yield self.cron
        for child in self.children:
            yield from child.leaves()


class ParallelismSpec(_Value, frozen=True):
    """How many workers at most; 0 means 1."""

    constant: Count = 0


class ObjectStorageEgress(_Value, frozen=True):
    """Copy the output to an object store."""

    url: str = ""


class SQLFileFormat(_Value, frozen=True):
    """How the files of a SQL egress are read."""

    type: SQLFileType = ""
    columns: tuple[str, ...] = ()


class SQLSecret(_Value, frozen=True):
    """Where the password of a SQL egress is."""

    name: str = ""
    key: str = ""


class SQLDatabaseEgress(_Value, frozen=True):
    """Copy the output to tables of a database."""

    url: str = ""
    file_format: SQLFileFormat | None = None
    secret: SQLSecret | None = None


class Egress(_Value, frozen=True):
    """Where the output is copied after the job."""

    URL: str = msgspec.field(default="", name="URL")
    object_storage: ObjectStorageEgress | None = None
    sql_database: SQLDatabaseEgress | None = None


class Service(_Value, frozen=True):
    """A long-running server instead of jobs."""

    internal_port: Int32 = 0
    external_port: Int32 = 0
    ip: str = ""
    type: str = ""


class Spout(_Value, frozen=True):
    """A long-running producer instead of jobs."""

    service: Service | None = None


class DatumSetSpec(_Value, frozen=True):
    """How many datums, or bytes, make one unit of scheduling."""

    number: Int64 = 0
    size_bytes: Int64 = 0
    per_worker: Int64 = 0


class GPUSpec(_Value, frozen=True):
    """GPUs by type."""

    type: str = ""
    number: Int64 = 0


class ResourceSpec(_Value, frozen=True):
    """What a worker asks for or may use."""

    cpu: float = 0.0
    memory: str = ""
    gpu: GPUSpec | None = None
    disk: str = ""


class SchedulingSpec(_Value, frozen=True):
    """Kubernetes placement: accepted, not used."""

    node_selector: dict[str, str] = {}
    priority_class_name: str = ""


class Metadata(_Value, frozen=True):
    """Kubernetes annotations and labels: accepted, not used."""

    annotations: dict[str, str] = {}
    labels: dict[str, str] = {}


class Toleration(_Value, frozen=True):
    """Kubernetes toleration: accepted, not used."""

    key: str = ""
    operator: TolerationOperator = ""
    value: str = ""
    effect: TaintEffect = ""
    toleration_seconds: Int64 | None = None


class Determined(_Value, frozen=True):
    """Integration with another product: accepted, not used."""

    workspaces: tuple[str, ...] = ()


class PipelineSpec(_Value, frozen=True):
    """One whole specification."""

    pipeline: PipelineName | None = None
    description: str = ""
    transform: Transform | None = None
    input: Input | None = None
    parallelism_spec: ParallelismSpec | None = None
    output_branch: str = ""
    egress: Egress | None = None
    s3_out: bool = msgspec.field(default=False, name="s3Out")
    update: bool = False
    reprocess: bool = False
    reprocess_spec: str = ""
    salt: str = ""
    datum_set_spec: DatumSetSpec | None = None
    datum_timeout: Duration = ""
    job_timeout: Duration = ""
    datum_tries: Int64 = 0
    autoscaling: bool = False
    service: Service | None = None
    spout: Spout | None = None
    resource_requests: ResourceSpec | None = None
    resource_limits: ResourceSpec | None = None
    sidecar_resource_requests: ResourceSpec | None = None
    sidecar_resource_limits: ResourceSpec | None = None
    scheduling_spec: SchedulingSpec | None = None
    pod_spec: str = ""
    pod_patch: str = ""
    metadata: Metadata | None = None
    tolerations: tuple[Toleration, ...] = ()
    determined: Determined | None = None
    maximum_expected_uptime: Duration = ""
    tf_job: dict[str, object] | None = msgspec.field(default=None, name="tfJob")
    spec_commit: dict[str, object] | None = None
    dry_run: bool = False

    @property
    def type(self) -> PipelineType:
        """Which of the three kinds of pipeline it makes."""
        if self.spout is not None:
            return PipelineType.SPOUT
        return PipelineType.TRANSFORM if self.service is None else PipelineType.SERVICE

    @property
    def served(self) -> Service | None:
        """The service that the process offers, its own or a spout's."""
        return self.service if self.spout is None else self.spout.service
