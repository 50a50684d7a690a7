"""One job from its inputs to its output commit, read top to bottom; every step can be taken again after a crash."""

from collections import Counter
from collections.abc import Callable, Sequence
from concurrent.futures import FIRST_COMPLETED, CancelledError, Future, wait

import msgspec

from trunkline.errors import Error, NotFoundError
from trunkline.model.datums import Datum, DatumResult, DatumSet, DatumSetResult, DatumState, Runner, SecretValues
from trunkline.model.jobs import JobState
from trunkline.model.pipelines import DatumSetSpec, Egress, PipelineSpec, Transform
from trunkline.pfs.queries import chunks, commits
from trunkline.pfs.transaction import Transaction
from trunkline.pfs.versioning import Versioning, now
from trunkline.pps.datum_index import DatumIndex
from trunkline.pps.datums import explain, take_set
from trunkline.pps.egress import copy_out, password_mounts
from trunkline.pps.executor import Executor
from trunkline.pps.jobs import close_commits, move_job
from trunkline.pps.pipelines import runner_of
from trunkline.pps.planning import Base, JobPlan, Planner, base_datum, failed_repos
from trunkline.pps.queries import jobs, pipelines
from trunkline.pps.queries.jobs import DatumSetRow, JobRow
from trunkline.pps.queries.pipelines import PipelineRow
from trunkline.pps.records import DatumRecords, record_of
from trunkline.pps.resources import memory_bytes_max, thread_environment, workers_wanted
from trunkline.pps.secrets import Secrets
from trunkline.pps.spec.decode import decode_spec
from trunkline.pps.spec.durations import parse_duration
from trunkline.pps.states import unrunnable_reason
from trunkline.pps.worklist import Worklist
from trunkline.storage.chunk import decode_refs

_REASON_CHARS_MAX = 2000


class JobEndedError(Exception):
    """The job was stopped, or the server is closing: leave it as it is."""


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
        self._secret_values = SecretValues()
        self._runner = runner
        self._began_at = 0
        self._has_begun = False
        self._is_closing = is_closing
        self._records = DatumRecords(versioning.file_sets.tables)
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
                self._versioning.settle_all()
            else:
                self._run()
        except JobEndedError:
            return
        except Exception as error:
            self._end(JobState.FAILURE, f"internal error: {type(error).__name__}: {error}")
            raise

    def _run(self) -> None:
        self._began_at = now()
        if reason := unrunnable_reason(self._spec, failed_repos(self._inputs)):
            self._end(JobState.UNRUNNABLE, reason)
            return
        if not self._transform.cmd:
            self._end(JobState.FAILURE, "nothing to run: no transform.cmd")
            return
        try:
            self._secret_values = self._secrets.mounted((*self._transform.secrets, *password_mounts(self._spec.egress)))
        except NotFoundError as error:
            self._end(JobState.FAILURE, str(error))
            return
        self._run_early()
        planned = self._planner.plan()
        done = self._finished()
        salt = self._pipeline.salt
        new, changed = _without(planned.new_datums, done, salt), _without(planned.changed_datums, done, salt)
        for datum_id in done.never_asked_for():
            planned.repeated(datum_id)
        self._begin(done.states(), total=planned.total, skipped=planned.skipped_count)
        for phase, base in ((new, Base()), (changed, planned.base)):
            self._process(phase, base)
            failure = self._first_failure()
            if failure is not None:
                self._end(JobState.FAILURE, failure)
                return
        self._publish(planned)

    @property
    def _every_job(self) -> bool:
        return self._spec.reprocess_spec == "every_job"

    @property
    def _transform(self) -> Transform:
        return self._spec.transform or Transform()

    # Before anything runs

    def _enter(self, tx: Transaction) -> bool:
        """Move the job to STARTING; return False if it has ended meanwhile."""
        if self._job.state is JobState.CREATED:
            return move_job(tx, self._job, JobState.STARTING, started_at=self._began_at)
        # The rows of an earlier server's attempt: the job goes back to where its plan is made.
        restart = self._job.restart + 1
        return jobs.update_job(tx.connection, self._job.key, state=int(JobState.STARTING), restart=restart)

    def _finished(self) -> DatumIndex:
        """Return the datums whose results an earlier attempt of this job has kept."""
        return self._records.index_many(self._kept_tables())

    def _kept_tables(self) -> list[str]:
        with self._versioning.reading() as tx:
            return [row.datums for row in jobs.datum_sets_of(tx.connection, self._job.key)]

    def _begin(self, done: Counter[DatumState], *, total: int, skipped: int) -> None:
        """Move the job to RUNNING, where it is not yet, with what is known of its datums."""
        counts = {
            "data_total": total,
            "data_skipped": skipped,
            "data_processed": done[DatumState.SUCCESS],
            "data_failed": done[DatumState.FAILED],
            "data_recovered": done[DatumState.RECOVERED],
        }
        with self._versioning.transaction() as tx:
            if self._has_begun:
                if not jobs.update_job(tx.connection, self._job.key, **counts):
                    raise JobEndedError
                return
            if not self._enter(tx):
                raise JobEndedError
            move_job(tx, self._job, JobState.RUNNING, **counts)
        self._has_begun = True

    # While the job before runs

    def _run_early(self) -> None:
        """Run what is new however the job before ends, and wait until it has; then it is known what this builds on."""
        with self._versioning.reading() as tx:
            earlier = jobs.job_before(tx.connection, self._job)
        if earlier is None:
            return
        done = self._finished()
        early = _without(self._planner.plan_early(earlier), done, self._pipeline.salt)
        # What an earlier server began is counted as begun again also if it only waits.
        if len(early) or self._job.state is not JobState.CREATED:
            self._begin(done.states(), total=len(done) + len(early), skipped=0)
            self._process(early, Base())
        self._versioning.db.changes.poll(lambda: self._has_ended(earlier), give_up=lambda: False)

    def _has_ended(self, earlier: JobRow) -> bool | None:
        """Return whether another job has ended: None for no, as long as this one is wanted."""
        self._check_wanted()
        with self._versioning.reading() as tx:
            job = jobs.job_by_key(tx.connection, earlier.key)
        return True if job is None or job.state.is_terminal else None

    # Running

    def _process(self, left: Worklist, base: Base) -> None:
        """Run datums, of which the base has results that no longer hold, or has nothing."""
        with self._versioning.reading() as tx:
            rows = jobs.datum_sets_of(tx.connection, self._job.key)
        index = max((row.index for row in rows), default=-1) + 1
        first_index = sum(self._records.count(row.datums) for row in rows)
        waiting, remaining, seconds, count = iter(left), len(left), 0.0, 0
        running: dict[Future[DatumSetResult], DatumSet] = {}
        while remaining or running:
            while remaining and len(running) < self._sets_at_once():
                taken = take_set(
                    waiting,
                    remaining,
                    total=len(left),
                    seconds_per_datum=seconds / count if count else None,
                    capacity=self._executor.capacity(),
                    spec=self._datum_set_spec,
                )
                datum_set = self._datum_set(index, taken, first_index=first_index + len(left) - remaining)
                running[self._executor.submit(datum_set)] = datum_set
                remaining, index = remaining - len(taken), index + 1
            finished, _ = wait(running, return_when=FIRST_COMPLETED)
            for future in finished:
                datum_set = running.pop(future)
                result = self._result_of(future)
                self._keep(datum_set, result, base)
                count += len(result.datums)
                seconds += sum(_wall_seconds(datum) for datum in result.datums)

    def _sets_at_once(self) -> int:
        """Return how many sets are handed out at a time: the next ones too, unless the spec wants fewer workers."""
        capacity = self._executor.capacity()
        wanted = workers_wanted(self._spec, capacity)
        return wanted if wanted < capacity else 2 * capacity

    @property
    def _datum_set_spec(self) -> DatumSetSpec | None:
        # A batching command begins anew for every set: one for each worker, unless the spec says more.
        return self._spec.datum_set_spec or (DatumSetSpec(per_worker=1) if self._transform.datum_batching else None)

    def _datum_set(self, index: int, datums: Sequence[Datum], *, first_index: int) -> DatumSet:
        timeout = self._spec.datum_timeout
        return DatumSet(
            project=self._job.project,
            pipeline=self._job.pipeline,
            job=str(self._job.key),
            index=index,
            first_index=first_index,
            attempt=1,
            transform=msgspec.structs.replace(
                self._transform, env={**thread_environment(self._spec), **self._transform.env}
            ),
            datums=tuple(datums),
            job_env={
                "PACH_JOB_ID": self._job.id,
                "PACH_OUTPUT_COMMIT_ID": self._job.id,
                "PPS_PROJECT_NAME": self._job.project,
                "PPS_PIPELINE_NAME": self._job.pipeline,
                "PPS_SPEC_COMMIT": self._pipeline.spec_commit,
            },
            datum_tries=self._spec.datum_tries or 3,
            datum_timeout_seconds=parse_duration(timeout) if timeout else None,
            memory_bytes_max=memory_bytes_max(self._spec),
            runner=runner_of(self._spec) or self._runner,
            imports=self._pipeline.imports,
            secrets=self._secret_values,
        )

    def _result_of(self, future: Future[DatumSetResult]) -> DatumSetResult:
        try:
            return future.result()
        except CancelledError:
            raise JobEndedError from None
        except Exception:
            if self._is_closing():
                raise JobEndedError from None
            raise

    def _keep(self, datum_set: DatumSet, result: DatumSetResult, base: Base) -> None:
        """Record what a datum set gave; from here on it survives the server."""
        by_id = {datum.id: (index, datum) for index, datum in enumerate(datum_set.datums, datum_set.first_index)}
        before = {record.id: base_datum(record) for record in self._planner.records_in(base, by_id)}
        records = [
            record_of(
                datum,
                outcome,
                job=self._job.id,
                set_index=result.index,
                why=str(explain(datum, before.get(datum.id), every_job=self._every_job)),
                index=index,
            )
            for outcome in result.datums
            for index, datum in (by_id[outcome.id],)
        ]
        root = self._records.write(records)
        states = Counter(datum.state for datum in result.datums)
        with self._versioning.transaction() as tx:
            job = jobs.job_by_key(tx.connection, self._job.key)
            if job is None or job.state.is_terminal:
                raise JobEndedError
            chunks.insert_chunks(tx.connection, decode_refs(result.new_chunks) if result.new_chunks else [])
            jobs.insert_datum_set(
                tx.connection,
                DatumSetRow(
                    job=self._job.key,
                    index=result.index,
                    attempt=result.attempt,
                    layer=result.layer,
                    datums=root,
                    logs=result.logs,
                    log_lines=result.log_lines,
                    finished_at=tx.now,
                ),
            )
            jobs.update_job(
                tx.connection,
                self._job.key,
                data_processed=job.data_processed + states[DatumState.SUCCESS],
                data_failed=job.data_failed + states[DatumState.FAILED],
                data_recovered=job.data_recovered + states[DatumState.RECOVERED],
                stats=_add_stats(job.stats, result.datums),
                runners=dict(Counter(job.runners) + Counter(datum.runner.value for datum in result.datums)),
                warnings=sorted({*job.warnings, *result.warnings}),
            )
            self._learn_imports(tx, result.imports)

    def _learn_imports(self, tx: Transaction, imports: Sequence[str]) -> None:
        known = set(self._pipeline.imports)
        if not known.issuperset(imports):
            pipelines.update_pipeline(tx.connection, self._pipeline.key, imports=sorted(known.union(imports)))

    # After all datums have been tried

    def _first_failure(self) -> str | None:
        with self._versioning.reading() as tx:
            job = jobs.job_by_key(tx.connection, self._job.key)
        if job is None or not job.data_failed:
            return None
        first = next(self._records.scan_many(self._kept_tables(), states=[DatumState.FAILED], job=self._job.id))
        files = ", ".join(f"{i.repo}@{i.commit}:{i.path}" for i in first.inputs)
        more = f" (and {job.data_failed - 1} more)" if job.data_failed > 1 else ""
        return f"datum {first.id} failed{more}: {first.reason} [{files}]"[:_REASON_CHARS_MAX]

    def _publish(self, planned: JobPlan) -> None:
        """Close the output commit over what stays of the base and what the datums wrote.

        The job ends in the transaction that makes the output readable (`pps.jobs.JobMaker`).
        """
        base = planned.base
        removal = self._removal(planned)
        with self._versioning.reading() as tx:
            rows = jobs.datum_sets_of(tx.connection, self._job.key)
        base_datums = base.job.datums if base.job is not None else ""
        datums = self._records.apply(base_datums, [row.datums for row in rows], planned.deleted_ids)
        buckets = self._planner.bucket_tables()
        layers = [layer for layer in (removal, *(row.layer for row in rows)) if layer]
        if self._spec.egress is not None:
            self._copy_out(self._spec.egress, base.root, layers)
        with self._versioning.transaction() as tx:
            if not move_job(tx, self._job, JobState.FINISHING, datums=datums, buckets=buckets):
                raise JobEndedError
            commits.delete_layers(tx.connection, self._output.key)
            # Not simply on the parent: files that no job record accounts for would stay for ever.
            commits.update_commit(tx.connection, self._output.key, base_root=base.root)
            for layer in layers:
                self._versioning.append_layer(tx, self._output, layer)
            close_commits(tx, self._job)

    def _copy_out(self, egress: Egress, base_root: str, layers: list[str]) -> None:
        """Copy the output elsewhere, before it becomes readable here: if that fails, so does the job."""
        with self._versioning.transaction() as tx:
            if not move_job(tx, self._job, JobState.EGRESSING):
                raise JobEndedError
        file_sets = self._versioning.file_sets
        root = file_sets.compose(base_root, layers)
        if file_sets.collision(root, layers):
            return  # the job is about to fail for that
        try:
            copy_out(file_sets.open(root), egress, secrets=self._secrets, check=self._check_wanted)
        except Error as error:
            self._end(JobState.FAILURE, f"egress failed: {error}"[:_REASON_CHARS_MAX])
            raise JobEndedError from error

    def _check_wanted(self) -> None:
        """Raise JobEndedError if the job was stopped, or the server is closing."""
        with self._versioning.reading() as tx:
            job = jobs.job_by_key(tx.connection, self._job.key)
        if job is None or job.state.is_terminal or self._is_closing():
            raise JobEndedError

    def _removal(self, planned: JobPlan) -> str:
        """Return a layer that takes away what datums wrote that are gone or ran anew."""
        writer = self._versioning.file_sets.edit()
        for ids in planned.stale_ids():
            for record in self._planner.records_in(planned.base, ids):
                for path in record.outputs:
                    writer.delete(path, tag=record.id)
        return writer.finish()

    def _end(self, state: JobState, reason: str) -> None:
        """End the job without an output: its commits close with the reason as their error."""
        with self._versioning.transaction() as tx:
            current = jobs.job_by_key(tx.connection, self._job.key)
            if current is None or current.state is JobState.FINISHING:
                return
            if not self._has_begun and not self._enter(tx):
                return
            if move_job(tx, self._job, state, reason=reason):
                close_commits(tx, self._job, error=reason)


def _without(datums: Worklist, done: DatumIndex, salt: str) -> Worklist:
    """Return the datums that are left when some are done."""
    if not len(done):
        return datums
    left = Worklist(salt)
    for datum in datums:
        if done.find(datum.id) is None:
            left.append(datum)
    return left


def _wall_seconds(datum: DatumResult) -> float:
    return datum.stats.download_seconds + datum.stats.process_seconds + datum.stats.upload_seconds


def _add_stats(stats: dict[str, float], datums: Sequence[DatumResult]) -> dict[str, float]:
    names = ("download_seconds", "process_seconds", "upload_seconds", "download_bytes", "upload_bytes", "cpu_seconds")
    return {name: stats.get(name, 0) + sum(getattr(datum.stats, name) for datum in datums) for name in names}
