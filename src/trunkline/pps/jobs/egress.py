"""Results elsewhere: files copied to an object store or into the tables of a database (reference, 3.6)."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from trunkline.model.pipelines import Egress, SecretMount
from trunkline.objects.export import Export
from trunkline.objects.local_files import LocalFiles
from trunkline.pps.jobs.table_egress import PASSWORD_VARIABLE, fill_tables
from trunkline.pps.secrets import Secrets
from trunkline.storage.fileset import FileSet


@dataclass(frozen=True, slots=True)
class EgressResult:
    """What was written: bytes of objects, or rows by table."""

    bytes_written: int = 0
    rows_written: Mapping[str, int] = field(default_factory=dict)


def password_mounts(egress: Egress | None) -> tuple[SecretMount, ...]:
    """Return how user code sees the password of a database, as elsewhere: it may have to prepare the tables."""
    secret = None if egress is None or egress.sql_database is None else egress.sql_database.secret
    return () if secret is None else (SecretMount(secret.name, secret.key, env_var=PASSWORD_VARIABLE),)


def copy_out(
    files: FileSet, egress: Egress, *, secrets: Secrets, local_files: LocalFiles, check: Callable[[], None]
) -> EgressResult:
    """Copy all files to where the spec says, on this machine where local_files allow it.

    ``check`` is called now and then, and may raise to end it.
    Doing it twice gives the same. Raises Error, with the reason for the user.
    """
    if egress.sql_database is not None:
        rows = fill_tables(files, egress.sql_database, secrets=secrets, local_files=local_files, check=check)
        return EgressResult(rows_written=rows)
    target = Export(egress.object_storage.url if egress.object_storage is not None else egress.URL, local_files)
    written = 0
    for row in files.files():
        check()
        written += target.put(row.path, files.read(row))
    return EgressResult(bytes_written=written)
