"""Many clients at once: three rounds each, and with the long profile as many as a minute has room for."""

import os
import threading
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import grpc

from trunkline.proto import pfs_pb2
from trunkline.proto.pfs_pb2_grpc import APIStub
from trunkline.testing.doors import add, at
from trunkline.testing.server import ServerProcess

CLIENTS = 24
ROUNDS = 3
IS_LONG = os.environ.get("TRUNKLINE_HYPOTHESIS_PROFILE") == "long"
LONG_SECONDS = 60
SHARED = tuple(f"shared@{name}" for name in ("a", "b", "c"))


def rounds(start: threading.Barrier) -> Iterator[int]:
    """Count from 0, from the moment that all clients are there until the budget is used up."""
    start.wait()
    if not IS_LONG:
        yield from range(ROUNDS)
        return
    end = time.monotonic() + LONG_SECONDS
    number = 0
    while time.monotonic() < end:
        yield number
        number += 1


class Client:
    """Commits to a repo of its own, in one call and in three, and to branches that all share."""

    def __init__(self, channel: grpc.Channel, number: int) -> None:
        self.pfs = APIStub(channel)
        self.number = number
        self.own = f"own-{number}"
        self.pfs.CreateRepo(pfs_pb2.CreateRepoRequest(repo=pfs_pb2.Repo(name=self.own)))

    def work(self, start: threading.Barrier) -> int:
        """Return how many rounds there was room for. Any refusal is an error."""
        done = 0
        for number in rounds(start):
            self.put(at(self.own), f"/{number}")
            opened = self.pfs.StartCommit(pfs_pb2.StartCommitRequest(branch=at(f"{self.own}@steps").branch))
            self.put(opened, f"/{number}")
            self.pfs.FinishCommit(pfs_pb2.FinishCommitRequest(commit=opened))
            self.put(at(SHARED[number % len(SHARED)]), f"/{self.number}/{number}")
            assert self.size(self.own, f"/{number}") == len(f"/{number}")
            done += 1
        return done

    def put(self, target: pfs_pb2.Commit, path: str) -> None:
        """Write a file that holds its own path."""
        self.pfs.ModifyFile(iter([pfs_pb2.ModifyFileRequest(set_commit=target), add(path, path)]))

    def size(self, branch: str, path: str) -> int:
        """Return the size of a file."""
        file = pfs_pb2.File(commit=at(branch), path=path)
        return self.pfs.InspectFile(pfs_pb2.InspectFileRequest(file=file)).size_bytes

    def files(self, branch: str) -> dict[str, int]:
        """Return path and size of all files of a branch."""
        walk = self.pfs.WalkFile(pfs_pb2.WalkFileRequest(file=pfs_pb2.File(commit=at(branch), path="/")))
        return {info.file.path: info.size_bytes for info in walk if info.file_type == pfs_pb2.FileType.FILE}

    def line(self, branch: str) -> list[pfs_pb2.CommitInfo]:
        """Return the commits of a branch, newest first."""
        target = at(branch)
        return list(self.pfs.ListCommit(pfs_pb2.ListCommitRequest(repo=target.repo, to=target)))

    def check_line(self, branch: str, commits: int) -> None:
        """Raise unless the branch is a line of so many commits, all of them good and none with two children."""
        infos = self.line(branch)
        assert len(infos) == commits
        assert not any(info.error for info in infos)
        assert all(info.HasField("finished") for info in infos)
        assert [info.parent_commit.id for info in infos] == [*(info.commit.id for info in infos[1:]), ""]
        children = [[child.id for child in info.child_commits] for info in infos]
        assert children == [[], *([info.commit.id] for info in infos[:-1])]


def test_many_clients_lose_nothing_and_every_branch_is_one_line_of_commits(server: ServerProcess) -> None:
    with ThreadPoolExecutor(CLIENTS) as pool:
        channels = [grpc.insecure_channel(server.address.removeprefix("grpc://")) for _ in range(CLIENTS)]
        clients = [Client(channel, number) for number, channel in enumerate(channels)]
        clients[0].pfs.CreateRepo(pfs_pb2.CreateRepoRequest(repo=pfs_pb2.Repo(name="shared")))
        start = threading.Barrier(CLIENTS)

        done = list(pool.map(lambda client: client.work(start), clients))

    assert min(done) >= (1 if IS_LONG else ROUNDS)
    expected: dict[str, dict[str, int]] = {branch: {} for branch in SHARED}
    for client, count in zip(clients, done, strict=True):
        own = {f"/{number}": len(f"/{number}") for number in range(count)}
        assert client.files(client.own) == client.files(f"{client.own}@steps") == own
        client.check_line(client.own, count)
        client.check_line(f"{client.own}@steps", count)
        for number in range(count):
            path = f"/{client.number}/{number}"
            expected[SHARED[number % len(SHARED)]][path] = len(path)
    for branch in SHARED:
        assert clients[0].files(branch) == expected[branch]
        clients[0].check_line(branch, len(expected[branch]))
    sets = Counter(info.commit.repo.name for info in clients[0].pfs.ListCommit(pfs_pb2.ListCommitRequest()))
    assert sum(sets.values()) == 3 * sum(done)
    assert not list(clients[0].pfs.Fsck(pfs_pb2.FsckRequest()))
    assert "locked" not in server.log()
    print(f"{sum(done)} rounds of three commits by {CLIENTS} clients")
    for channel in channels:
        channel.close()
