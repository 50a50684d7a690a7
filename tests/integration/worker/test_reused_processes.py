"""Several datums in one forked process: only where that makes no difference, and then it makes none."""

import os
import textwrap
from pathlib import Path

import pytest

from trunkline.model.datums import DatumState, Runner
from trunkline.worker.commands.launcher import Reuse
from trunkline.worker.datum_set import run_datum_set

COPY = """
    import os
    from pathlib import Path

    source = Path(os.environ["in"])
    Path(os.environ["PFS"], "out", source.name).write_bytes(source.read_bytes().upper())
"""

TRACES = {
    "nothing": ("", True),
    "an ordinary error": ("raise ValueError('x')", True),
    "a status": ("sys.exit(3)", True),
    "an open file": ("f = open('left.txt', 'w'); f.write('x')", True),
    "a thread that ended": ("import threading; t = threading.Thread(target=print); t.start(); t.join()", True),
    "variables, directory, arguments, path": (
        "import os; os.environ['LEFT'] = '1'; os.chdir('/'); sys.argv.append('x'); sys.path.append('/x')",
        True,
    ),
    "standard streams": ("import io; sys.stdout = sys.stderr = io.StringIO()", True),
    "a precision": ("import decimal; decimal.getcontext().prec = 3", True),
    "a seed": ("import random; random.seed(1)", True),
    "a thread": ("import threading; threading.Thread(target=threading.Event().wait, daemon=True).start()", False),
    "a pool": ("from concurrent.futures import *; p = ThreadPoolExecutor(1); p.submit(str).result()", False),
    "a child": ("import subprocess; subprocess.Popen(['sleep', '100'])", False),
    "a daemon": ("import subprocess; subprocess.run('setsid sleep 100 & ', shell=True)", False),
    "an exit handler": ("import atexit; atexit.register(print, 'bye')", False),
    "a descriptor": ("import os; os.open('/', os.O_RDONLY)", False),
    "a signal handler": ("import signal; signal.signal(signal.SIGTERM, print)", False),
    "an alarm": ("import signal; signal.alarm(100)", False),
    "a mask": ("import os; os.umask(0o7)", False),
    "a hook": ("sys.excepthook = print", False),
    "a limit": ("sys.setrecursionlimit(5000)", False),
    "a builtin": ("import builtins; builtins.left = 1", False),
    "a logger": ("import logging; logging.basicConfig()", False),
    "a filter of warnings": ("import warnings; warnings.simplefilter('error')", False),
    "a locale": ("import locale; locale.setlocale(locale.LC_ALL, 'C.UTF-8' if 'x' in sys.argv else 'POSIX')", False),
    "a default timeout": ("import socket; socket.setdefaulttimeout(5)", False),
    "an option of numpy": ("import numpy; numpy.seterrcall(print)", True),
    "the collector off": ("import gc; gc.disable()", False),
    "a new module": ("import importlib\nif 'x' in sys.argv: importlib.import_module('colorsys')", False),
    "memory": ("import sys; sys.modules['json.left'] = bytearray(600 << 20)", False),
    "an exit of its own": ("import os; os._exit(0)", False),
    "a signal": ("import os; os.kill(os.getpid(), 9)", False),
    "closed descriptors": ("import os; os.closerange(3, 100)", False),
}


@pytest.fixture
def directory(runs) -> None:
    (runs.cwd / "beside.py").write_text("VALUE = 1\n")


@pytest.mark.parametrize("name", TRACES)
def test_a_process_runs_no_other_datum_after_a_trace_was_left_in_it(runs, name: str) -> None:
    statement, kept = TRACES[name]
    (runs.cwd / "s.py").write_text(f"import sys, os\nprint(os.getpid(), flush=True)\n{statement}\n")
    runs.warm("python3", "s.py")

    first, out, _ = runs.warm("python3", "s.py", "x", reuse=Reuse("t", lenient=False))
    _, again, _ = runs.warm("python3", "s.py", "x", reuse=Reuse("t", lenient=False))

    assert first.kept is kept
    assert (out.split()[0] == again.split()[0]) is kept


def test_modules_beside_a_script_are_loaded_anew_where_sharing_was_asked_for(runs, directory) -> None:
    (runs.cwd / "s.py").write_text("import beside, os\nprint(os.getpid(), beside.VALUE)\nbeside.VALUE += 1")
    runs.warm("python3", "s.py")

    first = [runs.warm("python3", "s.py", reuse=Reuse("t", lenient=True)) for _ in range(2)]
    (runs.cwd / "beside.py").write_text("VALUE = 'changed'; \nVALUE += '!' if 0 else ''\nclass V(str): __iadd__ = 0\n")
    (runs.cwd / "s.py").write_text("import beside, os\nprint(os.getpid(), beside.VALUE)")
    third = runs.warm("python3", "s.py", reuse=Reuse("t", lenient=True))
    strict = runs.warm("python3", "s.py", reuse=Reuse("u", lenient=False))

    pids, values = zip(*(run[1].split() for run in (*first, third)), strict=True)
    assert len(set(pids)) == 1
    assert values == ("1", "1", "changed")
    assert not strict[0].kept


def test_another_turn_or_another_run_takes_another_process(runs) -> None:
    (runs.cwd / "s.py").write_text("import os\nprint(os.getpid(), end=' ')")
    runs.warm("python3", "s.py")

    one, two = (runs.warm("python3", "s.py", reuse=Reuse("1", lenient=False))[1] for _ in range(2))
    other = runs.warm("python3", "s.py", reuse=Reuse("2", lenient=False))[1]
    runs.warm("python3", "s.py")
    last = runs.warm("python3", "s.py", reuse=Reuse("2", lenient=False))[1]

    assert one == two
    assert len({one, other, last}) == 3


def test_a_process_that_died_while_it_waited_is_replaced(runs) -> None:
    (runs.cwd / "s.py").write_text("import os\nprint(os.getpid())")
    runs.warm("python3", "s.py")
    pid = int(runs.warm("python3", "s.py", reuse=Reuse("1", lenient=False))[1])
    os.kill(pid, 9)
    while Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z":
        os.sched_yield()

    ended, out, _ = runs.warm("python3", "s.py", reuse=Reuse("1", lenient=False))

    assert (ended.status, ended.kept) == (0, True)
    assert int(out) != pid


def test_a_process_that_waits_ends_when_it_is_told_to_rest(runs) -> None:
    (runs.cwd / "s.py").write_text("import os\nprint(os.getpid())")
    runs.warm("python3", "s.py")
    pid = int(runs.warm("python3", "s.py", reuse=Reuse("1", lenient=False))[1])
    runs.starters.rest()
    runs.warm("python3", "s.py")  # its answer comes after the order was carried out

    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)


def test_generators_and_cpu_time_are_those_of_each_run(runs) -> None:
    (runs.cwd / "s.py").write_text(
        "import random, sys, time, numpy.random\n"
        "print(random.random(), numpy.random.rand())\n"
        "if sys.argv[1:]:\n    while time.process_time() < float(sys.argv[1]): pass\n"
    )
    runs.warm("python3", "s.py")

    busy = runs.warm("python3", "s.py", "0.5", reuse=Reuse("1", lenient=False))
    idle = [runs.warm("python3", "s.py", reuse=Reuse("1", lenient=False)) for _ in range(3)]

    assert len({number for run in (busy, *idle) for number in run[1].split()}) == 8
    assert busy[0].cpu_seconds > 0.3
    assert all(run[0].kept and run[0].cpu_seconds < 0.2 for run in idle)


# Datum sets


def _set(lab, count: int, source: str, **options):
    files = {f"/{number:03}": f"content {number}".encode() for number in range(count)}
    inputs = lab.source("in", files)
    script = lab.script(textwrap.dedent(source))
    return lab.set(*(lab.datum((inputs, path)) for path in files), cmd=["python3", script], **options)


def _runners(result) -> list[Runner]:
    return [datum.runner for datum in result.datums]


def test_datums_share_a_process_after_a_trial(lab, worker) -> None:
    datum_set = _set(lab, 12, COPY)

    result = run_datum_set(datum_set, worker)

    assert _runners(result) == [Runner.WARM] * 2 + [Runner.REUSE] * 10
    assert all(datum.state is DatumState.SUCCESS and datum.tries == 1 for datum in result.datums)
    assert lab.files(result.layer) == {f"/{n:03}": f"CONTENT {n}".encode() for n in range(12)}
    assert lab.tags(result.layer) == {f"/{n:03}": f"/{n:03}" for n in range(12)}


def test_a_trial_needs_a_set_that_is_worth_it(lab, worker) -> None:
    results = [run_datum_set(_set(lab, 3, COPY), worker) for _ in range(3)]

    assert {runner for result in results for runner in _runners(result)} == {Runner.WARM}


def test_a_script_whose_results_depend_on_the_run_before_keeps_its_own_processes(lab, worker) -> None:
    counts = COPY.replace("upper()", "upper() + str(len(json.left)).encode()").replace(
        "source = ", "import json\n    json.__dict__.setdefault('left', []).append(1)\n    source = "
    )

    result = run_datum_set(_set(lab, 8, counts), worker)

    assert _runners(result) == [Runner.WARM, Runner.WARM, Runner.REUSE] + [Runner.WARM] * 5
    assert set(lab.files(result.layer).values()) == {f"CONTENT {n}1".encode() for n in range(8)}


def test_a_script_that_sets_something_in_a_library_is_not_tried(lab, worker) -> None:
    result = run_datum_set(_set(lab, 8, "    import json\n    json.left = 1\n" + COPY), worker)

    assert set(_runners(result)) == {Runner.WARM}


def test_sharing_can_be_asked_for_and_refused(lab, worker) -> None:
    asked = run_datum_set(_set(lab, 6, "    import json\n    json.left = 1\n" + COPY, runner=Runner.REUSE), worker)
    refused = run_datum_set(_set(lab, 6, COPY, runner=Runner.WARM), worker)

    assert _runners(asked) == [Runner.WARM] + [Runner.REUSE] * 5  # the first shows what it imports
    assert set(_runners(refused)) == {Runner.WARM}


def test_a_datum_that_fails_among_others_runs_alone_before_it_counts(lab, worker) -> None:
    """With 'left' in json the script fails: a process of its own never has it."""
    fails = (
        "    import json, os\n    assert not hasattr(json, 'left')\n    if '005' in os.environ['in']: json.left = 1\n"
    )

    result = run_datum_set(_set(lab, 9, fails + COPY, runner=Runner.REUSE), worker)

    assert all(datum.state is DatumState.SUCCESS and datum.tries == 1 for datum in result.datums)
    assert _runners(result)[4:] == [Runner.REUSE, Runner.REUSE, Runner.WARM, Runner.WARM, Runner.WARM]
    assert any("in a process of its own" in line["message"] for line in lab.lines(result))


def test_a_bad_datum_fails_alone_and_the_others_go_on(lab, worker) -> None:
    result = run_datum_set(
        _set(lab, 9, COPY + "    assert '004' not in str(source), 'bad photo'\n", datum_tries=1), worker
    )

    states = [datum.state for datum in result.datums]
    assert states.pop(4) is DatumState.FAILED
    assert set(states) == {DatumState.SUCCESS}
    assert _runners(result)[5:] == [Runner.REUSE] * 4
    assert "bad photo" in result.datums[4].reason


def test_a_script_that_hangs_among_others_runs_alone(lab, worker) -> None:
    hangs = "    import json, time\n    if hasattr(json, 'left'): time.sleep(1000)\n    json.left = 1\n"

    result = run_datum_set(_set(lab, 5, hangs + COPY, runner=Runner.REUSE, datum_timeout_seconds=3.0), worker)

    assert {datum.state for datum in result.datums} == {DatumState.SUCCESS}
    assert _runners(result) == [Runner.WARM, Runner.REUSE, Runner.WARM, Runner.WARM, Runner.WARM]
