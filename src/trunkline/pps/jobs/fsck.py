"""Checks that jobs agree with the commits that they write."""

from collections.abc import Iterator

from trunkline.pfs.versioning import Versioning
from trunkline.pps.queries import jobs
from trunkline.pps.queries.jobs import JobRow


def check_jobs(versioning: Versioning) -> Iterator[str]:
    """Yield what is wrong with jobs."""
    with versioning.reading() as tx:
        found = jobs.jobs_without_output(tx.connection)
    yield from map(_problem, found)


def repair_jobs(versioning: Versioning) -> Iterator[str]:
    """Remove the records of jobs whose output is gone, as deleting the output does; yield what was removed."""
    with versioning.transaction() as tx:
        found = jobs.jobs_without_output(tx.connection)
        jobs.delete_jobs(tx.connection, [job.key for job in found])
        tx.makes_work = True
    yield from (f"{_problem(job)}: removed the record of the job" for job in found)


def _problem(job: JobRow) -> str:
    return f"job {job} has an output commit that is missing"
