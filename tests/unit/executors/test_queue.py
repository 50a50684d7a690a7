import threading

from trunkline.executors.queue import FairQueue, Task
from trunkline.model.datums import DatumSet
from trunkline.model.pipelines import Transform


def _task(job: str, index: int) -> Task:
    return Task(DatumSet("default", "p", job, index, 1, Transform(), (), {}))


def _names(tasks: list[Task]) -> list[str]:
    return [f"{task.datum_set.job}{task.datum_set.index}" for task in tasks]


def test_jobs_take_turns_and_keep_their_order() -> None:
    queue = FairQueue()
    for job, count in (("a", 3), ("b", 1), ("c", 2)):
        for index in range(count):
            queue.put(_task(job, index))

    assert _names([queue.take() for _ in range(6)]) == ["a0", "b0", "c0", "a1", "c1", "a2"]


def test_a_job_that_comes_later_waits_one_turn_only() -> None:
    queue = FairQueue()
    for index in range(100):
        queue.put(_task("a", index))
    queue.take()
    queue.put(_task("b", 0))

    assert _names([queue.take(), queue.take()]) == ["a1", "b0"]


def test_a_dropped_job_is_gone_and_the_others_stay() -> None:
    queue = FairQueue()
    for job in ("a", "b", "a"):
        queue.put(_task(job, 0))

    assert _names(queue.drop("a")) == ["a0", "a0"]
    assert queue.drop("a") == []
    assert _names([queue.take()]) == ["b0"]


def test_demand_counts_what_waits_and_what_is_worked_on() -> None:
    queue = FairQueue()
    for index in range(3):
        queue.put(_task("a", index))
    queue.take()

    assert queue.demand() == 3
    queue.finished()
    assert queue.demand() == 2


def test_closing_wakes_those_who_wait_and_refuses_what_comes() -> None:
    queue = FairQueue()
    got = []
    taker = threading.Thread(target=lambda: got.append(queue.take()))
    taker.start()

    assert queue.close() == []
    taker.join()
    late = _task("a", 0)
    queue.put(late)

    assert got == [None]
    assert late.future.cancelled()
    assert queue.take() is None


def test_closing_hands_back_what_waited() -> None:
    queue = FairQueue()
    queue.put(_task("a", 0))

    assert _names(queue.close()) == ["a0"]
