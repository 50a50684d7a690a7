"""Scripts that misbehave, in every way and under every runner.

Each is the middle one of three datums of a set: it fails or succeeds cleanly, and the next datum finds the same worker
and a clean view.
"""

import itertools
import os
import subprocess
import textwrap
from collections.abc import Iterator
from pathlib import Path

import pytest

from trunkline.executors.local import LocalExecutor
from trunkline.model.datums import DatumResult, DatumState, Runner

SUCCESS, FAILED = DatumState.SUCCESS, DatumState.FAILED
_indexes = itertools.count()
GOOD = """
import os
seen = sorted(os.path.join(place, name) for place, _, names in os.walk("/pfs") for name in names)
assert seen == ["/pfs/.env", os.environ["in"]], seen
assert open(os.environ["in"]).read() == "content"
assert os.listdir("/pfs/out") == [] and os.getcwd() == "/"
open("/pfs/out/" + os.path.basename(os.environ["in"]), "w").close()
"""

# Name, what it does, how it ends, and a part of the reason.
BAD: list[tuple[str, str, DatumState, str]] = [
    ("writes outside", "open('/outside', 'w')", FAILED, "Read-only file system"),
    ("unlinks the view", "os.rmdir('/pfs')", FAILED, "OSError"),
    (
        "ignores signals",
        """
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
            signal.signal(number, signal.SIG_IGN)
        os.kill(os.getpid(), signal.SIGTERM)
        time.sleep(600)
        """,
        FAILED,
        "timed out after 2 s (datumTimeout)",
    ),
    ("stops itself", "os.kill(os.getpid(), signal.SIGSTOP)", FAILED, "timed out after 2 s (datumTimeout)"),
    (
        "leaves children of every kind",
        """
        for number in range(20):
            if os.fork() == 0:
                if number % 2:
                    os.setsid()
                if number % 4 == 3 and os.fork():
                    os._exit(0)
                signal.signal(signal.SIGTERM, signal.SIG_IGN)
                time.sleep(600)
                os._exit(0)
        """,
        SUCCESS,
        "",
    ),
    (
        "leaves a child that goes on writing",
        """
        if os.fork() == 0:
            os.setsid()
            while True:
                with open("/pfs/out/more", "a") as more:
                    more.write("x")
        """,
        SUCCESS,
        "",
    ),
    (
        "prints without end of line",
        """
        piece = b"x" * (1 << 20)
        for _ in range(200):
            os.write(1, piece)
            os.write(2, piece)
        """,
        SUCCESS,
        "",
    ),
    ("prints bytes", "os.write(1, bytes(range(256)) * 1000)", SUCCESS, ""),
    ("writes a socket", "socket.socket(socket.AF_UNIX).bind('/pfs/out/s')", FAILED, "/pfs/out/s: it is a socket"),
    ("links to a device", "os.symlink('/dev/zero', '/pfs/out/zero')", FAILED, "/pfs/out/zero: it is a device"),
    ("links in a circle", "os.symlink('/pfs/out/a', '/pfs/out/a')", FAILED, "/pfs/out/a: the symbolic link"),
    ("writes a pipe", "os.mkfifo('/pfs/out/p')", SUCCESS, ""),
    (
        "deletes its inputs and its output",
        "shutil.rmtree('/pfs/in'); shutil.rmtree('/pfs/out'); os.remove('/pfs/.env')",
        SUCCESS,
        "",
    ),
    (
        "puts a file in the place of its output",
        "os.rmdir('/pfs/out'); open('/pfs/out', 'w').write('x')",
        FAILED,
        "cannot upload /pfs/out: it is no directory any more",
    ),
    ("moves directories", "os.rename('/pfs/in', '/pfs/out/in'); os.mkdir('/pfs/new')", SUCCESS, ""),
    (
        "takes all rights away",
        "open('/pfs/out/x', 'w').close(); [os.chmod(p, 0) for p in ('/pfs/out/x', '/pfs/out', '/pfs/in', '/pfs')]",
        SUCCESS,
        "",
    ),
    (
        "deletes the directory it is in",
        "os.mkdir('/pfs/out/d'); os.chdir('/pfs/out/d'); os.rmdir('/pfs/out/d')",
        SUCCESS,
        "",
    ),
    ("closes everything", "os.closerange(0, 1000)", SUCCESS, ""),
    ("kills its group", "os.killpg(0, signal.SIGKILL)", FAILED, "killed by signal 9"),
    (
        "kills its parent and the group of that",
        "os.killpg(os.getpgid(os.getppid()), signal.SIGKILL); time.sleep(600)",
        FAILED,
        "command was lost",
    ),
    (
        "limits itself",
        "resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0)); resource.setrlimit(resource.RLIMIT_NOFILE, (3, 3)); 1 / 0",
        FAILED,
        "ZeroDivisionError",
    ),
    (
        "makes directories without end",
        """
        os.chdir("/pfs/out")
        for _ in range(3000):
            os.mkdir("d" * 20)
            os.chdir("d" * 20)
        open("f", "w").close()
        """,
        FAILED,
        "cannot upload /pfs/out/",
    ),
    ("writes a name that is no text", "open(b'/pfs/out/\\xff', 'w').close()", FAILED, "cannot be represented in PFS"),
    ("crashes", "import ctypes; ctypes.string_at(0)", FAILED, "SIGSEGV"),
    ("leaves threads", "threading.Thread(target=time.sleep, args=(600,), daemon=True).start()", SUCCESS, ""),
]


@pytest.fixture(params=[Runner.PROCESS, Runner.WARM, Runner.REUSE])
def runner(request: pytest.FixtureRequest) -> Runner:
    return request.param


@pytest.fixture(scope="module")
def executor(shared_lab) -> Iterator[LocalExecutor]:
    """One worker for all of them: whatever one does, the others find it as it should be."""
    executor = LocalExecutor(
        shared_lab.url, shared_lab.scratch, find_chunks=lambda _: {}, slots=1, working_dir=Path("/")
    )
    yield executor
    executor.close()
    assert list(shared_lab.scratch.iterdir()) == []


def run(lab, executor: LocalExecutor, bad: str, runner: Runner) -> list[DatumResult]:
    """Run three datums of which the second is bad."""
    head = "import os, resource, shutil, signal, socket, sys, threading, time\n"
    body = textwrap.indent(textwrap.dedent(bad), "    ")
    good = textwrap.indent(GOOD, "    ")
    script = lab.script(f"{head}if os.environ['PACH_DATUM_ID'] == '/bad':\n{body}\nelse:\n{good}")
    source = lab.source("in", dict.fromkeys(("/before", "/bad", "/after"), b"content"))
    datum_set = lab.set(
        *(lab.datum((source, path)) for path in ("/before", "/bad", "/after")),
        cmd=["python3", script],
        runner=runner,
        index=next(_indexes),
        datum_tries=1,
        datum_timeout_seconds=2.0 if "600" in bad or "STOP" in bad else 60.0,
    )
    result = executor.submit(datum_set).result(120)
    assert result.attempt == 1, "the worker was lost"
    return list(result.datums)


def processes_in(directory: Path) -> list[str]:
    """Return the processes with a file of that directory as an argument."""
    found = []
    for each in Path("/proc").iterdir():
        if each.name.isdigit() and int(each.name) != os.getpid():
            try:
                words = (each / "cmdline").read_bytes()
            except OSError:
                continue
            if f"{directory}/s.py".encode() in words:
                found.append(each.name)
    return found


@pytest.mark.parametrize(("bad", "state", "reason"), [pytest.param(*row[1:], id=row[0]) for row in BAD])
def test_it_ends_cleanly_and_the_next_datum_knows_nothing_of_it(
    shared_lab, executor: LocalExecutor, runner: Runner, bad: str, state: DatumState, reason: str
) -> None:
    before, middle, after = run(shared_lab, executor, bad, runner)

    assert (before.state, before.reason) == (SUCCESS, "")
    assert (middle.state, middle.reason if state is SUCCESS else "") == (state, "")
    assert reason in middle.reason
    assert (after.state, after.reason) == (SUCCESS, "")
    assert (before.outputs, after.outputs) == (("/before",), ("/after",))
    assert processes_in(shared_lab.scripts) == []


@pytest.mark.root
@pytest.mark.skipif(os.getuid() != 0, reason="only root can mount a small disk")
def test_a_full_disk_fails_the_datum_that_fills_it_and_no_other(lab, runner: Runner, tmp_path: Path) -> None:
    small = tmp_path / "small"
    small.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=16m", "tmpfs", str(small)], check=True)
    try:
        executor = LocalExecutor(lab.url, small / "scratch", find_chunks=lambda _: {}, slots=1, working_dir=Path("/"))
        fills = "open('/pfs/out/x', 'wb').write(bytes(32 << 20))"
        before, middle, after = run(lab, executor, fills, runner)
        large = lab.source("large", {"/x": os.urandom(20 << 20), "/y": b"y"})
        inputs = executor.submit(
            lab.set(
                *(lab.datum((large, path)) for path in ("/x", "/y")),
                cmd=["sh", "-c", "cp $large /pfs/out"],
                datum_tries=1,
                index=next(_indexes),
            )
        ).result(60)
        executor.close()
    finally:
        subprocess.run(["umount", str(small)], check=True)

    assert [before.state, middle.state, after.state] == [SUCCESS, FAILED, SUCCESS]
    assert "No space left on device" in middle.reason
    assert [datum.state for datum in inputs.datums] == [FAILED, SUCCESS]
    assert "cannot stage the inputs: [Errno 28] No space left on device" in inputs.datums[0].reason
    assert inputs.attempt == 1
