"""URLs name files of the server's machine only where its owner has allowed it, and never its state."""

import os
import sqlite3
from pathlib import Path
from typing import Any

import grpc
import pytest

from trunkline.client.local_server import read_proof
from trunkline.config import PROOF_KEY
from trunkline.objects.local_files import LocalFiles
from trunkline.proto import pfs_pb2
from trunkline.testing.doors import Story, add, add_url, at

OPTION = r"--allow-files DIRECTORY"
STATE = "state directory"


@pytest.fixture
def outside(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A directory that is not allowed, with a file and a database in it."""
    directory = tmp_path_factory.mktemp("outside")
    (directory / "secret").write_text("secret")
    connection = sqlite3.connect(directory / "shop.db")
    connection.executescript("CREATE TABLE t (a TEXT); INSERT INTO t VALUES ('kept')")
    connection.close()
    return directory


def rows(database: Path) -> list[tuple[Any, ...]]:
    connection = sqlite3.connect(database)
    try:
        return connection.execute("SELECT * FROM t").fetchall()
    finally:
        connection.close()


def send_to(story: Story, kind: str, url: str) -> None:
    """Have the file of the commit written to a URL, in one of the ways that there are."""
    file = pfs_pb2.File(commit=at("in"), path="/t/a")
    if kind == "get":
        list(story.pfs.GetFile(pfs_pb2.GetFileRequest(file=file, URL=url)))
    elif kind == "tar":
        list(story.pfs.GetFileTAR(pfs_pb2.GetFileRequest(file=file, URL=url)))
    else:
        target = pfs_pb2.ObjectStorageEgress(url=url)
        story.pfs.Egress(pfs_pb2.EgressRequest(commit=at("in"), object_storage=target))


@pytest.mark.parametrize("recursive", [False, True])
def test_sources_elsewhere_are_refused_and_the_option_is_named(
    story: Story, outside: Path, tmp_path: Path, recursive: bool
) -> None:
    (tmp_path / "linked").symlink_to(outside)
    (tmp_path / "tree").mkdir()
    (tmp_path / "tree" / "link").symlink_to(outside / "secret")
    places = [outside, tmp_path / "linked", tmp_path / "linked" / ".." / outside.name]
    urls = [f"file://{place}" if recursive else f"file://{place}/secret" for place in places]
    urls.append(f"file://{tmp_path}/tree" if recursive else f"file://{tmp_path}/tree/link")

    for url in urls:
        with pytest.raises(grpc.RpcError, match=OPTION):
            story.put(at("in"), add_url("/x", url, recursive=recursive))
    with pytest.raises(grpc.RpcError, match=OPTION):
        story.pfs.CreateFileSet(iter([add_url("/x", urls[0], recursive=recursive)]))


@pytest.mark.parametrize("kind", ["get", "tar", "egress"])
def test_targets_elsewhere_are_refused_and_nothing_is_written(
    story: Story, outside: Path, tmp_path: Path, kind: str
) -> None:
    story.put(at("in"), add("/t/a", "1"))
    (tmp_path / "linked").symlink_to(outside)
    (tmp_path / "below").mkdir()
    (tmp_path / "below" / "t").symlink_to(outside)

    for place in (outside / "new", tmp_path / "linked" / "new", tmp_path / "below"):
        with pytest.raises(grpc.RpcError, match=OPTION):
            send_to(story, kind, f"file://{place}")

    assert sorted(os.listdir(outside)) == ["secret", "shop.db"]


def test_a_database_elsewhere_keeps_its_tables(story: Story, outside: Path, tmp_path: Path) -> None:
    story.put(at("in"), add("/t/a", "new\n"))
    (tmp_path / "link.db").symlink_to(outside / "shop.db")
    urls = {
        f"sqlite:///{outside}/shop.db": OPTION,
        f"sqlite:///{tmp_path}/link.db": OPTION,
        f"sqlite:///file:{outside}/shop.db?uri=true": "full path and nothing after it",
        "sqlite:///shop.db": "full path and nothing after it",
        f"sqlite:///{tmp_path}/home/metadata.db": STATE,
    }
    for url, phrase in urls.items():
        target = pfs_pb2.SQLDatabaseEgress(url=url)
        with pytest.raises(grpc.RpcError, match=phrase):
            story.pfs.Egress(pfs_pb2.EgressRequest(commit=at("in"), sql_database=target))

    assert rows(outside / "shop.db") == [("kept",)]


def test_the_state_is_never_named_whatever_leads_to_it(story: Story, tmp_path: Path) -> None:
    state = tmp_path / "home"
    proof = ((PROOF_KEY, read_proof(str(state))),)
    (tmp_path / "link").symlink_to(state)
    (tmp_path / "tree").mkdir()
    (tmp_path / "tree" / "key").symlink_to(state / "secret.key")
    story.put(at("in"), add("/t/a", "1"))

    for metadata in ((), proof):
        for place, recursive in ((state / "secret.key", False), (tmp_path / "link" / "metadata.db", False)):
            with pytest.raises(grpc.RpcError, match=STATE):
                story.put(at("in"), add_url("/x", f"file://{place}", recursive=recursive), metadata=metadata)
        for place in (state, tmp_path / "link", tmp_path, tmp_path / "tree", state / "objects"):
            with pytest.raises(grpc.RpcError, match=STATE):
                story.put(at("in"), add_url("/x", f"file://{place}", recursive=True), metadata=metadata)
    for place in (state, tmp_path / "link", state / "objects" / "packs"):
        with pytest.raises(grpc.RpcError, match=STATE):
            send_to(story, "get", f"file://{place}")


def test_who_reads_the_proof_in_the_state_may_name_what_the_server_reads(
    story: Story, outside: Path, tmp_path: Path
) -> None:
    (outside / "shop.db").unlink()
    right, wrong = ((PROOF_KEY, proof) for proof in (read_proof(str(tmp_path / "home")), "0" * 64))
    edits = [add_url("/x", f"file://{outside}/secret"), add_url("/d", f"file://{outside}", recursive=True)]

    for metadata in ((wrong,), ((PROOF_KEY, ""),), ()):
        with pytest.raises(grpc.RpcError, match=OPTION):
            story.put(at("in"), *edits, metadata=metadata)
    story.put(at("in"), *edits, metadata=(right,))

    assert story.read(at("in"))["/x"] == "secret"
    assert (tmp_path / "home" / "files.proof").stat().st_mode & 0o077 == 0


def test_names_that_are_swapped_after_the_check_lead_nowhere_else(outside: Path, tmp_path: Path) -> None:
    class Swapped(LocalFiles):
        """Has a link in the place of the directory as soon as that has been looked at."""

        def check(self, path: Path | str) -> str:
            real = LocalFiles.check(self, path)
            (tmp_path / "d" / "secret").unlink(missing_ok=True)
            if (tmp_path / "d").is_dir() and not (tmp_path / "d").is_symlink():
                (tmp_path / "d").rmdir()
                (tmp_path / "d").symlink_to(outside)
            return real

    (tmp_path / "d").mkdir()
    (tmp_path / "d" / "secret").write_text("public")

    with pytest.raises(OSError, match=r"Not a directory|Too many levels"):
        Swapped((tmp_path,)).open(str(tmp_path / "d" / "secret"))
