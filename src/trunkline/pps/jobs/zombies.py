"""Files in a pipeline's output whose datum its job does not know: a job forgot to take them away."""

from collections.abc import Iterator

from trunkline.pfs.queries import branches, commits
from trunkline.pfs.queries.commits import CommitRow
from trunkline.pfs.versioning import Versioning
from trunkline.pps.datums.datum_table import DatumTables
from trunkline.pps.queries.jobs import job_of_output


def find_zombies(versioning: Versioning, commit: CommitRow) -> Iterator[str]:
    """Yield a sentence on each such file of a commit. One without a job that succeeded has none."""
    with versioning.reading() as tx:
        job = job_of_output(tx.connection, commit.key)
    if job is None or not job.datums or not commit.root:
        return
    known = DatumTables(versioning.file_sets.tables).index(job.datums)
    for row in versioning.file_sets.open(commit.root).files():
        if known.find(row.tag) is None:
            yield f"commit {commit.commit}: file {row.path} is of datum {row.tag}, which is gone"


def find_all_zombies(versioning: Versioning) -> Iterator[str]:
    """Yield a sentence on each such file at the head of any branch."""
    with versioning.reading() as tx:
        keys = {row.head for row in branches.list_branches(tx.connection) if row.head is not None}
        heads = commits.commits_by_key(tx.connection, sorted(keys))
    for head in heads:
        yield from find_zombies(versioning, head)
