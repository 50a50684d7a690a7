"""Lazy inputs: pipes that cost nothing until they are opened, and that no script can make the worker hang on."""

import hashlib
import os
import resource
import threading
from pathlib import Path

import pytest

from trunkline.executors.local import LocalExecutor
from trunkline.model.datums import DatumState, Runner
from trunkline.worker.datum_set import run_datum_set

BIG = bytes(range(256)) * (20 << 10)  # 5 MiB: several chunks, and many times what a pipe holds
RUNNERS = pytest.mark.parametrize("runner", [Runner.PROCESS, Runner.WARM, Runner.REUSE])


def _only(result):
    (datum,) = result.datums
    assert datum.reason == ""
    return datum


def _pipe_threads() -> list[threading.Thread]:
    return [thread for thread in threading.enumerate() if thread.name == "trunkline-pipes"]


@RUNNERS
def test_only_what_is_opened_is_fetched(lab, worker, runner: Runner) -> None:
    source = lab.source("in", {"/a": b"alpha", "/d/b": b"beta", "/big": BIG, "/empty": b""}, lazy=True)
    script = lab.script(
        """
        import os, stat
        pfs = os.environ["PFS"]
        kinds = {stat.S_ISFIFO(os.stat(f"{pfs}/in/{name}").st_mode) for name in ("a", "d/b", "big", "empty")}
        assert kinds == {True}
        data = open(f"{pfs}/in/d/b", "rb").read() + open(f"{pfs}/in/empty", "rb").read()
        open(f"{pfs}/out/x", "wb").write(data)
        """
    )

    result = run_datum_set(lab.set(lab.datum((source, "/")), cmd=["python3", script], runner=runner), worker)

    assert _only(result).stats.download_bytes == 4
    assert lab.files(result.layer) == {"/x": b"beta"}


@RUNNERS
def test_a_large_file_streams_whole_each_time_it_is_opened(lab, worker, runner: Runner) -> None:
    source = lab.source("in", {"/big": BIG}, lazy=True)
    script = lab.script(
        """
        import os, shutil
        pfs = os.environ["PFS"]
        for name in "xy":
            shutil.copyfileobj(open(f"{pfs}/in/big", "rb"), open(f"{pfs}/out/{name}", "wb"))
        """
    )

    result = run_datum_set(lab.set(lab.datum((source, "/")), cmd=["python3", script], runner=runner), worker)

    assert _only(result).stats.download_bytes == 2 * len(BIG)
    assert lab.files(result.layer) == {"/x": BIG, "/y": BIG}


@RUNNERS
def test_each_datum_of_a_set_has_pipes_of_its_own(lab, worker, runner: Runner) -> None:
    """Also where one process runs them all and keeps what it has opened."""
    source = lab.source("in", {f"/{number}": BIG[number : number + 300_000] for number in range(6)}, lazy=True)
    script = lab.script(
        """
        import builtins, os
        held = open(os.environ["in"], "rb")
        builtins.kept = getattr(builtins, "kept", []) + [held]
        open(os.environ["PFS"] + "/out/" + os.environ["PACH_DATUM_ID"], "wb").write(held.read(200_000))
        """
    )

    result = run_datum_set(
        lab.set(*(lab.datum((source, f"/{n}")) for n in range(6)), cmd=["python3", script], runner=runner), worker
    )

    assert [datum.reason for datum in result.datums] == [""] * 6
    assert lab.files(result.layer) == {f"/{n}": BIG[n : n + 200_000] for n in range(6)}


def test_many_files_may_be_open_at_once_and_read_in_turns(lab, worker) -> None:
    contents = {f"/{number:02}": BIG[number:] for number in range(24)}
    source = lab.source("in", contents, lazy=True)
    script = lab.script(
        """
        import glob, hashlib, os
        files = {path: open(path, "rb") for path in sorted(glob.glob(os.environ["PFS"] + "/in/*"))}
        digests = {path: hashlib.sha256() for path in files}
        while files:
            for path, file in list(files.items()):
                data = file.read(1 << 20)
                digests[path].update(data)
                if not data:
                    files.pop(path).close()
        print(" ".join(digest.hexdigest() for digest in digests.values()))
        """
    )

    result = run_datum_set(lab.set(lab.datum((source, "/")), cmd=["python3", script]), worker)

    assert _only(result).state is DatumState.SUCCESS
    (line,) = lab.lines(result)
    assert line["message"].split() == [hashlib.sha256(data).hexdigest() for data in contents.values()]


@RUNNERS
def test_a_reader_that_leaves_early_hinders_nobody(lab, worker, runner: Runner) -> None:
    source = lab.source("in", {"/big": BIG, "/other": b"other"}, lazy=True)
    script = lab.script(
        """
        import os, subprocess
        pfs = os.environ["PFS"]
        open(f"{pfs}/in/big", "rb").close()
        print(len(open(f"{pfs}/in/big", "rb").read(10)), flush=True)
        held = open(f"{pfs}/in/big", "rb")
        print(subprocess.check_output(["cat", f"{pfs}/in/other"]).decode(), flush=True)
        os._exit(0)
        """
    )

    result = run_datum_set(
        lab.set(lab.datum((source, "/")), lab.datum((source, "/big")), cmd=["python3", script], runner=runner), worker
    )

    # The second datum has no other file: it ends with an error while a pipe is half read.
    assert [datum.state for datum in result.datums] == [DatumState.SUCCESS, DatumState.FAILED]
    assert [line["message"] for line in lab.lines(result)][:2] == ["10", "other"]
    assert _pipe_threads() == []


def test_descriptors_and_threads_are_given_back(lab, worker) -> None:
    source = lab.source("in", {f"/{number}": b"x" * 100_000 for number in range(50)}, lazy=True)
    datum_set = lab.set(*[lab.datum((source, "/"))] * 3, cmd=["sh", "-c", "head -c 1 /pfs/in/7 > /pfs/out/x"])
    run_datum_set(datum_set, worker)
    before = len(os.listdir("/proc/self/fd"))

    result = run_datum_set(datum_set, worker)

    assert {datum.state for datum in result.datums} == {DatumState.SUCCESS}
    assert (len(os.listdir("/proc/self/fd")), _pipe_threads()) == (before, [])


def test_a_reader_that_never_reads_is_ended_by_the_timeout(lab, worker) -> None:
    source = lab.source("in", {"/big": BIG}, lazy=True)

    result = run_datum_set(
        lab.set(
            lab.datum((source, "/")),
            cmd=["sh", "-c", "exec 3< /pfs/in/big; sleep 600"],
            datum_timeout_seconds=0.5,
            datum_tries=2,
        ),
        worker,
    )

    assert result.datums[0].reason == "command timed out after 0.5 s (datumTimeout)"
    assert _pipe_threads() == []


def test_links_to_lazy_files_are_kept_by_reference(lab, worker) -> None:
    source = lab.source("in", {"/a": b"alpha", "/d/b": BIG}, lazy=True)

    result = run_datum_set(
        lab.set(
            lab.datum((source, "/")),
            cmd=["sh", "-c", "cd /pfs/out; ln -s /pfs/in in; cat /pfs/in/a; ln -s /pfs/in/a a; mv /pfs/in/d/b moved"],
        ),
        worker,
    )

    assert lab.files(result.layer) == {"/a": b"alpha", "/in/a": b"alpha", "/moved": BIG}
    assert _only(result).stats.download_bytes == 5
    assert result.new_chunks == b""


def test_what_user_code_does_to_a_pipe_stays_in_its_datum(lab, worker) -> None:
    source = lab.source("in", {"/a": b"alpha", "/b": b"beta"}, lazy=True)
    ruin = "cat /pfs/in/a; rm -f /pfs/in/a; echo mine > /pfs/in/a; mkfifo /pfs/out/own; chmod 000 /pfs/in"
    look = "cat /pfs/in/a /pfs/in/b > /pfs/out/x"

    result = run_datum_set(
        lab.set(
            lab.datum((source, "/")),
            lab.datum((source, "/"), (source, "/a")),
            cmd=["sh", "-c", f"if [ $PACH_DATUM_ID = / ]; then {ruin}; else {look}; fi"],
        ),
        worker,
    )

    assert [datum.reason for datum in result.datums] == ["", ""]
    assert lab.files(result.layer) == {"/x": b"alphabeta"}


def test_content_that_is_missing_fails_the_datum_instead_of_ending_the_file_early(lab, worker) -> None:
    source = lab.source("in", {"/a": os.urandom(3 << 20)}, lazy=True)
    for pack in Path(lab.url.removeprefix("file://"), "packs").rglob("*"):
        if pack.is_file():
            pack.unlink()

    result = run_datum_set(
        lab.set(lab.datum((source, "/a")), cmd=["sh", "-c", "cat /pfs/in/a > /pfs/out/x"], datum_tries=1), worker
    )

    assert result.datums[0].state is DatumState.FAILED
    assert "pack" in result.datums[0].reason
    assert lab.files(result.layer) == {}


def test_without_descriptors_for_a_pipe_the_rest_are_files(lab, worker, monkeypatch: pytest.MonkeyPatch) -> None:
    source = lab.source("in", {f"/{number}": b"12345" for number in range(10)}, lazy=True)
    monkeypatch.setattr("trunkline.worker.view.pipes._SPARE_FILES", _soft_limit() - 4)

    result = run_datum_set(
        lab.set(
            lab.datum((source, "/")),
            cmd=["sh", "-c", "find /pfs/in -type p | wc -l; cat /pfs/in/* > /pfs/out/x"],
        ),
        worker,
    )

    assert [line["message"] for line in lab.lines(result)] == ["4"]
    assert lab.files(result.layer) == {"/x": b"12345" * 10}
    assert _only(result).stats.download_bytes == 50


def _soft_limit() -> int:
    return resource.getrlimit(resource.RLIMIT_NOFILE)[1]


@pytest.mark.parametrize("isolation", ["auto", "mapped"])
@RUNNERS
def test_pipes_work_in_every_view_and_a_cancelled_job_leaves_the_worker_usable(
    lab, isolation: str, runner: Runner, tmp_path: Path
) -> None:
    executor = LocalExecutor(
        lab.url, lab.scratch, find_chunks=lambda _: {}, slots=1, isolation=isolation, working_dir=tmp_path
    )
    source = lab.source("in", {"/big": BIG, "/a": b"alpha"}, lazy=True)
    begun = tmp_path / "begun"
    os.mkfifo(begun)
    stuck = lab.script(
        f"""
        import os, time
        held = open(os.environ["PFS"] + "/in/big", "rb")
        held.read(1)
        open({str(begun)!r}, "w").close()
        time.sleep(600)
        """,
        "stuck.py",
    )
    reads = lab.script(
        """
        import os
        pfs = os.environ["PFS"]
        open(pfs + "/out/a", "wb").write(open(pfs + "/in/a", "rb").read())
        os.symlink(pfs + "/in/big", pfs + "/out/big")
        """,
        "reads.py",
    )
    try:
        future = executor.submit(lab.set(lab.datum((source, "/")), cmd=["python3", stuck], runner=runner, job="1" * 32))
        begun.read_bytes()  # returns when the script has it
        executor.cancel("1" * 32)
        assert future.cancelled() or future.exception(60) is not None

        result = executor.submit(lab.set(lab.datum((source, "/")), cmd=["python3", reads], runner=runner)).result(60)
    finally:
        executor.close()

    assert _only(result).stats.download_bytes == 5
    assert lab.files(result.layer) == {"/a": b"alpha", "/big": BIG}


def test_pipes_that_nobody_opened_stay_for_the_next_datum(lab, worker) -> None:
    """Unless user code has changed them, or the next datum has something else there."""
    shared = lab.source(
        "model", {f"/{name}": name.encode() for name in ("unread", "read", "moved", "locked")}, lazy=True
    )
    own = lab.source("in", {"/a": b"1", "/b": b"2"}, lazy=True)
    look = "cd /pfs/model; stat -c '%n %i' unread; cat read moved locked unread; echo; cat $in; echo"
    first = "cd /pfs/model; stat -c '%n %i' unread; cat read; echo; mv moved away; chmod 000 locked"

    result = run_datum_set(
        lab.set(
            lab.datum((own, "/a"), (shared, "/")),
            lab.datum((own, "/b"), (shared, "/")),
            cmd=["sh", "-c", f"if [ $in = /pfs/in/a ]; then {first}; else {look}; fi"],
        ),
        worker,
    )

    lines = [line["message"] for line in lab.lines(result)]
    assert [datum.reason for datum in result.datums] == ["", ""]
    assert lines[1:2] + lines[3:] == ["read", "readmovedlockedunread", "2"]
    assert lines[0] == lines[2]
    assert [datum.stats.download_bytes for datum in result.datums] == [4, 22]
