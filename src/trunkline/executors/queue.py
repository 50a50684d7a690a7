"""Datum sets that wait for a slot: jobs take turns, sets of one job keep their order."""

import threading
from collections import OrderedDict, deque
from concurrent.futures import Future
from dataclasses import dataclass, field

from trunkline.model.datums import DatumSet, DatumSetResult


@dataclass(slots=True, eq=False)
class Task:
    """A datum set and the future that waits for it."""

    datum_set: DatumSet
    future: Future[DatumSetResult] = field(default_factory=Future)

    def give_up(self) -> None:
        """Cancel a task that nobody works on any more; once."""
        # Cancelling alone does not wake those who wait for several futures.
        if self.future.cancel():
            self.future.set_running_or_notify_cancel()


class FairQueue:
    """A queue of tasks that any thread may use."""

    def __init__(self) -> None:
        self._jobs: OrderedDict[str, deque[Task]] = OrderedDict()
        self._changed = threading.Condition()
        self._closed = False
        self._taken = 0

    def put(self, task: Task) -> None:
        """Add a task. A closed queue cancels it."""
        with self._changed:
            if self._closed:
                task.give_up()
                return
            self._jobs.setdefault(task.datum_set.job, deque()).append(task)
            self._changed.notify()

    def take(self) -> Task | None:
        """Return the next task, of the job whose turn it is; wait for one. Return None once the queue is closed."""
        with self._changed:
            while not self._jobs and not self._closed:
                self._changed.wait()
            if self._closed:
                return None
            job, tasks = self._jobs.popitem(last=False)
            task = tasks.popleft()
            if tasks:
                self._jobs[job] = tasks
            self._taken += 1
            return task

    def finished(self) -> None:
        """Tell that a taken task is no longer worked on."""
        with self._changed:
            self._taken -= 1

    def demand(self) -> int:
        """Return how many tasks wait or are worked on."""
        with self._changed:
            return self._taken + sum(len(tasks) for tasks in self._jobs.values())

    def drop(self, job: str) -> list[Task]:
        """Remove and return the tasks of a job."""
        with self._changed:
            return list(self._jobs.pop(job, ()))

    def close(self) -> list[Task]:
        """Return what still waits, and None to everybody who takes from now on."""
        with self._changed:
            self._closed = True
            left = [task for tasks in self._jobs.values() for task in tasks]
            self._jobs.clear()
            self._changed.notify_all()
            return left
