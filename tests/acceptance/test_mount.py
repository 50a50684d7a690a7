"""Mounts as a user has them: the kernel's FUSE, the command line, and a server that may go away."""

import mmap
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from trunkline.testing.server import ServerProcess, running_server

pytestmark = pytest.mark.skipif(not os.access("/dev/fuse", os.R_OK | os.W_OK), reason="needs a usable /dev/fuse")
Pachctl = Callable[..., Any]


@pytest.fixture(autouse=True)
def own_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, pachctl: Pachctl) -> Iterator[None]:
    """What is known of mounts is this test's own, and whatever it leaves is unmounted."""
    monkeypatch.setenv("TRUNKLINE_HOME", str(tmp_path / "home"))
    yield
    mounts = [line.split()[4] for line in Path("/proc/self/mountinfo").read_text().splitlines()]
    for directory in mounts:
        if directory.startswith(str(tmp_path)):
            pachctl("unmount", directory, check=False)


@pytest.fixture
def repo(pachctl: Pachctl, request: pytest.FixtureRequest) -> str:
    """A repo of the test's own, with two commits' worth of files."""
    name = request.node.originalname.removeprefix("test_")[:40]
    pachctl("create", "repo", name)
    pachctl("put", "file", f"{name}@master:/a.txt", stdin="first\n")
    pachctl("put", "file", f"{name}@master:/d/b.txt", stdin="second\n")
    return name


def tree(directory: Path) -> dict[str, str]:
    return {str(file.relative_to(directory)): file.read_text() for file in directory.rglob("*") if file.is_file()}


def mount_process(home: Path) -> int:
    (record,) = (home / "mounts").glob("*/mount.json")
    return int(record.read_text().partition('"pid": ')[2].rstrip("}"))


def test_branches_and_commits_are_directories(pachctl: Pachctl, repo: str, tmp_path: Path) -> None:
    """And they keep showing what the branches held when they were mounted."""
    before = pachctl("list", "commit", f"{repo}@master", "--raw").stdout.partition('"id": "')[2][:32]
    pachctl("put", "file", f"{repo}@dev:/c.txt", stdin="third\n")
    mounted = tmp_path / "mnt"

    pachctl("mount", str(mounted), "--repos", f"{repo}@dev,{repo}@{before}", "-r", f"{repo}@master^")
    pachctl("put", "file", f"{repo}@dev:/later.txt", stdin="later\n")

    assert tree(mounted) == {
        f"{repo}@dev/c.txt": "third\n",
        f"{repo}@{before}/a.txt": "first\n",
        f"{repo}@{before}/d/b.txt": "second\n",
        f"{repo}@master^/a.txt": "first\n",
    }
    pachctl("unmount", str(mounted))
    assert list(mounted.iterdir()) == []


def test_without_repos_all_of_the_project_are_mounted(pachctl: Pachctl, tmp_path: Path) -> None:
    pachctl("create", "project", "mine")
    for name in ("one", "two", "empty"):
        pachctl("create", "repo", name, "--project", "mine")
    for name in ("one", "two"):
        pachctl("put", "file", f"{name}@master:/f", "--project", "mine", stdin=name)

    pachctl("mount", str(tmp_path / "mnt"), "--project", "mine")

    assert tree(tmp_path / "mnt") == {"one/f": "one", "two/f": "two"}


def test_ranges_of_a_large_file(pachctl: Pachctl, repo: str, tmp_path: Path) -> None:
    content = os.urandom(9_000_001)
    (tmp_path / "large").write_bytes(content)
    pachctl("put", "file", f"{repo}@master:/large", "-f", str(tmp_path / "large"))
    pachctl("mount", str(tmp_path / "mnt"), "--repos", repo)
    file = tmp_path / "mnt" / repo / "large"

    with file.open("rb") as opened:
        for offset in (8_999_990, 4_000_000, 17, 4_194_303):
            assert os.pread(opened.fileno(), 70_000, offset) == content[offset : offset + 70_000]
    assert file.read_bytes() == content
    assert file.stat().st_size == len(content)


def test_many_small_files_one_after_the_other(pachctl: Pachctl, repo: str, tmp_path: Path) -> None:
    small = {f"s/{number % 3}/f{number:03d}": f"{number}\n" * number for number in range(300)}
    for name, content in small.items():
        (tmp_path / "put" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "put" / name).write_text(content)
    pachctl("put", "file", "-r", f"{repo}@many:/", "-f", str(tmp_path / "put"))

    pachctl("mount", str(tmp_path / "mnt"), "--repos", f"{repo}@many")

    assert tree(tmp_path / "mnt" / repo) == small


def test_what_is_written_becomes_one_commit(pachctl: Pachctl, repo: str, tmp_path: Path) -> None:
    commits = len(pachctl("list", "commit", repo).stdout.splitlines())
    pachctl("mount", str(tmp_path / "mnt"), "--repos", f"{repo}+w")
    mounted = tmp_path / "mnt" / repo
    script = (
        "echo more >> a.txt; rm d/b.txt; mkdir -p x/y; seq 3 > x/y/n; cp a.txt copy; mv copy x; sed -i s/1/one/ x/y/n"
    )
    subprocess.run(["sh", "-ec", script], cwd=mounted, check=True)
    expected = {"a.txt": "first\nmore\n", "x/y/n": "one\n2\n3\n", "x/copy": "first\nmore\n"}
    assert tree(mounted) == expected
    assert len(pachctl("list", "commit", repo).stdout.splitlines()) == commits

    said = pachctl("unmount", str(tmp_path / "mnt")).stderr

    assert said == f"{repo}@master: 3 files written, 1 deleted, as one commit\n"
    assert len(pachctl("list", "commit", repo).stdout.splitlines()) == commits + 1
    pachctl("get", "file", "-r", f"{repo}@master:/", "-o", str(tmp_path / "got"))
    assert tree(tmp_path / "got") == expected
    assert list((tmp_path / "home" / "mounts").iterdir()) == []


def test_nothing_is_put_without_a_change_and_none_is_taken_without_w(
    pachctl: Pachctl, repo: str, tmp_path: Path
) -> None:
    commits = pachctl("list", "commit", repo, "--full-timestamps").stdout
    pachctl("mount", str(tmp_path / "w"), "--repos", repo, "-w")
    pachctl("mount", str(tmp_path / "r"), "--repos", repo)
    assert tree(tmp_path / "w") == tree(tmp_path / "r")

    with pytest.raises(OSError, match="Read-only"):
        (tmp_path / "r" / repo / "new").write_text("x")
    said = pachctl("unmount", "--all").stderr

    # Mounts of other homes stay, but for those whose process was killed.
    assert [line for line in said.splitlines() if str(tmp_path) in line] == [
        f"unmounted {tmp_path}/r",
        f"unmounted {tmp_path}/w",
    ]
    assert pachctl("list", "commit", repo, "--full-timestamps").stdout == commits


def test_in_the_foreground_an_interrupt_ends_the_mount(server: ServerProcess, repo: str, tmp_path: Path) -> None:
    command = [
        sys.executable,
        "-m",
        "trunkline",
        "mount",
        str(tmp_path / "mnt"),
        "--foreground",
        "--repos",
        f"{repo}+w",
    ]
    with subprocess.Popen(command, env=server.environment(tmp_path), stderr=subprocess.PIPE, text=True) as mount:
        try:
            assert mount.stderr is not None
            assert mount.stderr.readline().startswith(f"mounted on {tmp_path}/mnt; ")
            (tmp_path / "mnt" / repo / "new").write_text("new")

            mount.send_signal(signal.SIGINT)

            assert mount.stderr.read() == f"{repo}@master: 1 file written, as one commit\n"
            assert mount.wait() == 0
        finally:
            mount.kill()  # Where an assertion fails, leaving the block would wait for it.
    assert list((tmp_path / "mnt").iterdir()) == []
    assert list((tmp_path / "home" / "mounts").iterdir()) == []


def test_a_first_commit_makes_the_branch(pachctl: Pachctl, repo: str, tmp_path: Path) -> None:
    pachctl("mount", str(tmp_path / "mnt"), "--repos", f"{repo}@fresh+w")
    (tmp_path / "mnt" / repo / "f").write_text("fresh")

    pachctl("unmount", str(tmp_path / "mnt"))

    assert pachctl("get", "file", f"{repo}@fresh:/f").stdout == "fresh"


def test_a_mount_in_use_stays(pachctl: Pachctl, repo: str, tmp_path: Path) -> None:
    pachctl("mount", str(tmp_path / "mnt"), "--repos", repo)

    with (tmp_path / "mnt" / repo / "a.txt").open():
        refused = pachctl("unmount", str(tmp_path / "mnt"), check=False)

    assert refused.returncode == 1
    assert f"{tmp_path}/mnt is busy" in refused.stderr
    assert tree(tmp_path / "mnt" / repo)["a.txt"] == "first\n"


def test_after_a_kill_unmount_clears_and_tells_where_the_changes_are(
    pachctl: Pachctl, repo: str, tmp_path: Path
) -> None:
    pachctl("mount", str(tmp_path / "mnt"), "--repos", f"{repo}+w")
    (tmp_path / "mnt" / repo / "new").write_text("not lost")
    os.kill(mount_process(tmp_path / "home"), signal.SIGKILL)

    told = pachctl("unmount", "--all", check=False)

    assert told.returncode == 1
    assert "the process of this mount was killed; what was written is kept in " in told.stderr
    kept = Path(told.stderr.strip().rpartition(" ")[2])
    assert (kept / repo / "new").read_text() == "not lost"
    assert list((tmp_path / "mnt").iterdir()) == []
    pachctl("mount", str(tmp_path / "mnt"), "--repos", repo)
    assert tree(tmp_path / "mnt" / repo) == {"a.txt": "first\n", "d/b.txt": "second\n"}


def test_a_mount_outlives_its_server(tmp_path: Path) -> None:
    """While the server is gone reading fails, once it is back it goes on; what was written is put in the end."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    with running_server(tmp_path / "server", "--grpc-port", str(port)) as server:
        pachctl = commands_for(server, tmp_path)
        pachctl("create", "repo", "letters")
        pachctl("put", "file", "letters@master:/a.txt", stdin="first\n")
        pachctl("mount", str(tmp_path / "mnt"), "--repos", "letters+w")
        file = tmp_path / "mnt" / "letters" / "a.txt"
        (file.parent / "new").write_text("new\n")

        server.kill()
        with pytest.raises(OSError, match="Input/output error"):
            file.read_text()
        server.start()

        assert read_again(file) == "first\n"
        pachctl("unmount", str(tmp_path / "mnt"))
        assert pachctl("get", "file", "letters@master:/new").stdout == "new\n"


def test_what_cannot_be_put_is_kept(tmp_path: Path) -> None:
    with running_server(tmp_path / "server") as server:
        pachctl = commands_for(server, tmp_path)
        pachctl("create", "repo", "letters")
        pachctl("mount", str(tmp_path / "mnt"), "--repos", "letters@master+w")
        (tmp_path / "mnt" / "letters" / "new").write_text("kept\n")
        server.kill()

        failed = pachctl("unmount", str(tmp_path / "mnt"), check=False)

    assert failed.returncode == 1
    assert "letters@master: cannot reach the server" in failed.stderr
    kept = Path(failed.stderr.strip().rpartition("; what was written is kept in ")[2])
    assert (kept / "new").read_text() == "kept\n"


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--repos", "missing"], "missing not found"),
        (["--repos", "{repo}@missing"], "missing"),
        (["--repos", "{repo}+x"], "after + comes w"),
    ],
)
def test_what_cannot_be_mounted(pachctl: Pachctl, tmp_path: Path, arguments: list[str], said: str) -> None:
    pachctl("create", "repo", "there", check=False)

    failed = pachctl("mount", str(tmp_path / "mnt"), *(each.format(repo="there") for each in arguments), check=False)

    assert (failed.returncode, failed.stdout) == (1, "")
    assert failed.stderr.startswith("error: ")
    assert said in failed.stderr
    assert len(failed.stderr.splitlines()) == 1
    pachctl("unmount", "--all")


def test_only_an_empty_directory_is_mounted_on(pachctl: Pachctl, repo: str, tmp_path: Path) -> None:
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "mine").touch()
    pachctl("mount", str(tmp_path / "mnt"), "--repos", repo)

    for directory, said in (("full", "is not empty"), ("mnt", "is a mount already")):
        assert said in pachctl("mount", str(tmp_path / directory), "--repos", repo, check=False).stderr
    assert "is not a mount of this program" in pachctl("unmount", str(tmp_path / "full"), check=False).stderr


def test_without_the_library_the_user_is_told_what_to_install(
    pachctl: Pachctl, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FUSE_LIBRARY_NAME", "no-such-library")

    failed = pachctl("mount", str(tmp_path / "mnt"), check=False)

    assert failed.returncode == 1
    assert failed.stderr == (
        "error: mounting needs the library libfuse: `apt-get install fuse3` or the like; "
        "`pachctl get file -r REPO@BRANCH:/ -o DIR` copies the files without it\n"
    )


def test_what_is_not_finished_is_not_shown(pachctl: Pachctl, repo: str, tmp_path: Path) -> None:
    """And the user is told so."""
    opened = pachctl("start", "commit", f"{repo}@master").stdout.strip()
    pachctl("put", "file", f"{repo}@{opened}:/half", stdin="half")

    said = pachctl("mount", str(tmp_path / "mnt"), "--repos", repo).stderr

    assert said.startswith(f"{repo}@master: its newest commit {opened} is not finished; what is shown is ")
    assert tree(tmp_path / "mnt" / repo) == {"a.txt": "first\n", "d/b.txt": "second\n"}


def test_an_output_cannot_be_written_and_shows_its_finished_commit(pachctl: Pachctl, repo: str, tmp_path: Path) -> None:
    spec = tmp_path / "spec.yaml"
    spec.write_text(
        f"pipeline: {{name: copies}}\ninput: {{pfs: {{repo: {repo}, glob: /, name: in}}}}\n"
        "transform: {cmd: [sh], stdin: ['cp -r /pfs/in/* /pfs/out/']}\n"
    )
    pachctl("create", "pipeline", "-f", str(spec))
    pachctl("wait", "commit", "copies@master")

    refused = pachctl("mount", str(tmp_path / "mnt"), "--repos", "copies+w", check=False)
    pachctl("mount", str(tmp_path / "mnt"), "--repos", "copies")

    assert "copies@master is the output of a pipeline: mount it without +w" in refused.stderr
    assert tree(tmp_path / "mnt" / "copies") == {"a.txt": "first\n", "d/b.txt": "second\n"}


def test_what_others_put_meanwhile_stays_and_what_both_wrote_is_the_mounts(
    pachctl: Pachctl, repo: str, tmp_path: Path
) -> None:
    """Two mounts of one branch and a put, one after the other; each commit lies on the one before."""
    for name in ("first", "second"):
        pachctl("mount", str(tmp_path / name), "--repos", f"{repo}@master", "-w")
    pachctl("put", "file", f"{repo}@master:/a.txt", stdin="put\n")
    pachctl("put", "file", f"{repo}@master:/put.txt", stdin="put\n")
    pachctl("put", "file", f"{repo}@master:/d/b.txt", stdin="put\n")
    (tmp_path / "first" / repo / "a.txt").write_text("of the first\n")
    (tmp_path / "first" / repo / "x").write_text("of the first\n")
    (tmp_path / "second" / repo / "a.txt").write_text("of the second\n")
    (tmp_path / "second" / repo / "d" / "b.txt").unlink()
    assert tree(tmp_path / "second" / repo) == {"a.txt": "of the second\n"}

    pachctl("unmount", str(tmp_path / "first"))
    said = pachctl("unmount", str(tmp_path / "second")).stderr

    assert said == f"{repo}@master: 1 file written, 1 deleted, as one commit\n"
    pachctl("get", "file", "-r", f"{repo}@master:/", "-o", str(tmp_path / "got"))
    assert tree(tmp_path / "got") == {"a.txt": "of the second\n", "put.txt": "put\n", "x": "of the first\n"}


def test_a_file_where_others_made_a_directory_is_refused_and_kept(pachctl: Pachctl, repo: str, tmp_path: Path) -> None:
    pachctl("mount", str(tmp_path / "mnt"), "--repos", f"{repo}+w")
    (tmp_path / "mnt" / repo / "place").write_text("mine\n")
    pachctl("put", "file", f"{repo}@master:/place/file", stdin="theirs\n")

    failed = pachctl("unmount", str(tmp_path / "mnt"), check=False)

    assert failed.returncode == 1
    assert "file / directory path collision (/place): nothing was put; what was written is kept" in failed.stderr
    kept = Path(failed.stderr.strip().rpartition("; what was written is kept in ")[2])
    assert (kept / "place").read_text() == "mine\n"
    assert pachctl("get", "file", f"{repo}@master:/place/file").stdout == "theirs\n"


def test_what_was_written_goes_into_a_commit_that_is_open(pachctl: Pachctl, repo: str, tmp_path: Path) -> None:
    pachctl("mount", str(tmp_path / "mnt"), "--repos", f"{repo}+w")
    (tmp_path / "mnt" / repo / "new").write_text("new\n")
    opened = pachctl("start", "commit", f"{repo}@master").stdout.strip()

    pachctl("unmount", str(tmp_path / "mnt"))
    pachctl("put", "file", f"{repo}@{opened}:/more", stdin="more\n")
    pachctl("finish", "commit", f"{repo}@{opened}")

    assert pachctl("get", "file", f"{repo}@{opened}:/new").stdout == "new\n"


def test_repos_of_several_projects_and_a_commit_are_mounted_together(
    pachctl: Pachctl, repo: str, tmp_path: Path
) -> None:
    commit = pachctl("list", "commit", f"{repo}@master", "--raw").stdout.partition('"id": "')[2][:32]
    for project in ("east", "west"):
        pachctl("create", "project", project)
        pachctl("create", "repo", f"of-{project}", "--project", project)
        pachctl("put", "file", f"of-{project}@master:/f", "--project", project, stdin=project)

    pachctl(
        "mount", str(tmp_path / "mnt"), "--project", "east", "-r", f"of-east+w,west/of-west,default/{repo}@{commit}"
    )
    (tmp_path / "mnt" / "of-east" / "g").write_text("more")

    assert tree(tmp_path / "mnt") == {
        "of-east/f": "east",
        "of-east/g": "more",
        "of-west/f": "west",
        f"{repo}/a.txt": "first\n",
        f"{repo}/d/b.txt": "second\n",
    }
    pachctl("unmount", "--all")
    assert pachctl("get", "file", "of-east@master:/g", "--project", "east").stdout == "more"
    refused = pachctl("mount", str(tmp_path / "mnt"), "--repos", f"{repo}@{commit}+w", check=False)
    assert "a commit never changes" in refused.stderr


def commands_for(server: ServerProcess, directory: Path) -> Pachctl:
    def pachctl(*arguments: str, check: bool = True, stdin: str | None = None) -> subprocess.CompletedProcess[str]:
        command = ["pachctl", *arguments]
        path = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
        environment = {**server.environment(directory), "PATH": path}
        done = subprocess.run(command, env=environment, input=stdin, capture_output=True, text=True, check=False)
        assert not check or done.returncode == 0, done.stderr
        return done

    return pachctl


def read_again(file: Path) -> str:
    """Read as somebody who tries again until the client has found the server: it waits longer after each failure."""
    for _ in range(100_000):
        try:
            return file.read_text()
        except OSError:
            continue
    raise AssertionError(f"{file} stays unreadable")


def test_a_reader_sees_one_version_whatever_is_written_meanwhile(pachctl: Pachctl, repo: str, tmp_path: Path) -> None:
    """The kernel keeps pages once for all who have a file open."""
    old, new = b"o" * (3 << 20), b"n" * (3 << 20)
    (tmp_path / "old").write_bytes(old)
    pachctl("put", "file", f"{repo}@master:/large", "-f", str(tmp_path / "old"))
    pachctl("mount", str(tmp_path / "mnt"), "--repos", f"{repo}+w")
    mounted = tmp_path / "mnt" / repo

    with (mounted / "large").open("rb", buffering=0) as reader, (mounted / "a.txt").open("rb") as replaced:
        assert reader.read(10) == old[:10]
        (mounted / "large").write_bytes(new)
        os.posix_fadvise(reader.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)
        with mmap.mmap(reader.fileno(), 0, access=mmap.ACCESS_READ) as mapped:
            assert mapped[:] == new
        assert os.pread(reader.fileno(), len(new) + 1, 0) == new
        (mounted / "a.new").write_text("replaced\n")
        (mounted / "a.new").replace(mounted / "a.txt")
        assert replaced.read() == b"first\n"
    with (mounted / "d" / "b.txt").open("a") as first, (mounted / "d" / "b.txt").open("a") as second:
        for line in range(3):
            print("one", line, file=first, flush=True)
            print("two", line, file=second, flush=True)

    assert os.statvfs(mounted).f_bavail > 0
    pachctl("unmount", str(tmp_path / "mnt"))
    assert pachctl("get", "file", f"{repo}@master:/a.txt").stdout == "replaced\n"
    assert pachctl("get", "file", f"{repo}@master:/d/b.txt").stdout == (
        "second\none 0\ntwo 0\none 1\ntwo 1\none 2\ntwo 2\n"
    )
