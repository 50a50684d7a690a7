import os
import shutil
import sys
from pathlib import Path

import pytest

from trunkline.errors import InvalidInputError
from trunkline.model.datums import Datum, DatumInput, DatumSet, InputSource
from trunkline.model.pipelines import Transform
from trunkline.worker.commands.environment import (
    base_environment,
    check_passed,
    datum_environment,
    datum_set_environment,
    interpreter_environment,
    limits_threads,
    map_pfs,
    script_environment,
)


def _source(name: str, commit: str = "c1") -> InputSource:
    return InputSource(name, "default", name, "user", "master", commit, "")


@pytest.mark.parametrize(
    ("text", "mapped"),
    [
        ("/pfs", "/view"),
        ("/pfs/in/a", "/view/in/a"),
        ("cat /pfs/in/* > /pfs/out/x", "cat /view/in/* > /view/out/x"),
        ("--from=/pfs/in:/pfs/b", "--from=/view/in:/view/b"),
        ("'/pfs'", "'/view'"),
        ("/data/pfs/x", "/data/pfs/x"),
        ("/pfs2/x /pfs-old /pfs_x", "/pfs2/x /pfs-old /pfs_x"),
        ("s3://bucket/pfs/x ./pfs/x ../pfs", "s3://bucket/pfs/x ./pfs/x ../pfs"),
        ("/pfs.", "/view."),
    ],
)
def test_the_path_pfs_is_mapped_and_nothing_else(text: str, mapped: str) -> None:
    assert map_pfs(text, "/view") == mapped
    assert map_pfs(text, "/pfs") == text


def test_the_last_of_several_inputs_of_one_name_wins() -> None:
    inputs = (DatumInput(_source("in", "c1"), "/a", b""), DatumInput(_source("in", "c2"), "/d/", b"", join_on="k"))

    assert datum_environment(Datum("id", "", inputs)) == {
        "in": "/pfs/in/d",
        "in_COMMIT": "c2",
        "PACH_DATUM_in_JOIN_ON": "k",
        "PACH_DATUM_ID": "id",
    }


def test_the_root_of_an_input_is_its_directory() -> None:
    assert datum_environment(Datum("id", "", (DatumInput(_source("in"), "/", b""),)))["in"] == "/pfs/in"


def test_numeric_libraries_get_one_thread_unless_somebody_says_otherwise() -> None:
    ours = base_environment({"MKL_NUM_THREADS": "2"})
    theirs = interpreter_environment(ours, {"OMP_NUM_THREADS": "4"})

    assert (ours["OMP_NUM_THREADS"], ours["OPENBLAS_NUM_THREADS"], ours["MKL_NUM_THREADS"]) == ("1", "1", "2")
    assert limits_threads(ours)
    assert not limits_threads(theirs)


def test_python_is_the_one_of_our_virtual_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "prefix", "/somewhere/else")

    search = base_environment({"PATH": "/usr/bin"})["PATH"]

    assert search == os.pathsep.join((str(Path(sys.executable).parent), "/usr/bin"))


def test_allocator_settings_of_the_user_are_kept() -> None:
    env = interpreter_environment({}, {"GLIBC_TUNABLES": "glibc.malloc.check=1", "PYTHONMALLOC": "debug"})

    assert env["GLIBC_TUNABLES"].startswith("glibc.malloc.check=1:glibc.malloc.hugetlb=1")
    assert env["PYTHONMALLOC"] == "debug"


def test_the_job_outranks_the_transform_which_outranks_the_worker() -> None:
    transform = Transform(cmd=("true",), env={"PPS_WORKER_IP": "10.0.0.1", "A": "transform", "PACH_JOB_ID": "no"})
    datum_set = DatumSet("default", "p", "j", 0, 1, transform, (), {"A": "job"})

    env = datum_set_environment(datum_set, base={"A": "base", "B": "base"}, worker="w")

    assert (env["A"], env["B"], env["PPS_WORKER_IP"], env["PACH_JOB_ID"], env["PPS_POD_NAME"]) == (
        *("job", "base", "10.0.0.1", "j", "w"),
    )


def test_a_port_beside_the_worker_is_the_servers_own() -> None:
    datum_set = DatumSet("default", "p", "j", 0, 1, Transform(), (), {})

    env = datum_set_environment(datum_set, base={"PACHD_PEER_SERVICE_PORT": "4711"}, worker="w")

    assert env["PEER_PORT"] == "4711"


def test_our_commands_are_found_with_whatever_path() -> None:
    assert shutil.which("pachctl", path=base_environment({"PATH": "/nowhere"})["PATH"])


def test_commands_see_who_and_where_they_are_and_no_keys() -> None:
    usual = {"HOME": "/h", "PATH": "/bin", "LC_ALL": "C", "TZ": "UTC", "VIRTUAL_ENV": "/v", "PACHD_ADDRESS": "grpc://x"}
    kept_back = {"AWS_SECRET_ACCESS_KEY": "k", "PYTHONPATH": "/p", "OMP_NUM_THREADS": "8", "TRUNKLINE_HOME": "/t"}
    proxies = {"HTTPS_PROXY": "http://proxy:3128", "http_proxy": "http://me:word@proxy", "no_proxy": "localhost"}

    found = script_environment({**usual, **kept_back, **proxies}, ("PYTHONPATH", "ABSENT"))

    assert found == {**usual, "PYTHONPATH": "/p", "HTTPS_PROXY": "http://proxy:3128", "no_proxy": "localhost"}


@pytest.mark.parametrize(
    ("name", "hint"), [("NO_SUCH", "the server has no such variable"), ("A=b", "name the variable")]
)
def test_a_variable_that_cannot_be_passed_on_is_refused(name: str, hint: str) -> None:
    with pytest.raises(InvalidInputError, match=hint) as refusal:
        check_passed((name,), {"A": "b"})

    assert "=b" not in str(refusal.value)
