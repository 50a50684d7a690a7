import os
from pathlib import Path

import pytest

from trunkline.executors.local import LocalExecutor
from trunkline.model.datums import DatumState, Runner
from trunkline.worker.attempt import PIPES_WARNING
from trunkline.worker.datum_set import run_datum_set

SHOW_USER = b"""
import os
open("/pfs/in/a", "w").write("changed")
open("/pfs/out/x", "w").write(f"{os.getuid()} {os.stat('/pfs/out/x').st_uid} {os.getgid()}")
"""


def _only(result):
    (datum,) = result.datums
    return datum


def test_a_command_turns_inputs_into_outputs(lab, worker) -> None:
    source = lab.source("in", {"/a.txt": b"alpha", "/d/b.txt": b"beta"})
    datums = [lab.datum((source, "/a.txt")), lab.datum((source, "/d/b.txt"))]

    result = run_datum_set(lab.set(*datums, cmd=["sh"], stdin=['cp "$in" /pfs/out/', "echo done"]), worker)

    assert [datum.state for datum in result.datums] == [DatumState.SUCCESS, DatumState.SUCCESS]
    assert [datum.outputs for datum in result.datums] == [("/a.txt",), ("/b.txt",)]
    assert lab.files(result.layer) == {"/a.txt": b"alpha", "/b.txt": b"beta"}
    assert lab.tags(result.layer) == {"/a.txt": "/a.txt", "/b.txt": "/d/b.txt"}
    assert [line["message"] for line in lab.lines(result)] == ["done", "done"]


def test_the_full_path_of_a_match_is_kept(lab, worker) -> None:
    source = lab.source("in", {"/a/b/c.txt": b"1", "/a/b/d.txt": b"2", "/a/e.txt": b"3"})
    other = lab.source("model", {"/m": b"4"})

    result = run_datum_set(
        lab.set(
            lab.datum((source, "/a/b/"), (other, "/m")),
            cmd=["sh", "-c", "cd /pfs; find . -type f | sort; echo $in $model"],
        ),
        worker,
    )

    view = worker.view.seen_as
    assert [line["message"] for line in lab.lines(result)] == [
        "./.env",
        "./in/a/b/c.txt",
        "./in/a/b/d.txt",
        "./model/m",
        f"{view}/in/a/b {view}/model/m",
    ]


def test_a_group_shares_the_directory_of_its_input(lab, worker) -> None:
    source = lab.source("in", {"/a": b"1", "/b": b"2", "/c": b"3"})

    result = run_datum_set(
        lab.set(lab.datum((source, "/a"), (source, "/c")), cmd=["sh", "-c", "ls /pfs/in; echo $in"]), worker
    )

    assert [line["message"] for line in lab.lines(result)] == ["a", "c", f"{worker.view.seen_as}/in/c"]


def test_the_environment_is_the_documented_one(lab, worker) -> None:
    source = lab.source("in", {"/a": b"1"})
    datum = lab.datum((source, "/a"), join_on="k", group_by="g")
    script = lab.script(
        """
        import os
        for name in ("in", "in_COMMIT", "PACH_DATUM_ID", "PACH_DATUM_in_JOIN_ON", "PACH_DATUM_in_GROUP_BY",
                     "PACH_JOB_ID", "PACH_OUTPUT_COMMIT_ID", "PACH_IN_WORKER", "PPS_PROJECT_NAME", "PPS_PIPELINE_NAME",
                     "OWN", "PFS", "OMP_NUM_THREADS"):
            print(name, os.environ.get(name))
        print(open(os.environ["PFS"] + "/.env").read(), end="")
        """
    )

    result = run_datum_set(lab.set(datum, cmd=["python3", script], env={"OWN": "x=/pfs/in"}), worker)

    view = worker.view.seen_as
    own = [f"in={view}/in/a", f"in_COMMIT={'c' * 32}", "PACH_DATUM_in_JOIN_ON=k", "PACH_DATUM_in_GROUP_BY=g"]
    assert [line["message"] for line in lab.lines(result)] == [
        f"in {view}/in/a",
        f"in_COMMIT {'c' * 32}",
        "PACH_DATUM_ID /a",
        "PACH_DATUM_in_JOIN_ON k",
        "PACH_DATUM_in_GROUP_BY g",
        f"PACH_JOB_ID {'j' * 32}",
        f"PACH_OUTPUT_COMMIT_ID {'o' * 32}",
        "PACH_IN_WORKER true",
        "PPS_PROJECT_NAME default",
        "PPS_PIPELINE_NAME p",
        f"OWN x={view}/in",
        f"PFS {view}",
        "OMP_NUM_THREADS 1",
        *own,
        "PACH_DATUM_ID=/a",
    ]


def test_python_scripts_run_warm_and_other_commands_as_processes(lab, worker) -> None:
    source = lab.source("in", {"/a": b"1"})
    script = lab.script("import os, sys, csv; open(os.environ['PFS'] + '/out/x', 'w').write(sys.argv[1])")

    for cmd, runner, expected in (
        (["python3", script, "1"], Runner.AUTO, Runner.WARM),
        (["python3", script, "2"], Runner.WARM, Runner.WARM),
        (["python3", script, "3"], Runner.PROCESS, Runner.PROCESS),
        (["python3", "-c", "1"], Runner.AUTO, Runner.PROCESS),
        (["python3", "-m", "this"], Runner.AUTO, Runner.PROCESS),
        (["sh", "-c", "true"], Runner.AUTO, Runner.PROCESS),
    ):
        result = run_datum_set(lab.set(lab.datum((source, "/a")), cmd=cmd, runner=runner), worker)

        assert (_only(result).state, _only(result).runner) == (DatumState.SUCCESS, expected)
        if cmd[1] == script:
            assert lab.files(result.layer) == {"/x": cmd[2].encode()}


def test_modules_from_an_input_are_loaded_by_each_datum(lab, worker) -> None:
    """Whatever puts them on the search path: two datums may have two versions."""
    first, second = (lab.source("code", {"/mine.py": f"print('mine {n}')".encode()}) for n in (1, 2))
    script = lab.script("import mine, csv")

    result = run_datum_set(
        lab.set(
            *(lab.datum((source, "/")) for source in (first, second, second)),
            cmd=["python3", script],
            env={"PYTHONPATH": "/pfs/code"},
        ),
        worker,
    )

    assert [datum.runner for datum in result.datums] == [Runner.WARM] * 3
    assert [line["message"] for line in lab.lines(result)] == ["mine 1", "mine 2", "mine 2"]
    assert "mine" not in result.imports


def test_a_command_that_cannot_run_warm_gets_a_warning_if_that_was_asked_for(lab, worker) -> None:
    source = lab.source("in", {"/a": b""})

    result = run_datum_set(lab.set(lab.datum((source, "/a")), cmd=["true"], runner=Runner.WARM), worker)

    assert (_only(result).state, _only(result).runner) == (DatumState.SUCCESS, Runner.PROCESS)
    assert "only commands of the form 'python script.py ...' can run warm" in result.warnings[0]


def test_imports_that_a_run_shows_come_back_for_the_next_job(lab, worker) -> None:
    source = lab.source("in", {"/a": b"1"})
    script = lab.script("import sys\nprint('colorsys' in sys.modules)\ndef f():\n    import colorsys\nf()")
    datum = lab.datum((source, "/a"))

    first = run_datum_set(lab.set(datum, cmd=["python3", script]), worker)
    worker.starters.close()
    second = run_datum_set(lab.set(datum, cmd=["python3", script], index=1, imports=first.imports), worker)

    assert "colorsys" in first.imports
    assert [line["message"] for line in lab.lines(first) + lab.lines(second)] == ["False", "True"]


@pytest.mark.parametrize("runner", [Runner.PROCESS, Runner.WARM])
def test_a_failed_datum_leaves_no_output_and_the_others_do(lab, worker, runner: Runner) -> None:
    source = lab.source("in", {f"/{name}": name.encode() for name in "abc"})
    script = lab.script(
        """
        import os, sys
        name = os.path.basename(os.environ["in"])
        with open(os.environ["PFS"] + "/out/" + name, "w") as out:
            out.write(name)
        if name == "b":
            print("not with", name, file=sys.stderr)
            sys.exit(3)
        """
    )

    result = run_datum_set(
        lab.set(*(lab.datum((source, f"/{name}")) for name in "abc"), cmd=["python3", script], runner=runner), worker
    )

    assert [datum.state for datum in result.datums] == [DatumState.SUCCESS, DatumState.FAILED, DatumState.SUCCESS]
    assert result.datums[1].reason == "command exited with status 3: not with b"
    assert (result.datums[1].tries, result.datums[1].runner) == (3, runner)
    assert lab.files(result.layer) == {"/a": b"a", "/c": b"c"}


def test_every_try_starts_with_fresh_inputs_and_an_empty_out(lab, worker, tmp_path: Path) -> None:
    source = lab.source("in", {"/a": b"1"})
    count = tmp_path / "count"
    commands = [
        f"echo x >> {count}",
        "cat /pfs/in/a; echo; ls /pfs /pfs/out",
        "echo 2 > /pfs/in/a; mkdir /pfs/new /pfs/out/d; touch /pfs/out/y",
        f"test $(wc -l < {count}) = 3",
    ]

    result = run_datum_set(lab.set(lab.datum((source, "/a")), cmd=["sh"], stdin=commands), worker)

    assert (_only(result).state, _only(result).tries) == (DatumState.SUCCESS, 3)
    assert [line["message"] for line in lab.lines(result) if line["user"]] == [
        *("1", "/pfs:".replace("/pfs", worker.view.seen_as), "in", "out", "", f"{worker.view.seen_as}/out:"),
    ] * 3
    assert lab.files(result.layer) == {"/y": b""}


def test_the_last_try_of_a_warm_script_is_a_process(lab, worker) -> None:
    source = lab.source("in", {"/a": b"1"})
    script = lab.script(
        """
        import inspect, sys
        warm = len(inspect.stack()) > 1
        print("warm" if warm else "process")
        sys.exit(warm)
        """
    )

    three = run_datum_set(lab.set(lab.datum((source, "/a")), cmd=["python3", script]), worker)
    one = run_datum_set(lab.set(lab.datum((source, "/a")), cmd=["python3", script], datum_tries=1, index=1), worker)
    forced = run_datum_set(
        lab.set(lab.datum((source, "/a")), cmd=["python3", script], runner=Runner.WARM, index=2), worker
    )

    assert [line["message"] for line in lab.lines(three) if line["user"]] == ["warm", "warm", "process"]
    assert [line["message"] for line in lab.lines(one) if line["user"]] == ["warm", "process"]
    assert (_only(three).tries, _only(one).tries, _only(forced).state) == (3, 1, DatumState.FAILED)


def test_a_script_that_crashes_only_when_warm_runs_as_a_process_from_then_on(lab, worker) -> None:
    source = lab.source("in", {f"/{name}": b"" for name in "abc"})
    script = lab.script(
        """
        import inspect, os, signal
        warm = len(inspect.stack()) > 1
        print("warm" if warm else "process", flush=True)
        if warm:
            os.kill(os.getpid(), signal.SIGSEGV)
        """
    )

    result = run_datum_set(lab.set(*(lab.datum((source, f"/{n}")) for n in "abc"), cmd=["python3", script]), worker)

    assert [(datum.state, datum.tries, datum.runner) for datum in result.datums] == [
        (DatumState.SUCCESS, 1, Runner.PROCESS)
    ] * 3
    assert [line["message"] for line in lab.lines(result) if line["user"]] == ["warm", *["process"] * 3]


def test_a_script_that_hangs_only_when_warm_runs_as_a_process_from_then_on(lab, worker) -> None:
    source = lab.source("in", {f"/{name}": b"" for name in "ab"})
    script = lab.script(
        """
        import inspect, time
        if len(inspect.stack()) > 1:
            time.sleep(1000)
        """
    )

    result = run_datum_set(
        lab.set(*(lab.datum((source, f"/{n}")) for n in "ab"), cmd=["python3", script], datum_timeout_seconds=3.0),
        worker,
    )

    assert [(datum.state, datum.tries, datum.runner) for datum in result.datums] == [
        (DatumState.SUCCESS, 2, Runner.PROCESS),
        (DatumState.SUCCESS, 1, Runner.PROCESS),
    ]


def test_the_reason_of_a_timeout_says_so(lab, worker) -> None:
    source = lab.source("in", {"/a": b""})

    result = run_datum_set(
        lab.set(lab.datum((source, "/a")), cmd=["sleep", "1000"], datum_timeout_seconds=0.2, datum_tries=1), worker
    )

    assert _only(result).reason == "command timed out after 0.2 s (datumTimeout)"


def test_a_missing_command_is_named_with_where_it_was_searched(lab, worker) -> None:
    source = lab.source("in", {"/a": b""})

    absent = run_datum_set(
        lab.set(lab.datum((source, "/a")), cmd=["no-such-command"], env={"PATH": "/bin:/usr/bin"}), worker
    )
    no_dir = run_datum_set(lab.set(lab.datum((source, "/a")), cmd=["true"], working_dir="/no/such"), worker)

    reason = "command 'no-such-command' not found in PATH: install it on this machine, or write its full path in "
    assert _only(absent).reason == f"{reason}transform.cmd"
    told = [record["message"] for record in lab.lines(absent) if record["user"]]
    assert told == [f"{reason}transform.cmd (searched in /bin:/usr/bin)"] * 3, "one for each try"
    assert _only(no_dir).reason == "working directory '/no/such' does not exist"


def test_err_cmd_recovers_a_datum_without_output(lab, worker) -> None:
    source = lab.source("in", {"/a": b"", "/b": b""})

    result = run_datum_set(
        lab.set(
            lab.datum((source, "/a")),
            lab.datum((source, "/b")),
            cmd=["sh", "-c", "touch /pfs/out/x; exit 1"],
            err_cmd=["sh"],
            err_stdin=["echo $PACH_DATUM_ID; ls /pfs/out; test $PACH_DATUM_ID = /a"],
        ),
        worker,
    )

    assert [(datum.state, datum.tries) for datum in result.datums] == [
        (DatumState.RECOVERED, 1),
        (DatumState.FAILED, 3),
    ]
    assert result.layer == ""
    assert [line["message"] for line in lab.lines(result) if line["user"]] == ["/a", "x", *["/b", "x"] * 3]


def test_accepted_return_codes_are_success(lab, worker) -> None:
    source = lab.source("in", {"/a": b""})

    result = run_datum_set(
        lab.set(lab.datum((source, "/a")), cmd=["sh", "-c", "echo > /pfs/out/x; exit 5"], accept_return_code=[4, 5]),
        worker,
    )

    assert _only(result).state is DatumState.SUCCESS
    assert lab.files(result.layer) == {"/x": b"\n"}


def test_stdin_that_nobody_reads_is_no_error(lab, worker) -> None:
    source = lab.source("in", {"/a": b""})

    result = run_datum_set(lab.set(lab.datum((source, "/a")), cmd=["true"], stdin=["x" * 100] * 10_000), worker)

    assert _only(result).state is DatumState.SUCCESS


def test_a_background_child_neither_delays_nor_survives_its_datum(lab, worker) -> None:
    source = lab.source("in", {"/a": b""})

    result = run_datum_set(
        lab.set(lab.datum((source, "/a")), cmd=["sh", "-c", "setsid sleep 1000 & echo $!"], datum_timeout_seconds=60.0),
        worker,
    )

    assert _only(result).state is DatumState.SUCCESS
    assert not Path("/proc", lab.lines(result)[0]["message"]).exists()


def test_log_records_have_the_fields_of_the_field(lab, worker) -> None:
    source = lab.source("in", {"/a": b""})

    result = run_datum_set(
        lab.set(lab.datum((source, "/a")), cmd=["sh", "-c", "echo out; printf 'no newline \\377' >&2"]), worker
    )

    first, second = lab.lines(result)
    assert first.pop("ts").endswith("Z")
    assert first == {
        "message": "out",
        "user": True,
        "stream": "stdout",
        "projectName": "default",
        "pipelineName": "p",
        "jobId": "j" * 32,
        "workerId": "w1",
        "datumId": "/a",
        "data": [{"path": "/a", "hash": (b"h" * 32).hex()}],
    }
    assert (second["message"], second["stream"]) == ("no newline \ufffd", "stderr")
    assert (result.logs.startswith(f"logs/{'j' * 32}/0-1-"), result.log_lines) == (True, 2)


def test_silent_datums_leave_no_log(lab, worker) -> None:
    source = lab.source("in", {"/a": b""})

    result = run_datum_set(lab.set(lab.datum((source, "/a")), cmd=["true"]), worker)

    assert (result.logs, result.log_lines, list(lab.objects.list("logs/"))) == ("", 0, [])


def test_links_to_inputs_are_kept_without_reading_them(lab, worker) -> None:
    source = lab.source("in", {"/a": b"alpha", "/d/b": b"beta"}, empty_files=True)
    full = lab.source("full", {"/f": b"full"})

    result = run_datum_set(
        lab.set(
            lab.datum((source, "/"), (full, "/f")),
            cmd=[
                "sh",
                "-c",
                "cd /pfs/out; wc -c < /pfs/in/a; ln -s /pfs/in in; ln -s /pfs/in/a a; ln -s ../full/f f; "
                "ln -s /etc/hostname hostname",
            ],
        ),
        worker,
    )

    files = lab.files(result.layer)
    assert files.pop("/hostname") == Path("/etc/hostname").read_bytes()
    assert files == {"/a": b"alpha", "/in/a": b"alpha", "/in/d/b": b"beta", "/f": b"full"}
    assert [line["message"] for line in lab.lines(result)] == ["0"]


def test_an_input_that_was_written_to_is_not_passed_through(lab, worker) -> None:
    source = lab.source("in", {"/a": b"alpha"})

    result = run_datum_set(
        lab.set(lab.datum((source, "/a")), cmd=["sh", "-c", "printf BETA1 > /pfs/in/a; ln -s /pfs/in/a /pfs/out/a"]),
        worker,
    )

    assert lab.files(result.layer) == {"/a": b"BETA1"}


@pytest.mark.parametrize(
    ("commands", "reason"),
    [
        ("touch '/pfs/out/a*b'", "cannot upload file produced by the user code because its name cannot be represented"),
        ("touch /pfs/out/ä", "cannot upload file produced by the user code because its name cannot be represented"),
        ("ln -s /no/such /pfs/out/x", "cannot upload /pfs/out/x: the symbolic link to /no/such is broken"),
        ("ln -s . /pfs/out/x", "cannot upload /pfs/out/x: the symbolic link leads to a directory above it"),
        ("ln -s /dev/null /pfs/out/x", "cannot upload /pfs/out/x: it is a device"),
        (
            "python3 -c 'import socket; socket.socket(socket.AF_UNIX).bind(\"s\")'",
            "cannot upload /pfs/out/s: it is a socket",
        ),
    ],
)
def test_output_that_cannot_be_kept_fails_the_datum(lab, worker, commands: str, reason: str) -> None:
    source = lab.source("in", {"/a": b"", "/b": b""})
    bad = f"cd /pfs/out; touch fine; {commands}"

    result = run_datum_set(
        lab.set(
            lab.datum((source, "/a")),
            lab.datum((source, "/b")),
            cmd=["sh", "-c", f"if [ $PACH_DATUM_ID = /a ]; then {bad}; else touch /pfs/out/b; fi"],
        ),
        worker,
    )

    assert [datum.state for datum in result.datums] == [DatumState.FAILED, DatumState.SUCCESS]
    assert result.datums[0].reason.startswith(reason)
    assert lab.files(result.layer) == {"/b": b""}


def test_empty_directories_and_pipes_are_skipped(lab, worker) -> None:
    source = lab.source("in", {"/a": b""})

    result = run_datum_set(
        lab.set(lab.datum((source, "/a")), cmd=["sh", "-c", "cd /pfs/out; mkdir -p d/e; mkfifo p d/q; touch d/f"]),
        worker,
    )

    assert lab.files(result.layer) == {"/d/f": b""}
    [told] = [record["message"] for record in lab.lines(result) if record["user"]]
    assert told == "not kept, as they are named pipes: /pfs/out/d/q, /pfs/out/p"
    assert PIPES_WARNING in result.warnings


def test_a_script_may_ruin_its_view_without_harm_to_the_next_datum(lab, worker) -> None:
    source = lab.source("in", {"/a": b"alpha", "/b": b"beta", "/c/d": b"delta"})
    ruin = (
        "cd /pfs; rm -rf out in/a; ln -s /etc in/a; mkdir -p x/y; touch x/y/z; chmod 000 x/y in; mkfifo p; "
        "rm -f .env; mkdir .env; true"
    )
    look = "cd /pfs; find . | sort; cat in/a in/b in/c/d; touch out/fine"

    result = run_datum_set(
        lab.set(
            *[lab.datum((source, "/")), lab.datum((source, "/"), (source, "/a"))],
            cmd=["sh", "-c", f"if [ $PACH_DATUM_ID = / ]; then {ruin}; else {look}; fi"],
        ),
        worker,
    )

    assert [datum.state for datum in result.datums] == [DatumState.SUCCESS] * 2
    assert [line["message"] for line in lab.lines(result)] == [
        *[".", "./.env", "./in", "./in/a", "./in/b", "./in/c", "./in/c/d", "./out"],
        "alphabetadelta",
    ]
    assert lab.files(result.layer) == {"/fine": b""}


def test_files_that_stay_are_not_fetched_again(lab, worker) -> None:
    files = lab.source("in", {"/a": b"1", "/b": b"22"})
    model = lab.source("model", {"/m": b"x" * 1000})

    result = run_datum_set(
        lab.set(
            *(lab.datum((files, path), (model, "/m")) for path in ("/a", "/b", "/a", "/b")),
            cmd=["sh", "-c", "cat $in $model > /pfs/out/$PACH_DATUM_ID || true; echo y >> $in"],
        ),
        worker,
    )

    assert [datum.stats.download_bytes for datum in result.datums] == [1001, 2, 1, 2]


def test_a_modified_input_is_fetched_again(lab, worker) -> None:
    source = lab.source("in", {"/a": b"12"})
    change = "printf 34 1<> /pfs/in/a"

    result = run_datum_set(
        lab.set(*[lab.datum((source, "/a"))] * 3, cmd=["sh", "-c", f"cat /pfs/in/a; echo; {change}"]), worker
    )

    assert [line["message"] for line in lab.lines(result)] == ["12", "12", "12"]


def test_s3_inputs_are_empty_directories(lab, worker) -> None:
    source = lab.source("in", {"/a": b"12"}, s3=True)

    result = run_datum_set(lab.set(lab.datum((source, "/a")), cmd=["sh", "-c", "ls -A /pfs/in; ls /pfs"]), worker)

    assert [line["message"] for line in lab.lines(result)] == ["in", "out"]


def test_outputs_that_are_stored_already_make_no_new_chunks(lab, worker) -> None:
    source = lab.source("in", {"/a": b"12" * 1000})

    result = run_datum_set(lab.set(lab.datum((source, "/a")), cmd=["sh", "-c", "cat /pfs/in/a > /pfs/out/b"]), worker)

    assert lab.files(result.layer) == {"/b": b"12" * 1000}
    assert result.new_chunks == b""


def test_statistics_tell_bytes_and_cpu_time(lab, worker) -> None:
    source = lab.source("in", {"/a": b"12345"})
    script = lab.script(
        """
        import os, time
        while time.process_time() < 0.2:
            pass
        open(os.environ["PFS"] + "/out/x", "w").write("1234567")
        """
    )

    stats = _only(run_datum_set(lab.set(lab.datum((source, "/a")), cmd=["python3", script]), worker)).stats

    assert (stats.download_bytes, stats.upload_bytes) == (5, 7)
    assert stats.cpu_seconds >= 0.2
    assert stats.process_seconds > 0


def test_output_beyond_the_limit_is_counted_not_kept(lab, worker) -> None:
    source = lab.source("in", {"/a": b""})
    script = lab.script("import sys\nfor _ in range(12):\n    sys.stdout.write('y' * (1 << 20))\nprint()\nprint('end')")

    result = run_datum_set(lab.set(lab.datum((source, "/a")), cmd=["python3", script]), worker)

    lines = lab.lines(result)
    assert sum(len(line["message"]) for line in lines) < 11 << 20
    assert "more bytes of output were dropped" in lines[-1]["message"]
    assert max(len(line["message"]) for line in lines) == 32 << 10


@pytest.mark.root
@pytest.mark.skipif(os.getuid() != 0, reason="only root can become somebody else")
@pytest.mark.parametrize("runner", [Runner.PROCESS, Runner.WARM])
def test_user_code_runs_as_the_user_of_the_transform(lab, runner: Runner) -> None:
    executor = LocalExecutor(lab.url, lab.scratch, find_chunks=lambda _: {}, slots=1, working_dir=Path("/"))
    source = lab.source("in", {"/a": b"1", "/s.py": SHOW_USER})
    cmd = ["/usr/bin/python3", "/pfs/in/s.py"]

    for user, ids in (("nobody", "65534 65534 65534"), ("65534:1", "65534 65534 1"), ("", "0 0 0")):
        datum_set = lab.set(lab.datum((source, "/")), cmd=cmd, user=user, runner=runner)
        result = executor.submit(datum_set).result(60)

        assert (result.datums[0].reason, lab.files(result.layer)) == ("", {"/x": ids.encode()})
    executor.close()
