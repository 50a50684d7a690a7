"""Commands that take more memory than they may: the datum fails and says so, whatever kind of process took it."""

import pytest

from trunkline.model.datums import DatumState, Runner
from trunkline.worker.datum_set import run_datum_set

LIMIT = 200 << 20
RUNNERS = pytest.mark.parametrize("runner", [Runner.PROCESS, Runner.WARM, Runner.REUSE])
TAKES = """
    import os, sys, time
    name = os.path.basename(os.environ["in"])
    if name == "large":
        taken = bytearray(b"x") * (400 << 20)
        time.sleep(600)
    open(os.environ["PFS"] + "/out/" + name, "w").close()
"""


@RUNNERS
def test_a_datum_over_the_limit_fails_with_the_peak_and_the_others_do_not(lab, worker, runner: Runner) -> None:
    source = lab.source("in", {"/small": b"", "/large": b"", "/small2": b""})
    datums = [lab.datum((source, path)) for path in ("/small", "/large", "/small2")]

    result = run_datum_set(
        lab.set(*datums, cmd=["python3", lab.script(TAKES)], runner=runner, memory_bytes_max=LIMIT, datum_tries=2),
        worker,
    )

    assert [(datum.state, datum.tries) for datum in result.datums] == [
        (DatumState.SUCCESS, 1),
        (DatumState.FAILED, 2),
        (DatumState.SUCCESS, 1),
    ]
    words = result.datums[1].reason.split()
    assert " ".join(words[:2]) == "command used"
    assert int(words[2]) > 200
    assert result.datums[1].reason.endswith("more than the 200 MiB that it may (resourceLimits.memory)")
    assert lab.files(result.layer) == {"/small": b"", "/small2": b""}


def test_the_memory_of_all_processes_of_a_datum_counts_together(lab, worker) -> None:
    source = lab.source("in", {"/a": b""})
    takes = "python3 -c \"import time; taken = bytearray(b'x') * (120 << 20); time.sleep(600)\""

    result = run_datum_set(
        lab.set(
            lab.datum((source, "/a")),
            cmd=["sh", "-c", f"{takes} & setsid {takes} & wait"],
            memory_bytes_max=LIMIT,
            datum_tries=1,
        ),
        worker,
    )

    assert "more than the 200 MiB" in result.datums[0].reason


def test_pages_that_processes_share_count_once_and_mapped_files_not_at_all(lab, worker) -> None:
    """A fork of a process that holds much, and a file of which all pages are there, are no use of more memory."""
    source = lab.source("in", {"/a": b"x" * (1 << 20)})
    script = lab.script(
        """
        import mmap, os, time
        held = bytearray(b"x") * (120 << 20)
        with open(os.environ["PFS"] + "/out/file", "wb+") as file:
            file.truncate(300 << 20)
            mapped = mmap.mmap(file.fileno(), 0, prot=mmap.PROT_READ)
            total = sum(mapped[::4096])
        children = [os.fork() for _ in range(1)]
        if not all(children):
            time.sleep(0.5)
            os._exit(0)
        os.wait()
        os.remove(os.environ["PFS"] + "/out/file")
        """
    )

    result = run_datum_set(
        lab.set(lab.datum((source, "/a")), cmd=["python3", script], memory_bytes_max=LIMIT, datum_tries=1), worker
    )

    assert (result.datums[0].state, result.datums[0].reason) == (DatumState.SUCCESS, "")


def test_the_error_command_is_held_to_the_limit_too(lab, worker) -> None:
    source = lab.source("in", {"/large": b""})
    script = lab.script(TAKES)

    result = run_datum_set(
        lab.set(
            lab.datum((source, "/large")),
            cmd=["false"],
            err_cmd=["python3", script],
            memory_bytes_max=LIMIT,
            datum_tries=1,
        ),
        worker,
    )

    assert result.datums[0].state is DatumState.FAILED
    assert "errCmd failed too: command used" in lab.lines(result)[-1]["message"]
