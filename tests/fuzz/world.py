"""The server that is fuzzed, what it holds, and how one sees that it is well."""

import re
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

import grpc
from google.protobuf import json_format
from google.protobuf.empty_pb2 import Empty

from tests.fuzz import values
from trunkline.proto import pfs_pb2, pfs_pb2_grpc, pps_pb2, pps_pb2_grpc
from trunkline.testing.server import ServerProcess, running_server

CALL_SECONDS_MAX = 30.0
_TRACE = "Traceback (most recent call last)"
_PIPELINE = {
    "pipeline": {"name": "out"},
    "transform": {"cmd": ["sh"], "stdin": ["echo line; cp /pfs/in/* /pfs/out/"]},
    "input": {"pfs": {"repo": "in", "glob": "/*.txt"}},
}


@dataclass
class World:
    """A server with a repo ``in``, a pipeline ``out`` that has run, and connections to it."""

    server: ServerProcess
    channel: grpc.Channel
    http: tuple[str, int]
    _log_read: int = 0
    _ids: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.pfs = pfs_pb2_grpc.APIStub(self.channel)
        self.pps = pps_pb2_grpc.APIStub(self.channel)

    def concrete(self, data: bytes) -> bytes:
        """Return bytes with this server's ids for those that stand for them."""
        for placeholder, found in self._ids.items():
            data = data.replace(placeholder.encode(), found.encode())
        return data

    def refresh(self) -> None:
        """Delete what there is, and make anew what requests are about."""
        self.pps.DeleteAll(Empty(), timeout=60)
        self.pfs.DeleteAll(Empty(), timeout=60)
        repo = pfs_pb2.Repo(name="in", type="user")
        self.pfs.CreateRepo(pfs_pb2.CreateRepoRequest(repo=repo))
        branch = pfs_pb2.Branch(name="master", repo=repo)
        files = [pfs_pb2.AddFile(path=path, raw={"value": path.encode() * 50}) for path in ("/a.txt", "/d/b.txt")]
        requests = [pfs_pb2.ModifyFileRequest(add_file=each) for each in files]
        self.pfs.ModifyFile(iter([pfs_pb2.ModifyFileRequest(set_commit=pfs_pb2.Commit(branch=branch)), *requests]))
        self.pps.CreatePipeline(json_format.ParseDict(_PIPELINE, pps_pb2.CreatePipelineRequest()))
        job = next(iter(self.pps.ListJob(pps_pb2.ListJobRequest()))).job
        self.pps.InspectJob(pps_pb2.InspectJobRequest(job=job, wait=True), timeout=60)
        head = self.pfs.InspectCommit(pfs_pb2.InspectCommitRequest(commit=pfs_pb2.Commit(branch=branch))).commit
        file_set = self.pfs.CreateFileSet(iter(requests)).file_set_id
        self._ids = {values.HEAD: head.id, values.OUTPUT: job.id, values.JOB: job.id, values.FILE_SET: file_set}

    def health(self) -> str:
        """Return what is wrong with the server, or nothing: it must list everything at any time."""
        for call in (
            lambda: list(self.pfs.ListRepo(pfs_pb2.ListRepoRequest(), timeout=CALL_SECONDS_MAX)),
            lambda: list(self.pps.ListPipeline(pps_pb2.ListPipelineRequest(details=True), timeout=CALL_SECONDS_MAX)),
            lambda: list(self.pps.ListJob(pps_pb2.ListJobRequest(), timeout=CALL_SECONDS_MAX)),
        ):
            try:
                call()
            except grpc.RpcError as error:
                return f"afterwards a listing fails: {error.code().name}: {error.details()}"
        return ""

    def new_traces(self) -> str:
        """Return the first traceback that was logged since the last look, or nothing."""
        with self._log_path.open("rb") as log:
            log.seek(self._log_read)
            said = log.read()
        self._log_read += len(said)
        _, found, trace = said.decode(errors="replace").partition(_TRACE)
        return found + trace[:6000] if found else ""

    def fsck(self) -> str:
        """Return the first problem of what is stored, or nothing."""
        for response in self.pfs.Fsck(pfs_pb2.FsckRequest(), timeout=120):
            if response.error:
                return f"fsck: {response.error}"
        return ""

    def memory_bytes(self) -> int:
        """Return what the server holds in memory."""
        assert self.server.process is not None
        status = Path(f"/proc/{self.server.process.pid}/status").read_text()
        found = re.search(r"VmRSS:\s+(\d+) kB", status)
        return int(found.group(1)) * 1024 if found else 0

    @property
    def _log_path(self) -> Path:
        return self.server.home.parent / f"{self.server.home.name}.log"


@contextmanager
def fuzzed_server(directory: Path) -> Iterator[World]:
    """Give a server with its state below directory."""
    with running_server(directory / "home", "--workers", "1") as server:
        published = (server.home / "server.json").read_text()
        found = urlsplit(re.search(r'"http_address": "([^"]+)"', published).group(1))  # type: ignore[union-attr]
        channel = grpc.insecure_channel(
            server.address.removeprefix("grpc://"),
            options=[("grpc.max_receive_message_length", 1 << 28), ("grpc.enable_retries", 0)],
        )
        with channel:
            world = World(server, channel, (found.hostname or "127.0.0.1", found.port or 80))
            world.refresh()
            yield world


def timed(call: object) -> tuple[str, float]:
    """Return what a call returns, and how many seconds it took."""
    started = time.monotonic()
    found = call()  # type: ignore[operator]
    return found, time.monotonic() - started
