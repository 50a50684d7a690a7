"""A get from a server of this machine: the server writes the files, if it is sure whose directory it is."""

import io
import os
import subprocess
import sys
import tarfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from trunkline.client.connection import Client, connect
from trunkline.proto import pfs_pb2
from trunkline.testing.server import ServerProcess

PACHCTL = str(Path(sys.executable).parent / "pachctl")
CONTENT = {
    "d/a": b"one",
    "d/e/b": b"",
    "d/e/large": os.urandom(1000) * 9000,
    **{f"d/many/{number:04}": b"x" * number for number in range(1200)},
}


@pytest.fixture
def client(server: ServerProcess) -> Iterator[Client]:
    with connect(server.address) as opened:
        yield opened


@pytest.fixture(scope="module")
def repo(server: ServerProcess, tmp_path_factory: pytest.TempPathFactory) -> str:
    """A repo with the content."""
    directory = tmp_path_factory.mktemp("repo")
    for path, data in CONTENT.items():
        file = directory / "source" / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(data)
    put = ["put", "file", "-r", "local@master:/", "-f", str(directory / "source")]
    for arguments in (["create", "repo", "local"], put):
        subprocess.run([PACHCTL, *arguments], env=server.environment(directory), check=True)
    return "local"


def tree(directory: Path) -> dict[str, bytes]:
    return {str(path.relative_to(directory)): path.read_bytes() for path in directory.rglob("*") if path.is_file()}


def below(prefix: str) -> dict[str, bytes]:
    return {path.removeprefix(prefix): data for path, data in CONTENT.items() if path.startswith(prefix)}


def get_tar(client: Client, repo: str, directory: pfs_pb2.LocalDirectory) -> bytes:
    """Return what streams when the server is told of a directory."""
    commit = pfs_pb2.Commit(branch=pfs_pb2.Branch(repo=pfs_pb2.Repo(name=repo, type="user"), name="master"))
    commit.branch.repo.project.name = "default"
    request = pfs_pb2.GetFileRequest(file=pfs_pb2.File(commit=commit, path="/d/e/"), local_directory=directory)
    return b"".join(piece.value for piece in client.pfs.GetFileTAR(request))


def callers_directory(path: Path, token: str = "secret") -> pfs_pb2.LocalDirectory:
    path.mkdir(mode=0o700)
    (path / "owner").write_text(token)
    return pfs_pb2.LocalDirectory(path=str(path), token="secret", umask=0o027)


def test_a_proven_directory_is_written_and_nothing_streams(client: Client, repo: str, tmp_path: Path) -> None:
    assert get_tar(client, repo, callers_directory(tmp_path / "mine")) == b""

    assert tree(tmp_path / "mine" / "files") == below("d/e/")
    assert (tmp_path / "mine" / "files" / "b").stat().st_mode & 0o777 == 0o640
    assert (tmp_path / "mine" / "files").stat().st_mode & 0o777 == 0o750


@pytest.mark.parametrize(
    "flaw", ["token", "open", "missing", "linked", "no owner", "owner is a link", "owner is no file"]
)
def test_any_doubt_makes_the_server_stream(client: Client, repo: str, tmp_path: Path, flaw: str) -> None:
    """A wrong token, a directory that others can enter, one that is not there, links, a pipe in the owner's place."""
    directory = callers_directory(tmp_path / "mine", "other" if flaw == "token" else "secret")
    mine = tmp_path / "mine"
    match flaw:
        case "open":
            mine.chmod(0o710)
        case "missing":
            directory.path = str(tmp_path / "nowhere")
        case "linked":
            (tmp_path / "link").symlink_to(mine)
            directory.path = str(tmp_path / "link")
        case "no owner":
            (mine / "owner").unlink()
        case "owner is a link":
            (mine / "owner").rename(tmp_path / "owner")
            (mine / "owner").symlink_to(tmp_path / "owner")
        case "owner is no file":
            (mine / "owner").unlink()
            os.mkfifo(mine / "owner")

    with tarfile.open(fileobj=io.BytesIO(get_tar(client, repo, directory))) as archive:
        assert {name.rpartition("/")[2] for name in archive.getnames()} >= {"b", "large"}

    assert not (mine / "files").exists()


@pytest.mark.parametrize(("path", "prefix"), [("/", ""), ("/d", "d/"), ("/d/e/", "d/e/"), ("/d/many/", "d/many/")])
def test_a_directory_is_got_without_its_own_path(
    pachctl: Callable[..., Any], repo: str, tmp_path: Path, path: str, prefix: str
) -> None:
    pachctl("get", "file", "-r", f"{repo}@master:{path}", "-o", str(tmp_path / "out"))

    assert tree(tmp_path / "out") == below(prefix)
    assert {each.name for each in tmp_path.iterdir()} <= {"out", "source", "config.json"}


def test_a_pattern_gets_whole_paths(pachctl: Callable[..., Any], repo: str, tmp_path: Path) -> None:
    pachctl("get", "file", "-r", f"{repo}@master:/d/many/000?", "-o", str(tmp_path / "out"))

    assert tree(tmp_path / "out") == {f"d/many/000{digit}": b"x" * digit for digit in range(10)}


def test_a_single_file_becomes_the_output(pachctl: Callable[..., Any], repo: str, tmp_path: Path) -> None:
    pachctl("get", "file", "-r", f"{repo}@master:/d/a", "-o", str(tmp_path / "new" / "out"))

    assert (tmp_path / "new" / "out").read_bytes() == b"one"


def test_files_have_the_rights_that_the_caller_asks_for(server: ServerProcess, repo: str, tmp_path: Path) -> None:
    """The caller's umask counts, also where it is wider than the server's."""
    for mask in (0o077, 0o000):
        output = tmp_path / f"out{mask}"
        subprocess.run(
            [PACHCTL, "get", "file", "-r", f"{repo}@master:/d/e", "-o", str(output)],
            env=server.environment(tmp_path),
            umask=mask,
            check=True,
        )

        assert (output / "b").stat().st_mode & 0o777 == 0o666 & ~mask
        assert output.stat().st_mode & 0o777 == 0o777 & ~mask


def test_damaged_data_leaves_nothing_of_the_get(
    server: ServerProcess, pachctl: Callable[..., Any], tmp_path: Path
) -> None:
    """One file of many cannot be read: none of them appears, and what was there stays as it was."""
    (tmp_path / "in").mkdir()
    for name in ("a", "b"):
        (tmp_path / "in" / name).write_bytes(os.urandom(300))
    pachctl("create", "repo", "damaged")
    before = set((server.home / "objects" / "packs").rglob("*"))
    pachctl("put", "file", "-r", "damaged@master:/", "-f", str(tmp_path / "in"))
    (pack,) = (path for path in set((server.home / "objects" / "packs").rglob("*")) - before if path.is_file())
    data = bytearray(pack.read_bytes())
    data[5 + 300 + 7] ^= 1  # in the second file, after the header and the first one
    pack.write_bytes(data)
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "a").write_bytes(b"old")

    result = pachctl("get", "file", "-r", "damaged@master:/", "-o", str(tmp_path / "out"), check=False)

    assert result.returncode == 1
    assert "damaged" in result.stderr
    assert tree(tmp_path / "out") == {"a": b"old"}
