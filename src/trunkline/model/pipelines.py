"""A pipeline's specification as frozen values (reference, section 3): what its canonical camelCase JSON decodes to.

Durations are strings such as ``"30s"`` here, as in protobuf-JSON; 64-bit integers may arrive as strings and are numbers
here. `trunkline.pps.spec` reads and checks specs; everything behind it trusts these values.
"""

from collections.abc import Iterator

import msgspec


class _Value(msgspec.Struct, frozen=True, rename="camel", forbid_unknown_fields=True, omit_defaults=True):
    pass


class PipelineName(_Value):
    """A pipeline's key; its output repo has the same project and name."""

    name: str = ""
    project: "ProjectName | None" = None


class ProjectName(_Value):
    """A project by name."""

    name: str = ""


class SecretMount(_Value):
    """A secret given to the user code, as files or as an environment variable."""

    name: str = ""
    key: str = ""
    mount_path: str = ""
    env_var: str = ""


class Transform(_Value):
    """The user code: argv without a shell, its stdin, its environment."""

    image: str = ""
    cmd: tuple[str, ...] = ()
    err_cmd: tuple[str, ...] = ()
    env: dict[str, str] = {}
    secrets: tuple[SecretMount, ...] = ()
    image_pull_secrets: tuple[str, ...] = ()
    stdin: tuple[str, ...] = ()
    err_stdin: tuple[str, ...] = ()
    accept_return_code: tuple[int, ...] = ()
    debug: bool = False
    user: str = ""
    working_dir: str = ""
    dockerfile: str = ""
    memory_volume: bool = False
    datum_batching: bool = False


class Trigger(_Value):
    """When a branch follows another branch of its repo."""

    branch: str = ""
    all: bool = False
    rate_limit_spec: str = ""
    size: str = ""
    commits: int = 0
    cron_spec: str = ""


class PropagationSpec(_Value):
    """Whether a commit on an input starts a job."""

    never: bool = False


class PFSInput(_Value):
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


class CronInput(_Value):
    """Ticks of a schedule, one file each."""

    name: str = ""
    project: str = ""
    repo: str = ""
    commit: str = ""
    spec: str = ""
    overwrite: bool = False
    start: str = ""


class Input(_Value):
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


class ParallelismSpec(_Value):
    """How many workers at most; 0 means 1."""

    constant: int = 0


class ObjectStorageEgress(_Value):
    """Copy the output to an object store."""

    url: str = ""


class SQLFileFormat(_Value):
    """How the files of a SQL egress are read."""

    type: str = ""
    columns: tuple[str, ...] = ()


class SQLSecret(_Value):
    """Where the password of a SQL egress is."""

    name: str = ""
    key: str = ""


class SQLDatabaseEgress(_Value):
    """Copy the output to tables of a database."""

    url: str = ""
    file_format: SQLFileFormat | None = None
    secret: SQLSecret | None = None


class Egress(_Value):
    """Where the output is copied after the job."""

    URL: str = msgspec.field(default="", name="URL")
    object_storage: ObjectStorageEgress | None = None
    sql_database: SQLDatabaseEgress | None = None


class Service(_Value):
    """A long-running server instead of jobs."""

    internal_port: int = 0
    external_port: int = 0
    ip: str = ""
    type: str = ""


class Spout(_Value):
    """A long-running producer instead of jobs."""

    service: Service | None = None


class DatumSetSpec(_Value):
    """How many datums, or bytes, make one unit of scheduling."""

    number: int = 0
    size_bytes: int = 0
    per_worker: int = 0


class GPUSpec(_Value):
    """GPUs by type."""

    type: str = ""
    number: int = 0


class ResourceSpec(_Value):
    """What a worker asks for or may use."""

    cpu: float = 0.0
    memory: str = ""
    gpu: GPUSpec | None = None
    disk: str = ""


class SchedulingSpec(_Value):
    """Kubernetes placement: accepted, not used."""

    node_selector: dict[str, str] = {}
    priority_class_name: str = ""


class Metadata(_Value):
    """Kubernetes annotations and labels: accepted, not used."""

    annotations: dict[str, str] = {}
    labels: dict[str, str] = {}


class Toleration(_Value):
    """Kubernetes toleration: accepted, not used."""

    key: str = ""
    operator: str = ""
    value: str = ""
    effect: str = ""
    toleration_seconds: int | None = None


class Determined(_Value):
    """Integration with another product: accepted, not used."""

    workspaces: tuple[str, ...] = ()


class PipelineSpec(_Value):
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
    datum_timeout: str = ""
    job_timeout: str = ""
    datum_tries: int = 0
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
    maximum_expected_uptime: str = ""
    tf_job: dict[str, str] | None = msgspec.field(default=None, name="tfJob")
    spec_commit: dict[str, str] | None = None
    dry_run: bool = False
