"""``put file -p``: many files at a time, and one commit that is what one after the other would have made."""

import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from trunkline.client.connection import connect
from trunkline.proto import pfs_pb2
from trunkline.testing.server import ServerProcess

Pachctl = Callable[..., subprocess.CompletedProcess[str]]
AT_ONCE = 4
MIB = 1 << 20


class Meeting(ThreadingHTTPServer):
    """Answers once so many requests are there; what has ``held`` in its name, never."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Guest)
        self.all_there = threading.Barrier(AT_ONCE, timeout=60)
        self.held = threading.Event()
        self.over = threading.Event()

    def url(self, name: str) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}/{name}"


class Guest(BaseHTTPRequestHandler):
    server: Meeting

    def do_GET(self) -> None:
        if "held" in self.path:
            self.server.held.set()
            self.server.over.wait()
            return
        try:
            self.server.all_there.wait()
        except threading.BrokenBarrierError:
            self.send_error(503)
            return
        self.send_response(200)
        self.end_headers()
        self.wfile.write(self.path.encode())

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def meeting() -> Iterator[Meeting]:
    server = Meeting()
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield server
    server.over.set()
    server.shutdown()
    thread.join()
    server.server_close()


def commits(pachctl: Pachctl, repo: str) -> list[str]:
    return pachctl("list", "commit", repo).stdout.splitlines()[1:]


def test_urls_are_fetched_at_the_same_time_into_one_commit(pachctl: Pachctl, meeting: Meeting, tmp_path: Path) -> None:
    pachctl("create", "repo", "urls")
    (tmp_path / "list").write_text("".join(f"{meeting.url(str(number))}\n" for number in range(AT_ONCE)))

    pachctl("put", "file", "-p", str(AT_ONCE), "urls@master", "-i", str(tmp_path / "list"))

    assert len(commits(pachctl, "urls")) == 1
    for number in range(AT_ONCE):
        assert pachctl("get", "file", f"urls@master:/{number}").stdout == f"/{number}"


def write_sources(directory: Path) -> list[str]:
    """Make large files in several directories, some of one name, between small ones."""
    sources = []
    for number in range(6):
        below = directory / str(number)
        below.mkdir(parents=True)
        (below / "same").write_bytes(bytes([number]) * (5 * MIB + number))
        (below / f"own-{number}").write_text(str(number))
        sources += [str(below / "same"), str(below / f"own-{number}")]
    return sources


@pytest.mark.parametrize("options", [[], ["-a"]])
def test_the_result_is_that_of_one_after_the_other(
    pachctl: Pachctl, server: ServerProcess, tmp_path: Path, options: list[str]
) -> None:
    """Files of one name overwrite each other, or are appended, in the order of the command line."""
    repos = [f"{name}{len(options)}" for name in ("one", "many")]
    sources = [argument for source in write_sources(tmp_path / "in") for argument in ("-f", source)]
    for repo, parallelism in zip(repos, ("1", "5"), strict=True):
        pachctl("create", "repo", repo)
        pachctl("put", "file", f"{repo}@master:/own-1", stdin="before")
        pachctl("put", "file", "-p", parallelism, *options, f"{repo}@master", *sources)
        assert len(commits(pachctl, repo)) == 2

    with connect(server.address) as client:
        one, many = (
            client.pfs.InspectFile(
                pfs_pb2.InspectFileRequest(
                    file=pfs_pb2.File(commit=pfs_pb2.Commit(repo=pfs_pb2.Repo(name=repo), id="master"), path="/")
                )
            )
            for repo in repos
        )

    assert (one.hash, one.size_bytes) == (many.hash, many.size_bytes)
    assert one.size_bytes > 5 * MIB


def test_files_go_into_an_open_commit_and_do_not_close_it(pachctl: Pachctl, tmp_path: Path) -> None:
    pachctl("create", "repo", "open")
    commit = pachctl("start", "commit", "open@master").stdout.strip()
    write_sources(tmp_path / "in")

    pachctl("put", "file", "-p", "3", "-r", "open@master:/", "-f", str(tmp_path / "in"))
    pachctl("put", "file", "open@master:/more", stdin="1")
    pachctl("finish", "commit", f"open@{commit}")

    assert len(commits(pachctl, "open")) == 1
    assert pachctl("get", "file", "open@master:/3/own-3").stdout == "3"
    assert pachctl("get", "file", "open@master:/more").stdout == "1"


def test_one_file_that_fails_leaves_nothing_of_the_others(pachctl: Pachctl, tmp_path: Path) -> None:
    pachctl("create", "repo", "failing")
    sources = [*write_sources(tmp_path / "in"), str(tmp_path / "gone")]
    (tmp_path / "list").write_text("\n".join(sources))

    result = pachctl("put", "file", "-p", "4", "failing@master", "-i", str(tmp_path / "list"), check=False)

    assert result.returncode == 1
    assert "gone" in result.stderr
    assert commits(pachctl, "failing") == []


def test_ctrl_c_leaves_nothing_of_what_was_sent(
    pachctl: Pachctl, server: ServerProcess, meeting: Meeting, tmp_path: Path
) -> None:
    pachctl("create", "repo", "stopped")
    sources = [*write_sources(tmp_path / "in"), meeting.url("held")]
    (tmp_path / "list").write_text("\n".join(sources))
    command = [str(Path(sys.executable).parent / "pachctl"), "put", "file", "-p", "4", "stopped@master"]

    put = subprocess.Popen([*command, "-i", str(tmp_path / "list")], env=server.environment(tmp_path))
    assert meeting.held.wait(60)
    put.send_signal(signal.SIGINT)

    assert put.wait(60) == 130
    assert commits(pachctl, "stopped") == []


@pytest.mark.parametrize("parallelism", ["1", "4"])
def test_a_target_that_takes_nothing_is_refused_before_anything_is_read(
    pachctl: Pachctl, meeting: Meeting, parallelism: str
) -> None:
    for repo in ("source", "derived"):
        pachctl("update", "repo", repo)
    pachctl("create", "branch", "derived@computed", "-p", "source@master")
    pachctl("create", "branch", "derived@empty", "-p", "source@nothing")
    pachctl("put", "file", "source@master:/x", stdin="x")
    for branch in ("computed", "empty"):
        pachctl("finish", "commit", f"derived@{branch}", check=False)  # the second time it is finished
    finished = pachctl("list", "commit", "source@master", "--raw").stdout.partition('"id": "')[2][:32]

    for target, reason in (
        ("nowhere@master", "repo default/nowhere not found"),
        (f"source@{finished}", "has already finished"),
        ("source@master.9", "not found"),
        ("derived@computed", "cannot start a commit on an output branch"),
        ("derived@empty", "cannot start a commit on an output branch"),
        ("source@a b", "a b"),
    ):
        put = ("put", "file", "-p", parallelism, f"{target}", "-f", meeting.url("held-1"), "-f", meeting.url("held-2"))
        result = pachctl(*put, check=False)
        assert result.returncode == 1
        assert reason in result.stderr, target
    assert not meeting.held.is_set()


@pytest.mark.parametrize("number", ["0", "101", "x"])
def test_a_number_that_makes_no_sense_is_refused(pachctl: Pachctl, number: str) -> None:
    result = pachctl("put", "file", "-p", number, "urls@master", "-f", "x", check=False)

    assert result.returncode == 1
    assert "-p" in result.stderr
