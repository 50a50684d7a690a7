"""Jobs as messages, and listings of them."""

from collections.abc import Iterator, Sequence

from trunkline.api.wire import job_places
from trunkline.api.wire import pps as pps_wire
from trunkline.errors import NotFoundError
from trunkline.model.names import DEFAULT_PROJECT
from trunkline.model.versions import RepoKey
from trunkline.pfs.queries import commits
from trunkline.pfs.transaction import Transaction
from trunkline.pfs.versioning import Versioning
from trunkline.pps.queries import jobs as job_queries
from trunkline.pps.queries import pipelines as pipeline_queries
from trunkline.pps.queries.job_places import Place, Wanted
from trunkline.pps.queries.jobs import FIRST_PAGE, PAGE, JobRow
from trunkline.pps.queries.pipelines import PipelineRow
from trunkline.proto import pps_pb2

_PAGE_WITH_DETAILS = 64


class JobInfos:
    """Makes messages of jobs. What many of them share is looked up once, the rest for some at a time."""

    def __init__(self, *, details: bool) -> None:
        self.details = details
        self._versions: dict[tuple[int, int], PipelineRow | None] = {}

    def one(self, tx: Transaction, job: JobRow) -> pps_pb2.JobInfo:
        """Return the message of a job, or raise NotFoundError if it was deleted."""
        found = self.of(tx, [job])
        if not found:
            raise NotFoundError(f"jobs {job} not found: it was deleted")
        return found[0]

    def of(self, tx: Transaction, rows: Sequence[JobRow]) -> list[pps_pb2.JobInfo]:
        """Return the message of each job; those that were deleted since their rows were read are left out."""
        outputs = commits.commits_by_key(tx.connection, [job.output_commit for job in rows])
        keys = {output.key: output.commit for output in outputs}
        found = []
        for job in rows:
            version = self._version(tx, job)
            output = keys.get(job.output_commit)
            if version is None or output is None:
                continue
            inputs = self._inputs(tx, job) if self.details else {}
            found.append(pps_wire.job_info(job, version, output, details=self.details, inputs=inputs))
        return found

    def _version(self, tx: Transaction, job: JobRow) -> PipelineRow | None:
        key = job.pipeline_key, job.version
        if key not in self._versions:
            self._versions[key] = pipeline_queries.find_version(tx.connection, *key)
        return self._versions[key]

    def _inputs(self, tx: Transaction, job: JobRow) -> dict[RepoKey, str]:
        upstream = commits.provenance_of(tx.connection, job.output_commit)
        return {commit.commit.repo: commit.commit.id for commit in upstream}


def start_of(tx: Transaction, request: pps_pb2.ListJobRequest | pps_pb2.ListJobSetRequest) -> Place | None:
    """Return the place after which a listing begins; None where it is the first page."""
    if not request.HasField("paginationMarker"):
        return None
    return job_places.place_of(tx, request.paginationMarker, oldest_first=request.reverse)


def list_infos(
    versioning: Versioning, infos: JobInfos, wanted: Wanted, start: Place | None, *, oldest_versions: dict[int, int]
) -> Iterator[pps_pb2.JobInfo]:
    """Yield the message of each job beyond a place, less those of versions older than told."""
    place, size = start, FIRST_PAGE
    while True:
        with versioning.reading() as tx:
            rows = job_queries.jobs_page(tx.connection, wanted, place, size)
            found = infos.of(tx, [job for job in rows if job.version >= oldest_versions.get(job.pipeline_key, 0)])
        yield from found
        if len(rows) < size:
            return
        place, size = Place(rows[-1].created_at, rows[-1].key), _PAGE_WITH_DETAILS if infos.details else PAGE


def list_sets(
    versioning: Versioning, infos: JobInfos, wanted: Wanted, start: Place | None
) -> Iterator[pps_pb2.JobSetInfo]:
    """Yield the sets whose first jobs lie beyond a place, in the order of those: the markers that clients hand back."""
    place, size = start, FIRST_PAGE
    while True:
        with versioning.reading() as tx:
            rows = job_queries.jobs_page(tx.connection, wanted, place, size)
            found = [info for job in rows if (info := _set_begun_by(tx, infos, job, wanted.projects)) is not None]
        yield from found
        if len(rows) < size:
            return
        place, size = Place(rows[-1].created_at, rows[-1].key), _PAGE_WITH_DETAILS


def _set_begun_by(tx: Transaction, infos: JobInfos, job: JobRow, projects: Sequence[str]) -> pps_pb2.JobSetInfo | None:
    """Return the set that a job is the first of, None if it is not."""
    rows = [row for row in job_queries.jobs_of_set(tx.connection, job.id) if not projects or row.project in projects]
    if not rows or rows[0].key != job.key:
        return None
    return pps_pb2.JobSetInfo(job_set=pps_pb2.JobSet(id=job.id), jobs=infos.of(tx, rows))


def wanted_by(
    request: pps_pb2.ListJobRequest | pps_pb2.ListJobSetRequest,
    *,
    pipeline_key: int | None = None,
    input_commits: Sequence[int] = (),
) -> Wanted:
    """Return which jobs a request asks for."""
    projects = [project.name or DEFAULT_PROJECT for project in request.projects]
    return Wanted(pipeline_key, projects, input_commits, oldest_first=request.reverse)
