"""Which inputs are code, from the command alone."""

import pytest

from trunkline.model.pipelines import Transform
from trunkline.pps.lineage.code_inputs import command_lines, runs

SCRIPT, MODEL = "/pfs/scripts/cls.py", "/pfs/model/model.json"


@pytest.mark.parametrize(
    "cmd",
    [
        ("python3", SCRIPT, MODEL),
        ("/usr/bin/python3.11", "-u", "-O", SCRIPT, "--model", MODEL),
        (SCRIPT, MODEL),
        ("bash", SCRIPT, MODEL),
        ("sh", "-c", f"python3 {SCRIPT} {MODEL} > /pfs/out/a"),
        ("sh", "-c", f"cd /tmp && OMP_NUM_THREADS=1 {SCRIPT} {MODEL}"),
        ("sh", "-ec", f"for f in /pfs/in/*; do python3 '{SCRIPT}' $f {MODEL}; done"),
        ("java", "-jar", SCRIPT, MODEL),
    ],
)
def test_what_is_run_is_code_and_what_it_is_given_is_not(cmd: tuple[str, ...]) -> None:
    lines = command_lines(Transform(cmd=cmd))

    assert runs(lines, SCRIPT)
    assert not runs(lines, MODEL)


def test_a_shell_runs_what_it_is_told_on_standard_input() -> None:
    lines = command_lines(Transform(cmd=("sh",), stdin=("set -e", f". {SCRIPT}", f"cat {MODEL} | grep a")))
    unread = command_lines(Transform(cmd=("cat",), stdin=(f"python3 {SCRIPT}",)))

    assert runs(lines, SCRIPT)
    assert not runs(lines, MODEL)
    assert not runs(unread, SCRIPT)


def test_a_directory_is_code_if_something_of_it_is_run() -> None:
    lines = command_lines(Transform(cmd=("python3", SCRIPT, "/pfs/model/")))

    assert runs(lines, "/pfs/scripts/")
    assert not runs(lines, "/pfs/model/")


def test_a_name_that_only_begins_so_is_another_file() -> None:
    assert not runs(command_lines(Transform(cmd=("python3", f"{SCRIPT}.bak"))), SCRIPT)
    assert not runs(command_lines(Transform(cmd=("cp", SCRIPT, "/pfs/out"))), SCRIPT)
    assert not runs(command_lines(Transform()), SCRIPT)
