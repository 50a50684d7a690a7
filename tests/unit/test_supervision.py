"""Threads that live as long as the server: none ends of an error, and all that fails can be seen."""

import threading
from itertools import pairwise

import pytest

from trunkline.db.changes import Changes
from trunkline.errors import ConflictError
from trunkline.supervision import BackgroundThread, Supervisor


class Time:
    """A clock that tests set."""

    def __init__(self) -> None:
        self.seconds = 1000.0

    def __call__(self) -> float:
        return self.seconds


class Panic(BaseException):
    """As compiled code raises it: no Exception."""


def fail(error: BaseException) -> None:
    raise error


def test_what_fails_is_seen_since_when_how_often_and_how_until_it_works() -> None:
    time = Time()
    supervisor = Supervisor(monotonic=time, wall_clock=time)

    supervisor.attempt("timer", "cron input ticks", lambda: fail(OSError("disk gone")))
    time.seconds += 100
    supervisor.attempt("timer", "cron input ticks", lambda: fail(ConflictError("somebody writes")))

    (trouble,) = supervisor.troubles()
    assert (trouble.since, trouble.last_at, trouble.count) == (1000.0, 1100.0, 2)
    assert "somebody writes" in str(trouble)
    assert "1970-01-01T00:16:40Z" in str(trouble)

    time.seconds += 100
    assert supervisor.attempt("timer", "cron input ticks", lambda: 7) == 7
    assert supervisor.troubles() == []


def test_a_bad_item_is_left_alone_longer_each_time_and_its_neighbours_are_not() -> None:
    time = Time()
    supervisor = Supervisor(monotonic=time)
    tries = []
    for _ in range(600):
        supervisor.attempt("timer", "bad", lambda: fail(OSError(tries.append(time.seconds))))
        assert supervisor.attempt("timer", "good", lambda: True)
        time.seconds += 1

    waits = [later - earlier for earlier, later in pairwise(tries)]
    assert waits[:7] == [1, 2, 4, 8, 16, 32, 60]
    assert set(waits[7:]) == {60}


def test_items_that_are_gone_are_no_trouble_any_more() -> None:
    supervisor = Supervisor()
    supervisor.attempt("timer", "deleted", lambda: fail(OSError()))
    supervisor.attempt("timer", "there", lambda: fail(OSError()))

    supervisor.keep_only("timer", ["there"])

    assert [trouble.item for trouble in supervisor.troubles()] == ["there"]


@pytest.mark.parametrize("error", [OSError("gone"), OverflowError(), RecursionError(), Panic("in compiled code")])
def test_no_error_ends_a_thread(error: BaseException) -> None:
    supervisor = Supervisor()
    errors = [error, error]
    seen: list[str] = []
    works = threading.Event()

    def look() -> None:
        seen.extend(str(trouble) for trouble in supervisor.troubles())
        if errors:
            raise errors.pop()
        works.set()

    thread = BackgroundThread(supervisor, "looker", look, wakes=Changes(), back_off_seconds=0.01)
    thread.start()
    assert works.wait(60)
    thread.close()

    assert supervisor.troubles() == []
    assert type(error).__name__ in seen[-1]
    assert "looker" in seen[-1]


def test_a_thread_that_fails_waits_however_much_changes() -> None:
    supervisor, changes, looks = Supervisor(), Changes(), []
    failed = threading.Event()

    def look() -> None:
        looks.append(1)
        failed.set()
        raise OSError

    thread = BackgroundThread(supervisor, "looker", look, wakes=changes, back_off_seconds=1e6)
    thread.start()
    assert failed.wait(60)
    for _ in range(100):
        changes.announce()
    thread.close()

    assert len(looks) == 1


def test_a_thread_that_has_ended_stays_a_trouble() -> None:
    supervisor = Supervisor()

    supervisor.run_to_end("http", lambda: fail(OSError("no more files")))

    (trouble,) = supervisor.troubles()
    assert trouble.is_vital
    assert "no more files" in str(trouble)
