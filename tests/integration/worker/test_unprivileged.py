"""The whole of it as an ordinary user, who gets a namespace only together with a user namespace."""

import json
import os
import stat
import subprocess
import sys
import sysconfig
from collections.abc import Iterator
from pathlib import Path

import pytest

import trunkline
from trunkline.testing.ordinary_user import NOBODY, ordinary_home
from trunkline.worker.view import namespace

MODULES = "import trunkline.executors.local, trunkline.worker.serve"

STORE = """
import json, os, sys
from pathlib import Path
from trunkline.executors.local import LocalExecutor
from trunkline.model.datums import Datum, DatumInput, DatumSet, InputSource, Runner
from trunkline.model.pipelines import Transform
from trunkline.objects import open_object_store
from trunkline.storage.chunk import MemoryChunkIndex
from trunkline.storage.fileset import FileSets

home, isolation = Path(sys.argv[1]), sys.argv[2]
url = f"file://{home}/objects"
index = MemoryChunkIndex()
file_sets = FileSets(open_object_store(url), index)
layer = file_sets.edit()
layer.add("/a", b"alpha")
root = file_sets.compose("", [layer.finish()])
source = InputSource("in", "default", "in", "user", "master", "c", root)
lazy = InputSource("lazy", "default", "in", "user", "master", "c", root, lazy=True)
"""

DRIVER = (
    STORE
    + """
script = home / "s.py"
script.write_text(
    "import os, subprocess\\n"
    "pfs = os.environ['PFS']\\n"
    "print(os.getuid(), open(pfs + '/in/a').read(), open(pfs + '/lazy/a').read())\\n"
    "print(subprocess.run(['umount', '/pfs'], capture_output=True).returncode)\\n"
    "print([line.split()[1] for line in open('/proc/self/status') if line.startswith('CapEff')])\\n"
    "open(pfs + '/in/a', 'a').write('!')\\n"
    "open(pfs + '/out/x', 'w').write(pfs)\\n"
    "os.makedirs(pfs + '/in/x/y/z')\\n"
    "os.chmod(pfs + '/in/x/y', 0o444), os.chmod(pfs + '/in/x', 0), os.chmod(pfs + '/in', 0o555)\\n"
    "os.chmod(pfs, 0o500), os.chmod(pfs + '/out/x', 0), os.chmod(pfs + '/out', 0)\\n"
)
executor = LocalExecutor(url, home / "scratch", find_chunks=index.find, slots=1, isolation=isolation, working_dir=home)
answers = []
for number, runner in enumerate((Runner.WARM, Runner.PROCESS)):
    datum = Datum("d", "", (DatumInput(source, "/a", b""), DatumInput(lazy, "/a", b"")))
    transform = Transform(cmd=("python3", str(script)))
    limits = {"runner": runner, "memory_bytes_max": 1 << 30}
    datum_set = DatumSet("default", "p", "j", number, 1, transform, (datum,), {}, **limits)
    result = executor.submit(datum_set).result(120)
    import zstandard
    data = zstandard.ZstdDecompressor().decompressobj().decompress(open_object_store(url).get(result.logs))
    found = file_sets.open(file_sets.compose("", [result.layer]))
    answers.append(
        {
            "reason": result.datums[0].reason,
            "runner": result.datums[0].runner,
            "lines": [json.loads(line)["message"] for line in data.splitlines()],
            "output": {row.path: b"".join(found.read(row)).decode() for row in found.files("/")},
            "warnings": len(result.warnings),
        }
    )
executor.close()
print(json.dumps(answers))
"""
)


RESIDENT_DRIVER = (
    STORE
    + """
import queue
from trunkline.executors.residents import LocalResidence
from trunkline.model.residents import Place, Resident

datum = Datum("d", "", (DatumInput(source, "/", b""),))
executor = LocalExecutor(url, home / "scratch", find_chunks=index.find, isolation=isolation, working_dir=home)
residence = LocalResidence(executor.settings)
events = queue.Queue()


class Told:
    def began(self, resident):
        events.put("began")

    def printed(self, resident, records):
        for record in records:
            events.put(json.loads(record)["message"])

    def gone(self, resident, end):
        events.put(end and end.reason)


stdin = (
    "cat /pfs/in/a; echo",
    'test -w "$PACH_CONFIG" && echo ours',
    "umount /pfs 2>/dev/null || echo stays",
    "sleep 600",
)
transform = Transform(cmd=("sh",), stdin=stdin)
residence.start(Resident(Place(1, 0), "1", "default", "p", transform, "spout", datum, {}), Told())
seen = [events.get(timeout=60) for _ in range(4)]
residence.stop(Place(1, 0))
seen.append(events.get(timeout=60))
residence.close()
print(json.dumps({"seen": seen, "left": [path.name for path in (home / "scratch").iterdir()]}))
"""
)


@pytest.fixture
def home() -> Iterator[Path]:
    """A directory of the ordinary user's own."""
    with ordinary_home() as path:
        yield path


def _run(python: str, *arguments: str, home: Path) -> subprocess.CompletedProcess[str]:
    packages = [str(Path(trunkline.__file__).parents[1]), sysconfig.get_path("purelib"), sysconfig.get_path("platlib")]
    become = {"user": NOBODY, "group": NOBODY, "extra_groups": []} if os.getuid() == 0 else {}
    env = {"PATH": "/usr/bin:/bin", "HOME": str(home), "PYTHONPATH": os.pathsep.join(packages)}
    return subprocess.run(
        [python, *arguments], capture_output=True, text=True, check=False, cwd=home, env=env, **become
    )


@pytest.fixture
def python(home: Path) -> str:
    """An interpreter that the ordinary user can run, and that sees our packages."""
    errors = []
    for candidate in (sys.executable, "/usr/bin/python3"):
        try:
            attempt = _run(candidate, "-c", MODULES, home=home)
        except OSError as error:
            errors.append(f"{candidate}: {error}")
            continue
        if attempt.returncode == 0:
            return candidate
        errors.append(f"{candidate}: {attempt.stderr.strip().splitlines()[-1:]}")
    return pytest.skip(f"an ordinary user can run no interpreter with our packages: {errors}")


def test_an_ordinary_user_has_pfs_and_no_way_to_take_it_away(python: str, home: Path) -> None:
    probe = _run(python, namespace.__file__, str(home / "probe"), home=home)
    if probe.stdout:
        pytest.skip(f"this host gives ordinary users no mount namespace: {probe.stdout}")

    done = _run(python, "-c", DRIVER, str(home), "namespace", home=home)

    assert done.returncode == 0, done.stderr
    uid = NOBODY if os.getuid() == 0 else os.getuid()
    for answer, runner in zip(json.loads(done.stdout), ("warm", "process"), strict=True):
        assert answer == {
            "reason": "",
            "runner": runner,
            "lines": [f"{uid} alpha alpha", "32", f"['{0:016x}']"],
            "output": {"/x": "/pfs"},
            "warnings": 0,
        }


def test_an_ordinary_user_without_a_namespace_has_a_mapped_view(python: str, home: Path) -> None:
    done = _run(python, "-c", DRIVER, str(home), "mapped", home=home)

    assert done.returncode == 0, done.stderr
    for answer in json.loads(done.stdout):
        assert (answer["reason"], answer["warnings"]) == ("", 1)
        assert answer["output"] == {"/x": f"{home}/scratch/worker-1/pfs"}


@pytest.mark.parametrize("isolation", ["namespace", "mapped"])
def test_an_ordinary_user_has_long_running_processes_too(python: str, home: Path, isolation: str) -> None:
    probe = _run(python, namespace.__file__, str(home / "probe"), home=home)
    if probe.stdout and isolation == "namespace":
        pytest.skip(f"this host gives ordinary users no mount namespace: {probe.stdout}")

    done = _run(python, "-c", RESIDENT_DRIVER, str(home), isolation, home=home)

    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout) == {"seen": ["began", "alpha", "ours", "stays", None], "left": []}


def test_the_state_of_an_ordinary_user_is_closed_to_others(python: str, home: Path) -> None:
    script = "from pathlib import Path; from trunkline.app.state import StateDirectory; StateDirectory(Path('state'))"
    done = _run(python, "-c", script, home=home)

    assert done.returncode == 0, done.stderr
    modes = {name: stat.S_IMODE((home / "state" / name).stat().st_mode) for name in (".", "scratch", "metadata.db")}
    assert modes == {".": 0o700, "scratch": 0o700, "metadata.db": 0o600}
