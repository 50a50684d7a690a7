"""What commands see of the server's state and of its environment: nothing that they were not given."""

import json
import os
import shutil
import subprocess
import sys
import sysconfig
from collections.abc import Iterator
from pathlib import Path

import pytest

import trunkline
from trunkline.testing.ordinary_user import NOBODY, ordinary_home
from trunkline.worker.view import namespace

DRIVER = """
import json, os, sys
from pathlib import Path
from trunkline.executors.local import LocalExecutor
from trunkline.executors.residents import LocalResidence
from trunkline.model.datums import Datum, DatumInput, DatumSet, InputSource, Runner
from trunkline.model.pipelines import Transform
from trunkline.objects import open_object_store
from trunkline.storage.chunk import MemoryChunkIndex
from trunkline.storage.fileset import FileSets

state, other = Path(sys.argv[1]), sys.argv[2]
url = f"file://{state}/objects"
index = MemoryChunkIndex()
file_sets = FileSets(open_object_store(url), index)
layer = file_sets.edit()
layer.add("/a", b"alpha")
layer.add("/s.py", Path(sys.argv[3]).read_bytes())
root = file_sets.compose("", [layer.finish()])
source = InputSource("in", "default", "in", "user", "master", "c", root)
executor = LocalExecutor(
    url, state / "scratch", find_chunks=index.find, slots=1, isolation="namespace", hidden=state,
    passed_variables=("WANTED",),
)

answers = []
for number, runner in enumerate((Runner.PROCESS, Runner.WARM, Runner.REUSE)):
    inputs = (DatumInput(source, "/a", b""), DatumInput(source, "/s.py", b""))
    datums = tuple(Datum(f"d{place}", "", inputs) for place in range(2))
    cmd = ("python3", "/pfs/in/s.py", str(state), other, str(os.getpid()))
    datum_set = DatumSet("default", "p", "j", number, 1, Transform(cmd=cmd), datums, {}, runner=runner)
    result = executor.submit(datum_set).result(120)
    found = file_sets.open(file_sets.compose("", [result.layer]))
    for datum, row in zip(result.datums, found.files("/"), strict=True):
        answers.append([datum.reason, json.loads(b"".join(found.read(row)))])
for number, target in enumerate((f"{state}/secret.key", f"/proc/{os.getpid()}/root{state}/secret.key")):
    cmd = ("ln", "-s", target, "/pfs/out/x")
    datum_set = DatumSet("default", "p", "j", 9 + number, 1, Transform(cmd=cmd), datums[:1], {})
    result = executor.submit(datum_set).result(120)
    answers.append([result.datums[0].reason, dict.fromkeys(result.datums[0].outputs)])
executor.close()
print(json.dumps(answers))
"""

LOOK = """
import json, os, sys

state, other, server = sys.argv[1:]
worker = str(os.getppid())
with open(f"/proc/{worker}/stat") as file:
    worker = file.read().rpartition(")")[2].split()[1]

def seen(look, path):
    try:
        return look(path)
    except OSError:
        return None

def read(path):
    with open(path, "rb") as file:
        return file.read().decode(errors="replace")

found = {
    "state": os.listdir(state),
    "workers": len(os.listdir(state + "/scratch")),
    "cwd": os.path.exists(os.getcwd() + "/.."),
    "write": seen(lambda path: open(path, "w"), state + "/new") is not None,
    "secrets": [
        seen(read, place + "/secret.key")
        for place in (
            state, other, "/proc/self/root" + state, f"/proc/{server}/root{state}", f"/proc/{worker}/root{state}",
            f"/proc/{server}/cwd",
        )
    ],
    "descriptors": [seen(os.readlink, f"/proc/{pid}/fd/0") for pid in (server, worker)],
    "environments": [seen(read, f"/proc/{pid}/environ") for pid in (server, worker)],
    "env": {name: os.environ.get(name) for name in ("CLOUD_KEY", "WANTED", "LC_NUMERIC", "http_proxy", "https_proxy")},
}
with open("/pfs/out/" + os.environ["PACH_DATUM_ID"], "w") as file:
    json.dump(found, file)
"""

ENV = {
    "PATH": "/usr/bin:/bin",
    "CLOUD_KEY": "hunter2",
    "WANTED": "w",
    "LC_NUMERIC": "C",
    "http_proxy": "http://me:hunter2@proxy",
    "https_proxy": "http://proxy",
}


@pytest.fixture
def home() -> Iterator[Path]:
    with ordinary_home() as path:
        path.chmod(0o755)
        if reason := namespace.probe(path / "probe"):
            pytest.skip(f"no mount namespace here: {reason}")
        yield path


def run(home: Path, *, user: int, wrap: tuple[str, ...] = (), other: str = "/nowhere") -> list[tuple[str, dict]]:
    packages = [str(Path(trunkline.__file__).parents[1]), sysconfig.get_path("purelib"), sysconfig.get_path("platlib")]
    state = home / "state"
    (home / "look.py").write_text(LOOK)
    (home / "driver.py").write_text(DRIVER)
    state.mkdir()
    (state / "secret.key").write_text("hunter2")
    (state / "metadata.db").touch()
    for path in (state, state / "secret.key"):
        os.chown(path, user, user)
    become = {"user": user, "group": user, "extra_groups": []} if user != os.getuid() else {}
    env = {**ENV, "HOME": str(home), "PYTHONPATH": os.pathsep.join(packages)}
    command = [python_for(user, env), str(home / "driver.py"), str(state), other, str(home / "look.py")]
    done = subprocess.run([*wrap, *command], capture_output=True, text=True, check=False, cwd=state, env=env, **become)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def python_for(user: int, env: dict[str, str]) -> str:
    """Return an interpreter that the user can run, and that sees our packages."""
    for candidate in (sys.executable, "/usr/bin/python3"):
        become = {"user": user, "group": user, "extra_groups": []} if user != os.getuid() else {}
        command = [candidate, "-c", "import trunkline.executors.local, trunkline.worker.serve"]
        try:
            if subprocess.run(command, env=env, check=False, capture_output=True, **become).returncode == 0:
                return candidate
        except OSError:
            continue
    pytest.skip("the ordinary user can run no interpreter with our packages here")


def check(answers: list[tuple[str, dict]]) -> None:
    *looks, linked, magic = answers
    assert len(looks) == 6
    for reason, found in looks:
        assert reason == ""
        assert found == {
            "state": ["scratch"],
            "workers": 1,
            "cwd": True,
            "write": False,
            "secrets": [None] * 6,
            "descriptors": [None] * 2,
            "environments": [None] * 2,
            "env": {
                "CLOUD_KEY": None,
                "WANTED": "w",
                "LC_NUMERIC": "C",
                "http_proxy": None,
                "https_proxy": "http://proxy",
            },
        }
    for reason, outputs in (linked, magic):
        assert "cannot upload /pfs/out/x" in reason
        assert outputs == {}


@pytest.mark.parametrize("user", sorted({os.getuid(), NOBODY}))
def test_commands_see_neither_the_state_nor_the_environment_of_the_server(home: Path, user: int) -> None:
    if user not in (os.getuid(), NOBODY) or (os.getuid() != 0 and user != os.getuid()):
        pytest.skip("only root can become somebody else")

    check(run(home, user=user))


@pytest.mark.root
@pytest.mark.skipif(os.getuid() != 0 or shutil.which("unshare") is None, reason="only root can mount")
@pytest.mark.parametrize("inside", ["", "/state"])
def test_another_way_to_the_state_is_closed_as_well(home: Path, inside: str) -> None:
    mounted = home / "with space"
    mounted.mkdir()
    bind = f'mount --bind "{home}{inside}" "{mounted}" && exec "$@"'
    other = f"{mounted}/state" if not inside else str(mounted)

    check(run(home, user=0, wrap=("unshare", "-m", "sh", "-c", bind, "sh"), other=other))
