"""A command that runs as another user gets nothing through the worker that this user could not get by itself."""

import os
import stat
import tempfile
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from trunkline.model.datums import DatumResult, DatumState, Runner
from trunkline.testing.ordinary_user import NOBODY
from trunkline.worker.datum_set import run_datum_set
from trunkline.worker.rights import acting_as
from trunkline.worker.users import User
from trunkline.worker.view.capture import OutputError, outputs, store
from trunkline.worker.view.inputs import WantedTree
from trunkline.worker.view.opening import make_accessible
from trunkline.worker.view.pipes import Pipes
from trunkline.worker.view.removal import remove_tree

pytestmark = [
    pytest.mark.root,
    pytest.mark.skipif(os.getuid() != 0, reason="only root can become somebody else"),
]
USER = User(NOBODY, NOBODY, (NOBODY,))


@pytest.fixture
def tmp_path() -> Iterator[Path]:
    """A directory through which everybody may pass, as pytest's own is not."""
    with tempfile.TemporaryDirectory() as path:
        Path(path).chmod(0o755)
        yield Path(path)


@pytest.fixture
def secret(tmp_path: Path) -> Path:
    """A file of ours that nobody else may read, beside one that all may."""
    directory = tmp_path / "ours"
    directory.mkdir()
    (directory / "public").write_text("public")
    path = directory / "secret"
    path.write_text("secret")
    path.chmod(0o600)
    return path


def run(lab, worker, commands: str, **options: object) -> tuple[DatumResult, dict[str, bytes]]:
    source = lab.source("in", {"/a": b"alpha", "/d/b": b"beta"})
    result = run_datum_set(
        lab.set(lab.datum((source, "/")), cmd=["sh", "-c", commands], user="nobody", **options), worker
    )
    return result.datums[0], lab.files(result.layer)


@pytest.mark.parametrize(
    ("commands", "reason"),
    [
        ("ln -s {secret} $PFS/out/x", "permission denied"),
        ("ln -s {directory} $PFS/out/x", "permission denied"),
        ("ln -s /proc/self/environ $PFS/out/x", "leads into /proc"),
        ("ln -s /proc/self/root{secret} $PFS/out/x", ""),
        ("ln -s / $PFS/out/x", ""),
        ("rmdir $PFS/out; ln -s {closed} $PFS/out", ""),
    ],
)
def test_links_publish_only_what_the_user_may_read(lab, worker, secret: Path, commands: str, reason: str) -> None:
    closed = secret.parent / "closed"
    closed.mkdir(mode=0o700)
    (closed / "secret").write_text("secret")
    filled = commands.format(secret=secret, directory=secret.parent, closed=closed)

    datum, files = run(lab, worker, filled)

    assert (datum.state, files) == (DatumState.FAILED, {})
    assert reason in datum.reason
    assert stat.S_IMODE(closed.stat().st_mode) == 0o700


def test_links_to_inputs_and_to_files_that_the_user_may_read_are_kept(lab, worker, secret: Path) -> None:
    public = secret.parent / "public"

    datum, files = run(lab, worker, f"cd $PFS/out; ln -s $PFS/in in; ln -s ../in/a a; ln -s {public} public")

    assert (datum.reason, files) == (
        "",
        {"/a": b"alpha", "/in/a": b"alpha", "/in/d/b": b"beta", "/public": b"public"},
    )


def test_what_the_user_has_locked_is_unlocked(lab, worker) -> None:
    datum, files = run(lab, worker, "cd $PFS/out; mkdir d; echo 1 > d/f; chmod 0 d/f d; umask 777; echo 2 > g")

    assert (datum.reason, files) == ("", {"/d/f": b"1\n", "/g": b"2\n"})


def test_a_closed_file_of_ours_among_the_outputs_stays_closed(worker, secret: Path) -> None:
    """As a hard link is one, where the system allows that, or what a program with more rights has written."""
    worker.view.stage(WantedTree(), env_file="", owner=USER)
    os.link(secret, worker.view.directory / "out" / "x")

    with pytest.raises(OutputError, match="permission denied"):
        outputs(worker.view)

    assert stat.S_IMODE(secret.stat().st_mode) == 0o600


def test_an_output_that_is_swapped_after_the_look_is_not_stored_nor_what_was_before_it(
    lab, worker, secret: Path
) -> None:
    worker.view.stage(WantedTree(), env_file="", owner=USER)
    out = worker.view.directory / "out"
    for name in ("a", "b"):
        (out / name).write_text(name)
    found = outputs(worker.view).files
    (out / "b").unlink()
    (out / "b").symlink_to(secret.parent / "public")
    writer = lab.file_sets.edit()

    with pytest.raises(OutputError, match="/pfs/out/b"):
        store(found, writer, tag="t")

    assert lab.files(writer.finish()) == {}


def test_what_a_third_user_has_left_goes_before_the_next_datum(lab, worker) -> None:
    source = lab.source("in", {"/a": b"alpha"})
    datum_set = lab.set(lab.datum((source, "/")), cmd=["sh", "-c", "ls -A $PFS/in > $PFS/out/x"], user="nobody")
    run_datum_set(datum_set, worker)
    foreign = worker.view.directory / "in" / "foreign"
    (foreign / "inner").mkdir(parents=True)
    foreign.chmod(0o700)

    result = run_datum_set(replace(datum_set, index=1), worker)

    assert (result.datums[0].reason, lab.files(result.layer)) == ("", {"/x": b"a\n"})


def test_the_view_is_cleared_from_one_user_to_the_next(lab, worker) -> None:
    source = lab.source("in", {"/a": b"alpha", "/d/b": b"beta"})
    look = "cd $PFS; stat -c '%n %u' in in/a in/d/b out > out/x; mkdir -m 700 in/mine"

    found = []
    for index, (user, uid) in enumerate((("nobody", NOBODY), ("1234", 1234), ("", 0), ("nobody", NOBODY))):
        datum_set = lab.set(lab.datum((source, "/")), cmd=["sh", "-c", look], user=user, index=index)
        result = run_datum_set(datum_set, worker)
        found.append((result.datums[0].reason, lab.files(result.layer).get("/x"), uid))

    assert [(reason, text) for reason, text, _ in found] == [
        ("", "".join(f"{name} {uid}\n" for name in ("in", "in/a", "in/d/b", "out")).encode()) for _, _, uid in found
    ]


@pytest.mark.parametrize("runner", [Runner.WARM, Runner.REUSE])
def test_a_warm_interpreter_imports_with_the_rights_of_the_user(lab, worker, tmp_path: Path, runner: Runner) -> None:
    modules = tmp_path / "modules"
    modules.mkdir()
    (modules / "planted.py").write_text("import os\nUSER = os.getuid()\n")
    source = lab.source("in", {"/a": b"", "/b": b"", "/s.py": b""})
    script = lab.script(
        """
        import os, planted
        open(os.environ["PFS"] + "/out" + os.environ["PACH_DATUM_ID"], "w").write(str(planted.USER))
        """
    )
    datums = [lab.datum((source, path)) for path in ("/a", "/b")]

    result = run_datum_set(
        lab.set(
            *datums,
            cmd=["/usr/bin/python3", script],
            env={"PYTHONPATH": str(modules), "PYTHONDONTWRITEBYTECODE": "1"},
            user="nobody",
            runner=runner,
        ),
        worker,
    )

    assert [datum.reason for datum in result.datums] == ["", ""]
    assert lab.files(result.layer) == {path: str(NOBODY).encode() for path in ("/a", "/b")}


def test_rights_are_those_of_the_user_in_between_and_ours_again_after(secret: Path) -> None:
    with acting_as(USER), pytest.raises(PermissionError):
        secret.read_text()
    with acting_as(USER):
        (secret.parent / "public").read_text()
        groups = Path("/proc/thread-self/status").read_text()
    assert f"Groups:\t{NOBODY}" in groups
    assert secret.read_text() == "secret"
    (secret.parent / "new").touch()
    assert (secret.parent / "new").stat().st_uid == 0


def test_names_that_are_swapped_for_links_lead_nowhere(tmp_path: Path, secret: Path) -> None:
    """Each is what a live process would put in the place of a directory between our look and our step."""
    tree, spare = tmp_path / "tree", tmp_path / "spare"
    spare.mkdir()
    tree.symlink_to(secret.parent)
    secret.parent.chmod(0o500)

    make_accessible(str(tree))
    remove_tree(str(tree), str(spare))

    assert not tree.is_symlink()
    assert stat.S_IMODE(secret.parent.stat().st_mode) == 0o500
    assert secret.read_text() == "secret"


def test_a_lazy_input_is_made_with_the_rights_of_the_user(tmp_path: Path, secret: Path) -> None:
    spare = tmp_path / "spare"
    spare.mkdir()
    os.chown(spare, NOBODY, NOBODY)
    secret.parent.chmod(0o755)
    pipes = Pipes(str(spare), owner=USER)

    with pytest.raises(PermissionError):
        pipes.add(str(secret.parent / "planted"), None)  # type: ignore[arg-type]
    pipes.close()

    assert not (secret.parent / "planted").exists()
