"""Jobs of services: which one is served, and how the others end (reference, section 4.9).

A service needs exactly one datum. The newest job that has one is served until a newer one takes its place.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import islice

from trunkline.model.datums import Datum
from trunkline.model.jobs import JobState, PipelineType
from trunkline.model.pipelines import PipelineSpec
from trunkline.pfs.queries import commits
from trunkline.pfs.queries.commits import CommitRow
from trunkline.pfs.transaction import Transaction
from trunkline.pfs.versioning import Versioning
from trunkline.pps.datums.job_inputs import JobInputs
from trunkline.pps.datums.plan import datums_of, failed_repos
from trunkline.pps.jobs.moves import close_commits, kill_job, move_job, unrunnable_reason
from trunkline.pps.queries import jobs, pipelines
from trunkline.pps.queries.jobs import JobRow
from trunkline.pps.queries.pipelines import PipelineRow
from trunkline.pps.spec.decode import decode_spec


@dataclass(frozen=True, slots=True)
class Verdict:
    """What is to be done with some inputs: serve a datum, or else say why that cannot be."""

    datum: Datum | None = None
    problem: str = ""
    """Why they cannot be served; empty where there is just nothing in them."""
    unrunnable: bool = False


class Serving:
    """Picks the job of each service. Keeps what it has found out of a job, whose inputs never change."""

    def __init__(self, versioning: Versioning) -> None:
        self._versioning = versioning
        self._verdicts: dict[int, Verdict] = {}

    def served(self, row: PipelineRow, spec: PipelineSpec) -> tuple[JobRow, Datum] | None:
        """Return the job to be served and its datum; end those that are not to be. None where there is nothing."""
        with self._versioning.reading() as tx:
            waiting = [
                (job, commits.provenance_of(tx.connection, job.output_commit))
                for job in jobs.unfinished_jobs(tx.connection, row.key)
                if job.state is not JobState.FINISHING
            ]
        ready = [(job, inputs) for job, inputs in waiting if all(each.finished_at is not None for each in inputs)]
        for index in reversed(range(len(ready))):
            job, inputs = ready[index]
            verdict = self._judge(job, row, spec, inputs)
            if verdict.problem:
                self._refuse(job, verdict)
                continue
            self._settle(job, verdict, older=[other for other, _ in ready[:index]])
            return None if verdict.datum is None else (job, verdict.datum)
        return None

    def forget_ended(self) -> None:
        """Forget what was found out of jobs that have ended."""
        if not self._verdicts:
            return
        with self._versioning.reading() as tx:
            left = {job.key for job in jobs.unfinished_jobs(tx.connection, type=PipelineType.SERVICE)}
        self._verdicts = {key: verdict for key, verdict in self._verdicts.items() if key in left}

    def _judge(self, job: JobRow, row: PipelineRow, spec: PipelineSpec, inputs: Sequence[CommitRow]) -> Verdict:
        if job.key not in self._verdicts:
            self._verdicts[job.key] = judge(self._versioning, spec, inputs, salt=row.salt)
        return self._verdicts[job.key]

    def _refuse(self, job: JobRow, verdict: Verdict) -> None:
        with self._versioning.transaction() as tx:
            _enter(tx, job)
            state = JobState.UNRUNNABLE if verdict.unrunnable else JobState.FAILURE
            if move_job(tx, job, state, reason=verdict.problem):
                close_commits(tx, job, error=verdict.problem)

    def _settle(self, job: JobRow, verdict: Verdict, *, older: Sequence[JobRow]) -> None:
        """Let the job begin, and end those before it; nothing is written where all of that has been done."""
        if not older and verdict.datum is not None and job.state is not JobState.CREATED:
            return
        with self._versioning.transaction() as tx:
            for other in older:
                _replace(tx, other, by=job)
            _enter(tx, job, data_total=1 if verdict.datum is not None else 0)
            if verdict.datum is None and move_job(tx, job, JobState.RUNNING):
                _end_well(tx, job)


def judge(versioning: Versioning, spec: PipelineSpec, inputs: Sequence[CommitRow], *, salt: str) -> Verdict:
    """Return what is to be done with finished commits, one for each repo that the spec reads."""
    if reason := unrunnable_reason(spec, failed_repos(inputs)):
        return Verdict(problem=reason, unrunnable=True)
    found = list(islice(datums_of(spec, JobInputs(versioning, inputs), salt=salt), 2))
    if len(found) > 1:
        return Verdict(problem="a service needs exactly one datum, and its input gives more: use the glob /")
    return Verdict(found[0] if found else None)


def datum_of(versioning: Versioning, job: JobRow) -> Datum | None:
    """Return the datum that a job of a service serves or has served; None if it has none, or is of no service."""
    with versioning.reading() as tx:
        row = pipelines.find_version(tx.connection, job.pipeline_key, job.version)
        inputs = commits.provenance_of(tx.connection, job.output_commit)
    if row is None or row.type is not PipelineType.SERVICE or job.started_at is None:
        return None
    if any(each.finished_at is None or each.forgotten_at is not None for each in inputs):
        return None
    return judge(versioning, decode_spec(row.spec_json), inputs, salt=row.salt).datum


def note_start(tx: Transaction, job: JobRow) -> None:
    """Note that the process of a job has been started, for the first time or again."""
    current = jobs.job_by_key(tx.connection, job.key)
    if current is not None and current.state is JobState.RUNNING:
        jobs.update_job(tx.connection, job.key, restart=current.restart + 1)
    else:
        move_job(tx, job, JobState.RUNNING)


def _enter(tx: Transaction, job: JobRow, **values: object) -> None:
    if job.state is JobState.CREATED:
        move_job(tx, job, JobState.STARTING, started_at=tx.now, **values)


def _replace(tx: Transaction, job: JobRow, *, by: JobRow) -> None:
    """End a job in favour of a newer one: well, if it has been served."""
    if job.state is JobState.RUNNING:
        _end_well(tx, job)
    else:
        kill_job(tx, job, f"replaced by job {by.id} before its process could start")


def _end_well(tx: Transaction, job: JobRow) -> None:
    if move_job(tx, job, JobState.FINISHING):
        close_commits(tx, job)
