"""The state directory is its owner's alone, and commands that run as another user find what is theirs all the same."""

import os
import stat
import tempfile
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from trunkline.app.state import StateDirectory
from trunkline.executors.local import LocalExecutor
from trunkline.model.datums import Runner, SecretValues
from trunkline.testing.ordinary_user import NOBODY, run_as_other_user
from trunkline.worker.view.isolation import Isolation

LOOK = b"""
import os, sys
home, pfs = sys.argv[1], os.environ["PFS"]

def seen(look, *where):
    try:
        return look(os.path.join(*where))
    except OSError as error:
        return type(error).__name__

def read(path):
    return open(path).read()

found = [os.getuid(), seen(read, pfs, "in/a"), seen(read, os.environ["KEY"])]
for where in ("", "objects", "scratch"):
    found.append(seen(os.listdir, home, where))
for where in ("metadata.db", "secret.key"):
    found.append(seen(read, home, where))
open(os.path.join(pfs, "out/x"), "w").write(repr(found))
"""


@pytest.fixture
def state() -> Iterator[StateDirectory]:
    """A state directory below one that all may enter."""
    with tempfile.TemporaryDirectory() as above:
        Path(above).chmod(0o755)
        directory = StateDirectory(Path(above) / "home")
        directory.secret_key()
        yield directory
        directory.close()


@pytest.mark.root
@pytest.mark.skipif(os.getuid() != 0, reason="only root can become somebody else")
@pytest.mark.parametrize("runner", [Runner.PROCESS, Runner.WARM])
@pytest.mark.parametrize("isolation", [Isolation.NAMESPACE, Isolation.MAPPED])
def test_another_user_finds_inputs_and_secrets_and_nothing_else(
    lab, state: StateDirectory, isolation: Isolation, runner: Runner
) -> None:
    lab = type(lab)(state.path)  # one whose objects and scratch are those of the state
    source = lab.source("in", {"/a": b"alpha", "/s.py": LOOK})
    executor = LocalExecutor(lab.url, state.scratch, find_chunks=lambda _: {}, slots=1, isolation=isolation)

    datum_set = lab.set(
        lab.datum((source, "/")),
        cmd=["/usr/bin/python3", "/pfs/in/s.py", str(state.path)],
        env={"KEY": "/keys/key"},
        user="nobody",
        runner=runner,
    )
    secrets = SecretValues(files={"/keys": {"key": b"sesame"}})
    result = executor.submit(replace(datum_set, secrets=secrets)).result(60)
    executor.close()

    refused = "PermissionError"
    assert result.datums[0].reason == ""
    assert lab.files(result.layer) == {"/x": repr([NOBODY, "alpha", "sesame", *[refused] * 5]).encode()}


@pytest.mark.root
@pytest.mark.skipif(os.getuid() != 0, reason="only root can become somebody else")
@pytest.mark.parametrize("isolation", [Isolation.NAMESPACE, Isolation.MAPPED])
def test_another_user_can_run_what_it_wrote_where_it_starts(lab, state: StateDirectory, isolation: Isolation) -> None:
    lab = type(lab)(state.path)
    executor = LocalExecutor(lab.url, state.scratch, find_chunks=lambda _: {}, slots=1, isolation=isolation)
    main = "import os, other; open(os.environ['PFS'] + '/out/x', 'w').write(f'{other.WORD} {os.getuid()}')"
    script = f"""echo 'WORD = "hello"' > other.py; echo "{main}" > main.py; /usr/bin/python3 main.py"""

    datum_set = lab.set(lab.datum((lab.source("in", {"/a": b""}), "/")), cmd=["/bin/sh", "-c", script], user="nobody")
    result = executor.submit(datum_set).result(60)
    executor.close()

    assert result.datums[0].reason == ""
    assert lab.files(result.layer) == {"/x": f"hello {NOBODY}".encode()}


def modes(state: StateDirectory, *names: str) -> list[str]:
    return [oct(stat.S_IMODE((state.path / name).stat().st_mode)) for name in names]


def test_what_an_older_version_left_open_is_closed_and_a_directory_of_the_users_own_stays(tmp_path: Path) -> None:
    home = tmp_path / "home"
    home.mkdir(mode=0o750)
    for name in ("objects", "sources"):
        (home / name).mkdir(mode=0o755)
    for name in ("lock", "metadata.db", "metadata.db-wal", "server.log"):
        (home / name).touch(mode=0o644)

    state = StateDirectory(home)
    state.close()

    assert modes(state, "objects", "sources") == ["0o700", "0o700"]
    assert modes(state, "lock", "metadata.db", "metadata.db-wal", "server.log") == ["0o600"] * 4
    assert modes(state, ".") == ["0o750"]


HOLD = """
import fcntl, json, sys

def main():
    try:
        fcntl.flock(open(sys.argv[1]), fcntl.LOCK_SH | fcntl.LOCK_NB)
    except OSError as error:
        return type(error).__name__
    return "held"
"""


@pytest.mark.root
@pytest.mark.skipif(os.getuid() != 0, reason="only root can become somebody else")
def test_nobody_else_can_hold_the_lock_and_keep_the_server_from_starting(state: StateDirectory) -> None:
    state.close()
    assert run_as_other_user(HOLD, str(state.path / "lock")) == "PermissionError"


def test_nobody_else_may_write_where_the_server_is_told_to_be_whatever_the_umask(tmp_path: Path) -> None:
    """Whoever could would be sent the token of the next command that looks there."""
    told = ("format.json", "ports.json", "server.json")
    before = os.umask(0)
    try:
        directory = StateDirectory(tmp_path / "home")
        directory.publish(
            grpc_address="grpc://127.0.0.1:1", http_address="http://127.0.0.1:2", version="", deployment_id=""
        )
    finally:
        os.umask(before)
    made = {name: stat.S_IMODE((directory.path / name).stat().st_mode) for name in told}
    for name in told:
        (directory.path / name).chmod(0o666)  # as an older version left it
    directory._lock.close()
    opened = StateDirectory(tmp_path / "home")
    found = {name: stat.S_IMODE((opened.path / name).stat().st_mode) for name in told}
    opened.close()

    assert made == dict.fromkeys(told, 0o644)
    assert found == dict.fromkeys(told, 0o644)
