"""Running the datums of a job: in sets, as many at a time as there are workers for, each kept when it comes back."""

from collections import Counter
from collections.abc import Sequence
from concurrent.futures import FIRST_COMPLETED, CancelledError, Future, wait
from dataclasses import dataclass

import msgspec

from trunkline.model.datums import Datum, DatumResult, DatumSet, DatumSetResult, DatumState, Runner, SecretValues
from trunkline.model.pipelines import DatumSetSpec, PipelineSpec, Transform
from trunkline.pfs.queries import chunks
from trunkline.pfs.transaction import Transaction
from trunkline.pfs.versioning import Versioning
from trunkline.pps.datums.datum_table import DatumTables, record_of
from trunkline.pps.datums.identity import explain, take_set
from trunkline.pps.datums.packed import PackedDatums
from trunkline.pps.datums.plan import LastGoodJob, Planner, known_datum
from trunkline.pps.jobs.executor import Executor
from trunkline.pps.jobs.life import JobEndedError, JobLife
from trunkline.pps.jobs.resources import memory_bytes_max, thread_environment, workers_wanted
from trunkline.pps.queries import jobs, pipelines
from trunkline.pps.queries.jobs import DatumSetRow
from trunkline.pps.queries.pipelines import PipelineRow
from trunkline.pps.spec.defaults import REPROCESS_EVERY_JOB
from trunkline.pps.spec.durations import parse_duration
from trunkline.pps.spec.runner import runner_of
from trunkline.storage.chunk import decode_refs


@dataclass(frozen=True, slots=True)
class Processing:
    """Runs datums of one job."""

    versioning: Versioning
    executor: Executor
    life: JobLife
    pipeline: PipelineRow
    spec: PipelineSpec
    transform: Transform
    planner: Planner
    records: DatumTables
    runner: Runner
    """For pipelines that do not choose one."""
    secrets: SecretValues

    def run(self, left: PackedDatums, base: LastGoodJob) -> None:
        """Run datums, of which the base has results that no longer hold, or has nothing."""
        try:
            self._run(left, base)
        except BaseException:
            # Nobody waits for the other sets any more, and they would keep the workers from those who do.
            self.executor.cancel(str(self.life.job.key))
            raise

    def _run(self, left: PackedDatums, base: LastGoodJob) -> None:
        with self.versioning.reading() as tx:
            rows = jobs.datum_sets_of(tx.connection, self.life.job.key)
        index = max((row.index for row in rows), default=-1) + 1
        first_index = sum(self.records.count(row.datums) for row in rows)
        waiting, remaining, seconds, count = iter(left), len(left), 0.0, 0
        running: dict[Future[DatumSetResult], DatumSet] = {}
        while remaining or running:
            while remaining and len(running) < self._sets_at_once():
                taken = take_set(
                    waiting,
                    remaining,
                    total=len(left),
                    seconds_per_datum=seconds / count if count else None,
                    capacity=self.executor.capacity(),
                    spec=self._datum_set_spec,
                )
                datum_set = self._datum_set(index, taken, first_index=first_index + len(left) - remaining)
                running[self.executor.submit(datum_set)] = datum_set
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
        capacity = self.executor.capacity()
        wanted = workers_wanted(self.spec, capacity)
        return wanted if wanted < capacity else 2 * capacity

    @property
    def _datum_set_spec(self) -> DatumSetSpec | None:
        # A batching command begins anew for every set: one for each worker, unless the spec says more.
        return self.spec.datum_set_spec or (DatumSetSpec(per_worker=1) if self.transform.datum_batching else None)

    def _datum_set(self, index: int, datums: Sequence[Datum], *, first_index: int) -> DatumSet:
        job, timeout = self.life.job, self.spec.datum_timeout
        return DatumSet(
            project=job.project,
            pipeline=job.pipeline,
            job=str(job.key),
            index=index,
            first_index=first_index,
            attempt=1,
            transform=msgspec.structs.replace(
                self.transform, env={**thread_environment(self.spec), **self.transform.env}
            ),
            datums=tuple(datums),
            job_env={
                "PACH_JOB_ID": job.id,
                "PACH_OUTPUT_COMMIT_ID": job.id,
                "PPS_PROJECT_NAME": job.project,
                "PPS_PIPELINE_NAME": job.pipeline,
                "PPS_SPEC_COMMIT": self.pipeline.spec_commit,
            },
            datum_tries=self.spec.datum_tries or 3,
            datum_timeout_seconds=parse_duration(timeout) if timeout else None,
            memory_bytes_max=memory_bytes_max(self.spec),
            runner=runner_of(self.spec) or self.runner,
            imports=self.pipeline.imports,
            secrets=self.secrets,
        )

    def _result_of(self, future: Future[DatumSetResult]) -> DatumSetResult:
        try:
            return future.result()
        except CancelledError:
            raise JobEndedError from None
        except Exception:
            if self.life.is_closing():
                raise JobEndedError from None
            raise

    def _keep(self, datum_set: DatumSet, result: DatumSetResult, base: LastGoodJob) -> None:
        """Record what a datum set gave; from here on it survives the server."""
        by_id = {datum.id: (index, datum) for index, datum in enumerate(datum_set.datums, datum_set.first_index)}
        before = {record.id: known_datum(record) for record in self.planner.records_in(base, by_id)}
        every_job = self.spec.reprocess_spec == REPROCESS_EVERY_JOB
        records = [
            record_of(
                datum,
                outcome,
                job=self.life.job.id,
                set_index=result.index,
                why=str(explain(datum, before.get(datum.id), every_job=every_job)),
                index=index,
            )
            for outcome in result.datums
            for index, datum in (by_id[outcome.id],)
        ]
        root = self.records.write(records)
        states = Counter(datum.state for datum in result.datums)
        with self.versioning.transaction() as tx:
            job = jobs.job_by_key(tx.connection, self.life.job.key)
            if job is None or job.state.is_terminal:
                raise JobEndedError
            chunks.insert_chunks(tx.connection, decode_refs(result.new_chunks) if result.new_chunks else [])
            jobs.insert_datum_set(
                tx.connection,
                DatumSetRow(
                    job=self.life.job.key,
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
                self.life.job.key,
                data_processed=job.data_processed + states[DatumState.SUCCESS],
                data_failed=job.data_failed + states[DatumState.FAILED],
                data_recovered=job.data_recovered + states[DatumState.RECOVERED],
                stats=_add_stats(job.stats, result.datums),
                runners=dict(Counter(job.runners) + Counter(datum.runner.value for datum in result.datums)),
                warnings=sorted({*job.warnings, *result.warnings}),
            )
            self._learn_imports(tx, result.imports)

    def _learn_imports(self, tx: Transaction, imports: Sequence[str]) -> None:
        known = set(self.pipeline.imports)
        if not known.issuperset(imports):
            pipelines.update_pipeline(tx.connection, self.pipeline.key, imports=sorted(known.union(imports)))


def _wall_seconds(datum: DatumResult) -> float:
    return datum.stats.download_seconds + datum.stats.process_seconds + datum.stats.upload_seconds


def _add_stats(stats: dict[str, float], datums: Sequence[DatumResult]) -> dict[str, float]:
    names = ("download_seconds", "process_seconds", "upload_seconds", "download_bytes", "upload_bytes", "cpu_seconds")
    return {name: stats.get(name, 0) + sum(getattr(datum.stats, name) for datum in datums) for name in names}
