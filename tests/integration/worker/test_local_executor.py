"""Worker processes under the local executor, with a real /pfs where this host gives a mount namespace."""

import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import CancelledError
from pathlib import Path

import pytest

from trunkline.executors.local import LocalExecutor
from trunkline.model.datums import DatumState, Runner
from trunkline.storage.chunk.refs import decode_refs
from trunkline.worker.view import namespace

SECONDS = 60


@pytest.fixture
def namespaces(tmp_path: Path) -> None:
    if reason := namespace.probe(tmp_path / "probe"):
        pytest.skip(f"no mount namespace here: {reason}")


@pytest.fixture
def make(lab, tmp_path: Path) -> Iterator[Callable[..., LocalExecutor]]:
    made = []

    def build(**options) -> LocalExecutor:
        executor = LocalExecutor(
            lab.url,
            tmp_path / "scratch",
            **{"find_chunks": lab.index.find, "working_dir": tmp_path, "slots": 1, **options},
        )
        made.append(executor)
        return executor

    yield build
    for executor in made:
        executor.close()
        assert list((tmp_path / "scratch").iterdir()) == []


def _fifo(path: Path) -> Path:
    os.mkfifo(path)
    return path


def test_scripts_find_pfs_itself(lab, make, namespaces) -> None:
    source = lab.source("in", {"/a": b"alpha"})
    script = lab.script(
        "import glob\nopen('/pfs/out/x', 'w').write(open('/pfs/in/a').read() + str(glob.glob('/pfs/*')))"
    )
    executor = make(isolation="namespace")

    for index, runner in enumerate((Runner.WARM, Runner.PROCESS)):
        datum_set = lab.set(lab.datum((source, "/a")), cmd=["python3", script], runner=runner, index=index)
        result = executor.submit(datum_set).result(SECONDS)

        assert (result.datums[0].state, result.datums[0].runner, result.warnings) == (DatumState.SUCCESS, runner, ())
        assert lab.files(result.layer)["/x"].startswith(b"alpha['/pfs/")
    assert not Path("/pfs/in").exists()


def test_user_code_cannot_take_the_view_away(lab, make, namespaces) -> None:
    source = lab.source("in", {"/a": b"alpha"})
    executor = make(isolation="namespace")

    result = executor.submit(
        lab.set(lab.datum((source, "/a")), cmd=["sh"], stdin=["umount /pfs", "umount -l /pfs", "cat /pfs/in/a"])
    ).result(SECONDS)

    assert lab.lines(result)[-1]["message"] == "alpha"


def test_without_a_namespace_pfs_is_mapped_and_a_warning_says_so(lab, make) -> None:
    source = lab.source("in", {"/a": b"alpha"})
    executor = make(isolation="mapped")

    result = executor.submit(
        lab.set(
            lab.datum((source, "/a")),
            cmd=["sh", "-c", 'cat /pfs/in/a > "$PFS/out/x"; echo "$OPTION"'],
            env={"OPTION": "--from=/pfs/in"},
        )
    ).result(SECONDS)

    assert lab.files(result.layer) == {"/x": b"alpha"}
    (warning,) = result.warnings
    assert "there is no /pfs" in warning
    assert "PFS" in warning
    assert lab.lines(result)[0]["message"].endswith("/pfs/in")


def test_new_chunks_come_back_and_known_ones_are_asked_for(lab, make) -> None:
    source = lab.source("in", {"/a": b"alpha"})
    executor = make()
    write_new = lab.set(lab.datum((source, "/a")), cmd=["sh", "-c", "echo new > $PFS/out/x"])
    copy = lab.set(lab.datum((source, "/a")), cmd=["sh", "-c", "cat $in > $PFS/out/x"], index=1)

    new, known = (executor.submit(datum_set).result(SECONDS) for datum_set in (write_new, copy))

    assert [ref.length for ref in decode_refs(new.new_chunks)] == [4]
    assert known.new_chunks == b""


def test_jobs_take_turns(lab, make, tmp_path: Path) -> None:
    source = lab.source("in", {"/a": b""})
    gate = _fifo(tmp_path / "gate")
    order = tmp_path / "order"
    executor = make()
    first = executor.submit(lab.set(lab.datum((source, "/a")), cmd=["sh", "-c", f"cat {gate}"], job="a"))

    futures = [
        executor.submit(
            lab.set(lab.datum((source, "/a")), cmd=["sh", "-c", f"echo {job}{index} >> {order}"], job=job, index=index)
        )
        for job in "abc"
        for index in range(1, 3)
    ]
    gate.write_text("go")
    for future in (first, *futures):
        future.result(SECONDS)

    assert order.read_text().split() == ["a1", "b1", "c1", "a2", "b2", "c2"]


def test_slots_run_at_the_same_time(lab, make, tmp_path: Path) -> None:
    source = lab.source("in", {"/a": b""})
    there, back = _fifo(tmp_path / "there"), _fifo(tmp_path / "back")
    executor = make(slots=2)

    futures = [
        executor.submit(lab.set(lab.datum((source, "/a")), cmd=["sh", "-c", command], job=job))
        for job, command in (("a", f"echo 1 > {there}; cat {back}"), ("b", f"cat {there}; echo 2 > {back}"))
    ]

    assert [future.result(SECONDS).datums[0].state for future in futures] == [DatumState.SUCCESS] * 2
    assert executor.capacity() == 2


def test_cancel_kills_what_runs_and_drops_what_waits(lab, make, tmp_path: Path) -> None:
    source = lab.source("in", {"/a": b""})
    started = _fifo(tmp_path / "started")
    executor = make()
    running = executor.submit(
        lab.set(lab.datum((source, "/a")), cmd=["sh", "-c", f"echo $$ > {started}; sleep 1000"], job="a")
    )
    waiting = executor.submit(lab.set(lab.datum((source, "/a")), cmd=["true"], job="a", index=1))
    other = executor.submit(lab.set(lab.datum((source, "/a")), cmd=["true"], job="b"))
    pid = started.read_text().strip()

    executor.cancel("a")

    for future in (running, waiting):
        with pytest.raises(CancelledError):
            future.result(SECONDS)
    assert other.result(SECONDS).datums[0].state is DatumState.SUCCESS
    assert not Path("/proc", pid).exists()


def test_a_cancelled_warm_script_is_gone_and_the_worker_goes_on(lab, make, tmp_path: Path) -> None:
    source = lab.source("in", {"/a": b""})
    started = _fifo(tmp_path / "started")
    script = lab.script(f"import os, time\nopen({str(started)!r}, 'w').write(str(os.getpid()))\ntime.sleep(1000)")
    executor = make()
    running = executor.submit(lab.set(lab.datum((source, "/a")), cmd=["python3", script], job="a"))
    pid = started.read_text()

    executor.cancel("a")
    after = executor.submit(lab.set(lab.datum((source, "/a")), cmd=["sh", "-c", "echo $PPS_POD_NAME"], job="b"))

    assert lab.lines(after.result(SECONDS))[0]["message"] == "worker-1"
    assert running.cancelled()
    assert not Path("/proc", pid).exists()


def _kill_parents(count: str) -> str:
    """Return a script that kills the processes above it, up to the worker, while the counter file says so."""
    return f"""
        import os, signal
        path = {count!r}
        times = len(open(path).read()) if os.path.exists(path) else 0
        open(path, "a").write("x")
        if times < LIMIT:
            stat = open(f"/proc/{{os.getppid()}}/stat").read()
            os.kill(int(stat.rpartition(")")[2].split()[1]), signal.SIGKILL)
            import time
            time.sleep(1000)
    """


def test_a_set_whose_worker_died_runs_again_under_the_next_attempt(lab, make, tmp_path: Path) -> None:
    source = lab.source("in", {"/a": b"", "/b": b""})
    script = lab.script(_kill_parents(str(tmp_path / "count")).replace("LIMIT", "2"))
    executor = make()

    result = executor.submit(
        lab.set(lab.datum((source, "/a")), lab.datum((source, "/b")), cmd=["python3", script], attempt=5)
    ).result(SECONDS)

    assert [datum.state for datum in result.datums] == [DatumState.SUCCESS] * 2
    assert result.attempt == 7


def test_a_set_that_kills_every_worker_fails_with_the_reason(lab, make, tmp_path: Path) -> None:
    source = lab.source("in", {"/a": b""})
    script = lab.script(_kill_parents(str(tmp_path / "count")).replace("LIMIT", "9"))
    executor = make()

    result = executor.submit(lab.set(lab.datum((source, "/a")), cmd=["python3", script])).result(SECONDS)
    after = executor.submit(lab.set(lab.datum((source, "/a")), cmd=["true"], index=1)).result(SECONDS)

    (datum,) = result.datums
    assert (datum.state, result.attempt, result.layer) == (DatumState.FAILED, 3, "")
    assert "the worker was killed by signal 9 while it ran a datum set" in datum.reason
    assert after.datums[0].state is DatumState.SUCCESS


def test_a_lost_input_fails_its_datum_only(lab, make) -> None:
    good, bad = lab.source("in", {"/a": b"alpha"}), lab.source("in", {"/a": b"beta" * 100})
    executor = make()
    row = lab.file_sets.open(bad.root).find("/a")
    pack = Path(lab.url.removeprefix("file://"), "packs", row.refs[0].pack.hex()[:2], row.refs[0].pack.hex())
    pack.unlink()

    result = executor.submit(
        lab.set(lab.datum((bad, "/a")), lab.datum((good, "/a")), cmd=["sh", "-c", "cat $in > $PFS/out/x"])
    ).result(SECONDS)

    assert [datum.state for datum in result.datums] == [DatumState.FAILED, DatumState.SUCCESS]
    assert "is missing" in result.datums[0].reason


def test_close_leaves_no_process_behind(lab, make, tmp_path: Path) -> None:
    source = lab.source("in", {"/a": b""})
    started = _fifo(tmp_path / "started")
    executor = make()
    running = executor.submit(
        lab.set(
            lab.datum((source, "/a")),
            cmd=["sh", "-c", f"setsid sleep 1000 & echo $$ $! $PPID > {started}; sleep 1000"],
        )
    )
    waiting = executor.submit(lab.set(lab.datum((source, "/a")), cmd=["true"], index=1))
    pids = started.read_text().split()

    executor.close()

    assert (running.cancelled(), waiting.cancelled()) == (True, True)
    assert [pid for pid in pids if Path("/proc", pid).exists()] == []
    assert executor.submit(lab.set(lab.datum((source, "/a")), cmd=["true"])).cancelled()


def test_submitting_from_a_thread_that_ends_is_fine(lab, make) -> None:
    source = lab.source("in", {"/a": b""})
    executor = make()
    futures = []
    for index in range(2):
        thread = threading.Thread(
            target=lambda index=index: futures.append(
                executor.submit(lab.set(lab.datum((source, "/a")), cmd=["sh", "-c", "echo $PPS_POD_NAME"], index=index))
            )
        )
        thread.start()
        thread.join()
        futures[index].result(SECONDS)

    assert {lab.lines(future.result())[0]["message"] for future in futures} == {"worker-1"}


SERVER = """
import sys
from pathlib import Path
from trunkline.executors.local import LocalExecutor
from trunkline.model.datums import Datum, DatumSet, Runner
from trunkline.model.pipelines import Transform

url, scratch, script, runner = sys.argv[1:]
executor = LocalExecutor(url, Path(scratch), find_chunks=lambda chunks: {}, slots=1)
transform = Transform(cmd=("python3", script))
executor.submit(
    DatumSet("default", "p", "j", 0, 1, transform, (Datum("d", "", ()),), {}, runner=Runner(runner))
).result()
"""


@pytest.mark.parametrize("runner", ["warm", "process"])
def test_a_killed_server_takes_everything_with_it(lab, tmp_path: Path, runner: str) -> None:
    started, alive = _fifo(tmp_path / "started"), _fifo(tmp_path / "alive")
    script = lab.script(
        f"""
        import os, subprocess, time
        alive = os.open({str(alive)!r}, os.O_WRONLY)
        os.set_inheritable(alive, True)
        subprocess.Popen(["sleep", "1000"], close_fds=False, start_new_session=True)
        open({str(started)!r}, "w").write("yes")
        time.sleep(1000)
        """
    )
    server = subprocess.Popen(
        [sys.executable, "-c", SERVER, lab.url, str(tmp_path / "scratch"), script, runner], cwd=tmp_path
    )
    with open(alive, "rb") as everybody:
        assert started.read_text() == "yes"

        server.send_signal(signal.SIGKILL)
        server.wait()

        # The end of this pipe is the end of the script and of its child.
        assert everybody.read() == b""


def test_a_store_in_memory_is_refused(tmp_path: Path) -> None:
    from trunkline.errors import InvalidInputError

    with pytest.raises(InvalidInputError, match="share a store in memory"):
        LocalExecutor("memory://", tmp_path, find_chunks=lambda _: {})


@pytest.mark.parametrize("runner", [Runner.PROCESS, Runner.AUTO])
def test_a_script_that_kills_what_started_it_leaves_nothing_and_fails(
    lab, make, tmp_path: Path, runner: Runner
) -> None:
    source = lab.source("in", {"/a": b""})
    pids = tmp_path / "pids"
    script = lab.script(
        f"""
        import os, signal, subprocess, time
        sleeper = subprocess.Popen(["sleep", "1000"], start_new_session=True)
        open({str(pids)!r}, "a").write(f"{{os.getpid()}} {{sleeper.pid}}\\n")
        os.kill(os.getppid(), signal.SIGKILL)
        time.sleep(1000)
        """
    )
    executor = make()

    result = executor.submit(lab.set(lab.datum((source, "/a")), cmd=["python3", script], runner=runner)).result(SECONDS)
    after = executor.submit(lab.set(lab.datum((source, "/a")), cmd=["true"], index=1)).result(SECONDS)

    assert result.datums[0].reason == "command was lost: the process that starts commands has ended"
    assert after.datums[0].state is DatumState.SUCCESS
    assert len(pids.read_text().split()) >= 6
    assert [pid for pid in pids.read_text().split() if Path("/proc", pid).exists()] == []


def test_a_store_that_fails_fails_the_set_with_the_reason(lab, make) -> None:
    source = lab.source("in", {"/a": b""})
    executor = make()
    objects = Path(lab.url.removeprefix("file://"))
    (objects / "logs").write_text("in the way")

    result = executor.submit(lab.set(lab.datum((source, "/a")), cmd=["echo", "line"])).result(SECONDS)

    assert result.datums[0].state is DatumState.FAILED
    assert "was tried 3 times, each on a new worker; the last time: " in result.datums[0].reason
