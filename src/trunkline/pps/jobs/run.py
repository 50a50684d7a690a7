"""One job from its inputs to its output commit, read top to bottom; every step can be taken again after a crash."""

from collections.abc import Callable

from trunkline.errors import NotFoundError
from trunkline.model.datums import DatumState, Runner
from trunkline.model.jobs import JobState
from trunkline.model.pipelines import PipelineSpec
from trunkline.pfs.queries import commits
from trunkline.pfs.versioning import Versioning
from trunkline.pps.datums.datum_table import DatumTables
from trunkline.pps.datums.index import DatumIndex
from trunkline.pps.datums.job_inputs import repo_of
from trunkline.pps.datums.packed import PackedDatums
from trunkline.pps.datums.plan import LastGoodJob, Planner, failed_repos
from trunkline.pps.inputs.wiring import leaves_of, lost_inputs_reason
from trunkline.pps.jobs.egress import password_mounts
from trunkline.pps.jobs.executor import Executor
from trunkline.pps.jobs.life import JobEndedError, JobLife
from trunkline.pps.jobs.moves import unrunnable_reason
from trunkline.pps.jobs.processing import Processing
from trunkline.pps.jobs.publishing import Publication
from trunkline.pps.queries import jobs, pipelines
from trunkline.pps.queries.jobs import JobRow
from trunkline.pps.queries.pipelines import PipelineRow
from trunkline.pps.secrets import Secrets
from trunkline.pps.spec.decode import decode_spec


class JobRun:
    """Runs one job to its end, or as far as it can be run."""

    def __init__(
        self,
        versioning: Versioning,
        executor: Executor,
        job: JobRow,
        *,
        secrets: Secrets,
        runner: Runner,
        is_closing: Callable[[], bool],
    ) -> None:
        self._versioning = versioning
        self._executor = executor
        self._job = job
        self._secrets = secrets
        self._runner = runner
        self._life = JobLife(versioning, job, is_closing=is_closing)
        self._records = DatumTables(versioning.file_sets.tables)
        with versioning.reading() as tx:
            pipeline = pipelines.find_version(tx.connection, job.pipeline_key, job.version)
            self._output = commits.commit_by_key(tx.connection, job.output_commit)
            self._inputs = commits.provenance_of(tx.connection, job.output_commit)
        assert pipeline is not None
        self._pipeline: PipelineRow = pipeline
        self._planner = Planner(versioning, self._records, pipeline, self._output)
        self._spec: PipelineSpec = decode_spec(pipeline.spec_json)

    def run(self) -> None:
        """Take the job to a terminal state; on an error of our own the job fails and says so."""
        try:
            if self._job.state is JobState.FINISHING:
                # Its commits were closed, and making the output readable failed or was cut short.
                self._versioning.settling.settle(self._output.key)
            else:
                self._run()
        except JobEndedError:
            return
        except Exception as error:
            self._life.end(JobState.FAILURE, f"internal error: {type(error).__name__}: {error}")
            raise

    def _run(self) -> None:
        processing = self._prepare()
        if processing is None:
            return
        self._run_early(processing)
        planned = self._planner.plan()
        done = self._finished()
        salt = self._pipeline.salt
        new, changed = _without(planned.new_datums, done, salt), _without(planned.changed_datums, done, salt)
        for datum_id in done.never_asked_for():
            planned.repeated(datum_id)
        self._life.begin(done.states(), total=planned.total, skipped=planned.skipped_count)
        for phase, base in ((new, LastGoodJob()), (changed, planned.base)):
            processing.run(phase, base)
            failure = self._first_failure()
            if failure is not None:
                self._life.end(JobState.FAILURE, failure)
                return
        publication = Publication(
            self._versioning, self._life, self._output, self._planner, self._records, self._secrets
        )
        publication.publish(planned, self._spec.egress)

    def _prepare(self) -> Processing | None:
        """Return what is to run the datums; end the job where it cannot be run."""
        if reason := unrunnable_reason(self._spec, failed_repos(self._inputs)):
            self._life.end(JobState.UNRUNNABLE, reason)
            return None
        if reason := lost_inputs_reason(self._lost_inputs()):
            self._life.end(JobState.UNRUNNABLE, reason)
            return None
        transform = self._spec.transform
        if transform is None or not transform.cmd:
            self._life.end(JobState.FAILURE, "nothing to run: no transform.cmd")
            return None
        try:
            secrets = self._secrets.mounted((*transform.secrets, *password_mounts(self._spec.egress)))
        except NotFoundError as error:
            self._life.end(JobState.FAILURE, str(error))
            return None
        return Processing(
            self._versioning,
            self._executor,
            self._life,
            self._pipeline,
            self._spec,
            transform,
            self._planner,
            self._records,
            self._runner,
            secrets,
        )

    def _lost_inputs(self) -> list[str]:
        """Return the repos that the job is to read and of which it has no commit, as they were deleted."""
        there = {commit.commit.repo for commit in self._inputs}
        return [f"repo {repo}" for repo in map(repo_of, leaves_of(self._spec)) if repo not in there]

    def _finished(self) -> DatumIndex:
        """Return the datums whose results an earlier attempt of this job has kept."""
        return self._records.index_many(self._kept_tables())

    def _kept_tables(self) -> list[str]:
        with self._versioning.reading() as tx:
            return [row.datums for row in jobs.datum_sets_of(tx.connection, self._job.key)]

    def _run_early(self, processing: Processing) -> None:
        """Run what is new however the job before ends, and wait until it has; then it is known what this builds on."""
        with self._versioning.reading() as tx:
            earlier = jobs.job_before(tx.connection, self._job)
        if earlier is None:
            return
        done = self._finished()
        early = _without(self._planner.plan_early(earlier), done, self._pipeline.salt)
        # What an earlier server began is counted as begun again also if it only waits.
        if len(early) or self._job.state is not JobState.CREATED:
            self._life.begin(done.states(), total=len(done) + len(early), skipped=0)
            processing.run(early, LastGoodJob())
        self._versioning.db.changes.poll(lambda: self._has_ended(earlier), give_up=lambda: False)

    def _has_ended(self, earlier: JobRow) -> bool | None:
        """Return whether another job has ended: None for no, as long as this one is wanted."""
        self._life.check_wanted()
        with self._versioning.reading() as tx:
            job = jobs.job_by_key(tx.connection, earlier.key)
        return True if job is None or job.state.is_terminal else None

    def _first_failure(self) -> str | None:
        with self._versioning.reading() as tx:
            job = jobs.job_by_key(tx.connection, self._job.key)
        if job is None or not job.data_failed:
            return None
        first = next(self._records.scan_many(self._kept_tables(), states=[DatumState.FAILED], job=self._job.id))
        files = ", ".join(f"{i.repo}@{i.commit}:{i.path}" for i in first.inputs)
        more = f" (and {job.data_failed - 1} more)" if job.data_failed > 1 else ""
        return f"datum {first.id} failed{more}: {first.reason} [{files}]"


def _without(datums: PackedDatums, done: DatumIndex, salt: str) -> PackedDatums:
    """Return the datums that are left when some are done."""
    if not len(done):
        return datums
    left = PackedDatums(salt)
    for datum in datums:
        if done.find(datum.id) is None:
            left.append(datum)
    return left
