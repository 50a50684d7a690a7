"""What makes the user code, its resources and its limits unusable (reference, sections 3.3 and 3.4)."""

from collections.abc import Iterator, Mapping

from trunkline.model.json_text import load_json
from trunkline.model.pipelines import Egress, PipelineSpec, ResourceSpec, SecretMount, Service
from trunkline.model.sizes import nearest_quantity, parse_quantity
from trunkline.pps.spec.defaults import REPROCESS_EVERY_JOB, REPROCESS_UNTIL_SUCCESS, SERVICE_TYPES
from trunkline.pps.spec.durations import parse_duration
from trunkline.pps.spec.form.findings import Finding, error

OBJECT_STORES = ("file", "s3", "gs", "gcs", "az", "azblob", "wasb", "minio")
"""The schemes of URLs that results can be copied to."""
_CPU_MAX = 1_000_000
_WORKERS_MAX = 1_000_000


def secret_problems(secrets: tuple[SecretMount, ...]) -> Iterator[Finding]:
    """Yield the errors of the secrets that a transform is given."""
    for index, secret in enumerate(secrets):
        path = f"transform.secrets[{index}]"
        if not secret.name:
            yield error(f"{path}.name", "missing Kubernetes secret: the name of a secret", {"name": "SECRET"})
        if secret.env_var and not secret.key:
            yield error(path, f"secret {secret.name} has env_var set but is missing key", {"key": "KEY"})
        if not secret.env_var and not secret.mount_path:
            message = "must say where the code finds it: mountPath for all keys as files, or a key with its envVar"
            yield error(path, message, {"envVar": secret.key} if secret.key else {"mountPath": "/SECRET"})


def environment_problems(variables: Mapping[str, str]) -> Iterator[Finding]:
    """Yield the environment variables that no process can be given."""
    for name, value in variables.items():
        if not name or "=" in name or "\0" in name:
            yield error("transform.env", f"{name!r} cannot name a variable: names have no = and are not empty")
        elif "\0" in value:
            yield error(f"transform.env.{name}", "cannot be the value of a variable: it holds a NUL character")


def resource_problems(spec: PipelineSpec) -> Iterator[Finding]:
    """Yield the errors of the requests and limits."""
    for key, resources in (
        ("resourceRequests", spec.resource_requests),
        ("resourceLimits", spec.resource_limits),
        ("sidecarResourceRequests", spec.sidecar_resource_requests),
        ("sidecarResourceLimits", spec.sidecar_resource_limits),
    ):
        if resources is not None:
            yield from _amount_problems(resources, key)


def _amount_problems(resources: ResourceSpec, path: str) -> Iterator[Finding]:
    if not 0 <= resources.cpu <= _CPU_MAX:
        reason = "must not be negative" if resources.cpu < 0 else "is more than any machine has"
        yield error(f"{path}.cpu", reason)
    for key, text in (("memory", resources.memory), ("disk", resources.disk)):
        if not text:
            continue
        try:
            parse_quantity(text)
        except ValueError as problem:
            nearest = nearest_quantity(text)
            yield error(f"{path}.{key}", f"cannot be read: {problem}", {key: nearest} if nearest else None)
    if resources.gpu is not None and resources.gpu.number < 0:
        yield error(f"{path}.gpu.number", "must not be negative")


def limit_problems(spec: PipelineSpec) -> Iterator[Finding]:
    """Yield the errors of timeouts, tries, datum sets and reprocessing."""
    for key, text in (("datumTimeout", spec.datum_timeout), ("jobTimeout", spec.job_timeout)):
        if text and parse_duration(text) <= 0:
            yield error(key, "must be more than zero; leave it out for no limit")
    if spec.datum_tries < 0:
        yield error("datumTries", "must not be negative", {"datumTries": 3})
    if spec.reprocess_spec not in ("", REPROCESS_UNTIL_SUCCESS, REPROCESS_EVERY_JOB):
        message = (
            f"invalid ReprocessSpec: {spec.reprocess_spec!r} is not {REPROCESS_UNTIL_SUCCESS} or {REPROCESS_EVERY_JOB}"
        )
        yield error("reprocessSpec", message, {"reprocessSpec": REPROCESS_UNTIL_SUCCESS})
    if spec.parallelism_spec and spec.parallelism_spec.constant > _WORKERS_MAX:
        yield error("parallelismSpec.constant", "is more than any machine runs")
    if sets := spec.datum_set_spec:
        for key, number in (("number", sets.number), ("sizeBytes", sets.size_bytes), ("perWorker", sets.per_worker)):
            if number < 0:
                yield error(f"datumSetSpec.{key}", "must not be negative")
    if spec.maximum_expected_uptime and not spec.autoscaling:
        yield error("maximumExpectedUptime", "takes autoscaling", {"autoscaling": True})


def long_running_problems(spec: PipelineSpec) -> Iterator[Finding]:
    """Yield the errors of spouts and services."""
    spout, service = spec.spout, spec.service
    if spout is not None and spout.service is None and spec.input is not None:
        yield error("spout", "a spout without a service must have no input; take the input away, or add spout.service")
    if spout is not None and service is not None:
        yield error("service", "a spout's service belongs in spout", {"spout": {"service": {"internalPort": 8080}}})
    if spec.served is not None and spec.parallelism_spec and spec.parallelism_spec.constant > 1:
        yield error("parallelismSpec.constant", "a service runs once", {"constant": 1})
    if spec.s3_out and (spout or service):
        yield error("s3Out", "not for spouts and services", {"s3Out": False})
    for path, each in (("service", service), ("spout.service", spout.service if spout else None)):
        if each is not None:
            yield from _service_problems(each, path)


def _service_problems(service: Service, path: str) -> Iterator[Finding]:
    if not service.internal_port:
        yield error(f"{path}.internalPort", "must say at which port the process listens", {"internalPort": 8000})
    if service.type not in ("", *SERVICE_TYPES):
        yield error(f"{path}.type", f"must be one of {', '.join(SERVICE_TYPES)}", {"type": "NodePort"})
    for key, port in (("internalPort", service.internal_port), ("externalPort", service.external_port)):
        if not 0 <= port <= 65535:
            yield error(f"{path}.{key}", f"{port} is no port")


def egress_problems(egress: Egress | None) -> Iterator[Finding]:
    """Yield the errors of an egress."""
    if egress is None:
        return
    targets = [egress.URL, egress.object_storage, egress.sql_database]
    if sum(bool(target) for target in targets) != 1:
        yield error("egress", "must have exactly one of URL, objectStorage and sqlDatabase")
    url = egress.URL or (egress.object_storage.url if egress.object_storage else "")
    if url and "://" not in url:
        yield error("egress", f"{url!r} is no URL", {"URL": f"s3://{url.lstrip('/')}"})
    elif url and url.partition("://")[0] not in OBJECT_STORES:
        message = f"results cannot be copied to {url!r}: URLs are file:///DIRECTORY, s3://BUCKET, gs:// or az://"
        yield error("egress.URL" if egress.URL else "egress.objectStorage.url", message)
    if (database := egress.sql_database) is not None:
        if "://" not in database.url:
            yield error("egress.sqlDatabase.url", "must be a URL such as postgres://USER@HOST:5432/DATABASE")
        if database.file_format is not None and database.file_format.type == "PARQUET":
            yield error("egress.sqlDatabase.fileFormat.type", "PARQUET is not supported", {"type": "CSV"})
        # A file of this machine has no password.
        named = database.secret is not None and database.secret.name and database.secret.key
        if not named and (database.secret is not None or not database.url.startswith("sqlite:")):
            correction = {"secret": {"name": "SECRET", "key": "PACHYDERM_SQL_PASSWORD"}}
            yield error(
                "egress.sqlDatabase.secret", "the password comes from a secret, which must be given", correction
            )


def pod_problems(spec: PipelineSpec) -> Iterator[Finding]:
    """Yield the errors of the fields for Kubernetes, which are checked although nothing uses them."""
    for key, text, name, made_of in (
        ("podSpec", spec.pod_spec, "malformed PodSpec", dict),
        ("podPatch", spec.pod_patch, "malformed PodPatch", list),
    ):
        try:
            found = load_json(text) if text else made_of()
        except ValueError as problem:
            yield error(key, f"{name}: {problem}")
            continue
        if not isinstance(found, made_of):
            yield error(key, f"{name}: it must be a JSON {'object' if made_of is dict else 'list of operations'}")
    for index, toleration in enumerate(spec.tolerations):
        if toleration.operator in ("", "EMPTY"):
            yield error(f"tolerations[{index}].operator", "must be given", {"operator": "EXISTS"})
    if spec.tf_job is not None:
        yield error("tfJob", "is not supported; use transform")
