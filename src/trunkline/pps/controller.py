"""The loop that runs jobs and residents: level-triggered, with all of its state in the database.

It reads which jobs are ready, runs each on a thread, and sleeps until something changes. After a crash the next server
reads the same rows and goes on: finished datum sets are kept, the rest runs again.
"""

import threading
from concurrent.futures import ThreadPoolExecutor
from functools import partial

from trunkline.model.datums import Runner
from trunkline.model.jobs import JobState, PipelineType
from trunkline.pfs.queries import commits
from trunkline.pfs.versioning import Versioning, now
from trunkline.pps.jobs.executor import Executor
from trunkline.pps.jobs.moves import TIMED_OUT, kill_job
from trunkline.pps.jobs.run import JobRun
from trunkline.pps.queries import jobs, pipelines
from trunkline.pps.queries.jobs import JobRow
from trunkline.pps.residents.upkeep import Residents
from trunkline.pps.secrets import Secrets
from trunkline.pps.spec.decode import decode_spec
from trunkline.pps.spec.durations import parse_duration
from trunkline.supervision import BackgroundThread, Supervisor

_THREAD = "controller"
_JOBS_AT_ONCE = 32
_LOOK_SECONDS = 5.0


class Controller:
    """Runs every job of a server, oldest first: of each pipeline one, and what the next need not wait for."""

    def __init__(
        self,
        versioning: Versioning,
        executor: Executor,
        residents: Residents,
        *,
        secrets: Secrets,
        supervisor: Supervisor,
        runner: Runner = Runner.AUTO,
    ) -> None:
        self._runner = runner
        self._secrets = secrets
        self._versioning = versioning
        self._executor = executor
        self._residents = residents
        self._pool = ThreadPoolExecutor(_JOBS_AT_ONCE, thread_name_prefix="job")
        self._supervisor = supervisor
        self._loop = BackgroundThread(
            supervisor, _THREAD, self._look, wakes=versioning.work, look_seconds_max=_LOOK_SECONDS
        )
        self._looks = {
            "looking for ready jobs": self._start_ready_jobs,
            "looking for late jobs": self._end_late_jobs,
            "looking for stopped jobs": self._cancel_ended_jobs,
            "looking for spouts and services": residents.look,
        }
        self._lock = threading.Lock()
        self._active: dict[int, int] = {}  # job -> pipeline
        self._deadlines: dict[int, int | None] = {}  # job that waits for no other -> when its time is up

    def start(self) -> None:
        """Settle what an earlier server left half done, then begin."""
        self._versioning.settling.settle_all()
        self._residents.begin()
        self._loop.start()

    def close(self) -> None:
        """Stop looking for jobs and wait for those that run; they go on when a server starts again."""
        self._loop.close()
        self._executor.close()
        self._pool.shutdown(wait=True)

    def _look(self) -> float:
        for name, look in self._looks.items():
            self._loop.attempt(name, look, vital=True)
        return self._seconds_to_look()

    def _start_ready_jobs(self) -> None:
        ready = self._ready_jobs()
        # What a job failed at is told until it is tried again, or until it is over.
        jobs_there = (name for job, _ in ready for name in (_item(job), _time_limit_item(job)))
        self._loop.keep_only({*self._looks, *jobs_there})
        for job, first in ready:
            if self._supervisor.is_waiting(_THREAD, _item(job)):
                continue
            with self._lock:
                running = [key for key, pipeline in self._active.items() if pipeline == job.pipeline_key]
                # Beside the first runs one more, as long as there are threads for the first ones of others.
                beside = [first.key] if job.key != first.key and len(self._active) < _JOBS_AT_ONCE // 2 else []
                if running != beside:
                    continue
                self._active[job.key] = job.pipeline_key
            self._pool.submit(self._run_job, job)
        for job, first in ready:
            if job.key == first.key:
                self._loop.attempt(_time_limit_item(job), partial(self._note_deadline, job))

    def _ready_jobs(self) -> list[tuple[JobRow, JobRow]]:
        """Return the first job of each pipeline and the one after it, each with the first."""
        ready: list[tuple[JobRow, JobRow]] = []
        by_pipeline: dict[int, list[JobRow]] = {}
        with self._versioning.reading() as tx:
            for job in jobs.unfinished_jobs(tx.connection, type=PipelineType.TRANSFORM):
                by_pipeline.setdefault(job.pipeline_key, []).append(job)
            for waiting in by_pipeline.values():
                for job in waiting[:2]:
                    inputs = commits.provenance_of(tx.connection, job.output_commit)
                    if any(commit.finished_at is None for commit in inputs):
                        break
                    if job.state is not JobState.FINISHING:  # what is left to do for such a one is to settle its output
                        ready.append((job, waiting[0]))
        return ready

    def _note_deadline(self, job: JobRow) -> None:
        """Note when the time of a job is up that waits for no other any more."""
        with self._lock:
            if job.key in self._deadlines or job.key not in self._active:
                return
        with self._versioning.reading() as tx:
            version = pipelines.find_version(tx.connection, job.pipeline_key, job.version)
            timeout = decode_spec(version.spec_json).job_timeout if version is not None else ""
            output = commits.commits_by_key(tx.connection, [job.output_commit])
            before = commits.commits_by_key(tx.connection, [each.parent for each in output if each.parent is not None])
        deadline = None
        if timeout:
            ended_before_at = max((each.finished_at or 0 for each in before), default=0)
            deadline = deadline_of(job.started_at or now(), ended_before_at, parse_duration(timeout))
        with self._lock:
            if job.key in self._active:
                self._deadlines[job.key] = deadline

    def _seconds_to_look(self) -> float:
        with self._lock:
            deadlines = [each for each in self._deadlines.values() if each is not None]
            times = [*deadlines, *self._residents.next_starts()]
        next_deadline = min(times, default=None)
        if next_deadline is None:
            return _LOOK_SECONDS
        return max(0.0, min(_LOOK_SECONDS, (next_deadline - now()) / 1_000_000))

    def _end_late_jobs(self) -> None:
        """Kill the jobs whose ``jobTimeout`` has passed."""
        with self._lock:
            late = [key for key, deadline in self._deadlines.items() if deadline is not None and deadline <= now()]
            self._deadlines |= dict.fromkeys(late)
        for key in late:
            with self._versioning.transaction() as tx:
                job = jobs.job_by_key(tx.connection, key)
                if job is not None and not job.state.is_terminal:
                    kill_job(tx, job, TIMED_OUT)

    def _run_job(self, job: JobRow) -> None:
        # An error that the job does not end with, as when its output cannot be made readable, is tried again later.
        self._loop.attempt(_item(job), partial(self._run_to_end, job))
        with self._lock:
            del self._active[job.key]
            self._deadlines.pop(job.key, None)
        self._versioning.work.announce()

    def _run_to_end(self, job: JobRow) -> None:
        run = JobRun(
            self._versioning,
            self._executor,
            job,
            secrets=self._secrets,
            runner=self._runner,
            is_closing=lambda: self._loop.is_closing,
        )
        with self._versioning.writes.long():
            run.run()

    def _cancel_ended_jobs(self) -> None:
        """Take from the workers what belongs to jobs that were stopped."""
        with self._lock:
            active = list(self._active)
        with self._versioning.reading() as tx:
            for key in active:
                job = jobs.job_by_key(tx.connection, key)
                if job is None or job.state.is_terminal:
                    self._executor.cancel(str(key))


def _item(job: JobRow) -> str:
    return f"job {job}"


def _time_limit_item(job: JobRow) -> str:
    return f"time limit of job {job}"


def deadline_of(started_at: int, ended_before_at: int, timeout_seconds: float) -> int:
    """Return when the time of a job is up, in microseconds: none of it has passed while the job before still ran."""
    return max(started_at, ended_before_at) + int(timeout_seconds * 1_000_000)
