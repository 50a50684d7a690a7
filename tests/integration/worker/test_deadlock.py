"""What is taken for a deadlock, and what is not."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator

import pytest

from trunkline.model.datums import DatumState, Runner
from trunkline.worker.commands.deadlock import DeadlockWatch
from trunkline.worker.datum_set import run_datum_set

STUCK = "import threading; lock = threading.Lock(); lock.acquire(); print(flush=True); lock.acquire()"
ALIVE = {
    "sleeps": "import time; print(flush=True); time.sleep(1000)",
    "reads": "import os; print(flush=True); r, w = os.pipe(); os.read(r, 1)",
    "computes": "print(flush=True)\nwhile True: pass",
    "waits with a timeout": "import threading; print(flush=True); threading.Event().wait(1000)",
    "waits for a child": "import subprocess; p = subprocess.Popen(['sleep', '1000']); print(flush=True); p.wait()",
    "waits for a thread that sleeps": (
        "import threading, time; t = threading.Thread(target=time.sleep, args=(1000,)); t.start(); "
        "print(flush=True); t.join()"
    ),
}

LAUNCH = "import subprocess, sys; subprocess.run([sys.executable, '-c', sys.argv[1]])"


@pytest.fixture
def launched() -> Iterator:
    started: list[subprocess.Popen[bytes]] = []

    def launch(code: str) -> int:
        process = subprocess.Popen([sys.executable, "-c", LAUNCH, code], stdout=subprocess.PIPE, start_new_session=True)
        started.append(process)
        assert process.stdout is not None
        process.stdout.readline()
        return process.pid

    yield launch
    for process in started:
        os.killpg(process.pid, signal.SIGKILL)
        process.communicate()


def test_threads_that_all_wait_for_locks_are_dead_after_a_while(launched) -> None:
    pid = launched(STUCK)

    patient, hasty = DeadlockWatch(pid, seconds=1000), DeadlockWatch(pid, seconds=0)
    while not hasty.is_dead():
        assert not patient.is_dead()
        os.sched_yield()


@pytest.mark.parametrize("what", ALIVE)
def test_a_script_that_waits_for_something_is_alive(launched, what: str) -> None:
    watch = DeadlockWatch(launched(ALIVE[what]), seconds=0)

    assert not any(watch.is_dead() for _ in range(100))


def test_a_script_that_is_gone_is_not_dead() -> None:
    watch = DeadlockWatch(2**22, seconds=0)

    assert not any(watch.is_dead() for _ in range(2))


@pytest.fixture
def deadlock_seconds() -> float:
    return 0.2


def test_a_script_that_deadlocks_only_when_warm_runs_as_a_process_from_then_on(lab, worker) -> None:
    source = lab.source("in", {"/a": b"", "/b": b""})
    script = lab.script("import inspect, threading\nif len(inspect.stack()) > 1:\n    " + STUCK)

    result = run_datum_set(
        lab.set(lab.datum((source, "/a")), lab.datum((source, "/b")), cmd=["python3", script]), worker
    )

    assert [(datum.state, datum.tries, datum.runner) for datum in result.datums] == [
        (DatumState.SUCCESS, 1, Runner.PROCESS)
    ] * 2
    assert "came to a standstill" in next(line for line in lab.lines(result) if not line["user"])["message"]
