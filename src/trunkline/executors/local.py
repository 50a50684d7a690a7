"""Runs datum sets in worker processes on this machine, one per slot."""

import itertools
import os
import threading
import time
from collections.abc import Mapping
from concurrent.futures import Future
from dataclasses import replace
from pathlib import Path

from trunkline.errors import InvalidInputError
from trunkline.executors.queue import FairQueue, Task
from trunkline.executors.worker_process import (
    FindChunks,
    TurnCancelledError,
    WorkerLostError,
    WorkerProcess,
    WorkerSettings,
)
from trunkline.model.datums import AtWork, DatumResult, DatumSet, DatumSetResult, DatumState
from trunkline.telemetry import log
from trunkline.worker.view.isolation import Isolation
from trunkline.worker.view.removal import remove_directory

ATTEMPTS_MAX = 3
_SCRATCH_PREFIX = "worker-"

_log = log("executors")


class LocalExecutor:
    """An `Executor` of persistent worker processes. They start with the first set that finds none free, and stay."""

    def __init__(
        self,
        object_url: str,
        scratch_root: Path,
        *,
        find_chunks: FindChunks,
        slots: int | None = None,
        isolation: str = "auto",
        working_dir: Path | None = None,
        environ: Mapping[str, str] | None = None,
        hidden: Path | None = None,
        passed_variables: tuple[str, ...] = (),
    ) -> None:
        """Start nothing yet; scratch_root must be ours alone.

        ``find_chunks`` says which chunks are stored already, and is called from several threads. Slots default to the
        processors that we may use. Commands run in working_dir, by default an empty directory of the worker's own. They
        inherit of environ, by default ours, what `script_environment` lets through and passed_variables, and do not see
        the directory hidden.
        """
        if object_url.startswith("memory:"):
            raise InvalidInputError("worker processes cannot share a store in memory: use a directory, file:///...")
        self.settings = WorkerSettings(
            object_url=object_url,
            scratch_root=scratch_root.absolute(),
            working_dir=working_dir,
            isolation=Isolation(isolation),
            environ=os.environ if environ is None else environ,
            find_chunks=find_chunks,
            hidden=hidden,
            passed_variables=passed_variables,
        )
        """What its workers are started with."""
        self._slots_max = slots or len(os.sched_getaffinity(0))
        self._queue = FairQueue()
        self._slots: list[_Slot] = []
        self._lock = threading.Lock()
        self._names = itertools.count(1)
        for leftover in scratch_root.glob(f"{_SCRATCH_PREFIX}*"):
            try:
                remove_directory(leftover)
            except OSError as error:
                _log.warning("cannot remove %s: %s", leftover, error)

    def submit(self, datum_set: DatumSet) -> Future[DatumSetResult]:
        """Queue the set and return its future."""
        task = Task(datum_set)
        with self._lock:
            self._queue.put(task)
            if len(self._slots) < min(self._queue.demand(), self._slots_max):
                self._slots.append(_Slot(self._queue, self.settings, self._names))
        return task.future

    def capacity(self) -> int:
        """Return the number of slots."""
        return self._slots_max

    def cancel(self, job: str) -> None:
        """Drop the job's waiting sets and kill what runs of it."""
        with self._lock:
            for task in self._queue.drop(job):
                task.give_up()
            for slot in self._slots:
                slot.cancel(job)

    def running(self, job: str) -> list[DatumSet]:
        """Return the sets of the job that are being run."""
        with self._lock:
            return [found for slot in self._slots if (found := slot.running(job)) is not None]

    def at_work(self, job: str) -> list[AtWork]:
        """Return the workers that run sets of the job, and the datum that each is at."""
        with self._lock:
            return [found for slot in self._slots if (found := slot.at_work(job)) is not None]

    def restart(self, job: str, index: int) -> None:
        """Kill what runs of that set and run it again from its first datum; nothing if it does not run."""
        with self._lock:
            for slot in self._slots:
                slot.restart(job, index)

    def close(self) -> None:
        """Cancel everything; return when every process and scratch directory is gone."""
        with self._lock:
            for task in self._queue.close():
                task.give_up()
            for slot in self._slots:
                slot.hang_up()
        for slot in self._slots:
            slot.join()


class _Slot:
    """A thread with at most one worker process, which it keeps from set to set."""

    def __init__(self, queue: FairQueue, settings: WorkerSettings, names: "itertools.count[int]") -> None:
        self.task: Task | None = None
        self._queue = queue
        self._settings = settings
        self._names = names
        self._worker: WorkerProcess | None = None
        self._closing = False
        self._restarts = False
        self._since = 0.0
        self._lock = threading.Lock()
        self._thread = threading.Thread(target=self._serve, name="trunkline-slot", daemon=True)
        self._thread.start()

    def cancel(self, job: str) -> None:
        """Cancel what runs here if it belongs to the job."""
        with self._lock:
            if self.task is not None and self.task.datum_set.job == job:
                self.task.future.cancel()
                if self._worker is not None:
                    self._worker.cancel()

    def running(self, job: str) -> DatumSet | None:
        """Return the set that runs here, if it is one of the job."""
        with self._lock:
            return self.task.datum_set if self.task is not None and self.task.datum_set.job == job else None

    def at_work(self, job: str) -> AtWork | None:
        """Return what the worker is at, if it runs a set of the job."""
        with self._lock:
            if self.task is None or self.task.datum_set.job != job or self._worker is None:
                return None
            at = self._worker.progress()
            if at is None or at.since < self._since:
                return AtWork(self._worker.name, None, self._since)
            return AtWork(self._worker.name, self.task.datum_set.datums[at.place], at.since)

    def restart(self, job: str, index: int) -> None:
        """Begin that set again if it runs here."""
        with self._lock:
            if self.task is None or (self.task.datum_set.job, self.task.datum_set.index) != (job, index):
                return
            self._restarts = True
            if self._worker is not None:
                self._worker.cancel()

    def hang_up(self) -> None:
        """Cancel what runs here, and take nothing more."""
        with self._lock:
            self._closing = True
            if self.task is not None:
                self.task.future.cancel()
            if self._worker is not None:
                self._worker.hang_up()

    def join(self) -> None:
        """Return when the worker is gone."""
        self._thread.join()

    def _serve(self) -> None:
        while (task := self._queue.take()) is not None:
            with self._lock:
                self.task = task
                self._since = time.time()
                self._restarts = False
            try:
                self._settle(task, self._run(task))
            except TurnCancelledError:
                task.give_up()
            except Exception as error:  # noqa: BLE001 - the slot goes on, and the set gets its answer
                _log.exception("cannot run a datum set")
                self._settle(task, _failed(task.datum_set, f"{type(error).__name__}: {error}"))
            with self._lock:
                self.task = None
            self._queue.finished()
        self._end_worker()

    def _settle(self, task: Task, result: DatumSetResult) -> None:
        # Cancelled in the meantime: nobody waits for it.
        if task.future.set_running_or_notify_cancel():
            task.future.set_result(result)

    def _run(self, task: Task) -> DatumSetResult:
        """Run the set, on a new worker and under the next attempt number where one is lost."""
        first = task.datum_set.attempt
        why = ""
        for attempt in range(first, first + ATTEMPTS_MAX):
            datum_set = replace(task.datum_set, attempt=attempt)
            try:
                return self._run_here(task, datum_set)
            except WorkerLostError as error:
                why = str(error)
                _log.warning("datum set %d of job %s, attempt %d: %s", datum_set.index, datum_set.job, attempt, why)
                self._end_worker()
            if self._closing or task.future.cancelled():
                raise TurnCancelledError
        return _failed(
            replace(task.datum_set, attempt=first + ATTEMPTS_MAX - 1),
            f"the datum set was tried {ATTEMPTS_MAX} times, each on a new worker; the last time: {why}",
        )

    def _run_here(self, task: Task, datum_set: DatumSet) -> DatumSetResult:
        """Run the set on the worker of this slot, again for as long as a user asks for a restart."""
        while True:
            worker = self._ready_worker()
            try:
                return worker.run(datum_set, is_cancelled=task.future.cancelled)
            except TurnCancelledError:
                with self._lock:
                    if not self._restarts or self._closing or task.future.cancelled():
                        raise
                    self._restarts = False

    def _ready_worker(self) -> WorkerProcess:
        if self._worker is not None:
            return self._worker
        with self._lock:
            if self._closing:
                raise TurnCancelledError
            worker = self._worker = WorkerProcess(f"{_SCRATCH_PREFIX}{next(self._names)}", self._settings)
        worker.wait_until_ready()
        return worker

    def _end_worker(self) -> None:
        with self._lock:
            worker, self._worker = self._worker, None
        if worker is not None:
            worker.end()


def _failed(datum_set: DatumSet, reason: str) -> DatumSetResult:
    """Return the result of a set of which no worker could make anything."""
    results = tuple(DatumResult(datum.id, DatumState.FAILED, reason) for datum in datum_set.datums)
    return DatumSetResult(datum_set.job, datum_set.index, datum_set.attempt, results, layer="")
