# ruff: noqa: ANN401 - options and fields of many messages
"""A server inside the test's own process, and a short way to say what stories about pipelines need."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import grpc
from google.protobuf import json_format

from trunkline.app.server import Server, ServerOptions
from trunkline.proto import pfs_pb2, pfs_pb2_grpc, pps_pb2, pps_pb2_grpc
from trunkline.testing.in_process import InProcessExecutor, Program


@dataclass
class Cluster:
    """A running server with stubs, and the few calls that most stories make."""

    server: Server
    pfs: pfs_pb2_grpc.APIStub
    pps: pps_pb2_grpc.APIStub

    def create_repo(self, name: str) -> None:
        """Create a repo in the default project."""
        self.pfs.CreateRepo(pfs_pb2.CreateRepoRequest(repo=pfs_pb2.Repo(name=name, type="user")))

    def put(
        self, repo: str, files: dict[str, str], *, deleted: tuple[str, ...] = (), branch_name: str = "master"
    ) -> None:
        """Write and delete files in one commit on a branch."""
        branch = pfs_pb2.Branch(name=branch_name, repo=pfs_pb2.Repo(name=repo, type="user"))

        def requests() -> Iterator[pfs_pb2.ModifyFileRequest]:
            yield pfs_pb2.ModifyFileRequest(set_commit=pfs_pb2.Commit(branch=branch))
            for path in (*files, *deleted):
                yield pfs_pb2.ModifyFileRequest(delete_file=pfs_pb2.DeleteFile(path=path))
            for path, content in files.items():
                yield pfs_pb2.ModifyFileRequest(add_file=pfs_pb2.AddFile(path=path, raw={"value": content.encode()}))

        self.pfs.ModifyFile(requests())

    def create(self, spec: dict[str, Any], *, update: bool = False, reprocess: bool = False) -> None:
        """Create a pipeline, or update one."""
        message = json_format.ParseDict(spec, pps_pb2.CreatePipelineRequest())
        message.update, message.reprocess = update, reprocess
        self.pps.CreatePipeline(message)

    def jobs(self, pipeline: str, **options: Any) -> list[pps_pb2.JobInfo]:
        """Return its jobs, newest first."""
        return list(self.pps.ListJob(pps_pb2.ListJobRequest(pipeline=pps_pb2.Pipeline(name=pipeline), **options)))

    def finished_job(self, pipeline: str) -> pps_pb2.JobInfo:
        """Return the newest job, once it has ended."""
        job = self.jobs(pipeline)[0].job
        return self.pps.InspectJob(pps_pb2.InspectJobRequest(job=job, wait=True, details=True))

    def until(self, look: Callable[[], Any]) -> Any:
        """Return what look returns once that is true. What cannot be read yet is not true yet."""

        def attempt() -> Any:
            try:
                return look() or None
            except grpc.RpcError as error:
                if error.code() is not grpc.StatusCode.UNAVAILABLE:
                    raise
                return None

        found = self.server.versioning.db.changes.poll(attempt, give_up=lambda: False, seconds=60)
        assert found is not None, "it never came to be"
        return found

    def files(self, repo: str, branch: str = "master") -> dict[str, str]:
        """Return path and content of all files."""
        commit = pfs_pb2.Commit(branch=pfs_pb2.Branch(name=branch, repo=pfs_pb2.Repo(name=repo, type="user")))
        walk = self.pfs.WalkFile(pfs_pb2.WalkFileRequest(file=pfs_pb2.File(commit=commit, path="/")))
        paths = [info.file.path for info in walk if info.file_type == pfs_pb2.FileType.FILE]
        return {path: self.read(commit, path) for path in paths}

    def read(self, commit: pfs_pb2.Commit, path: str) -> str:
        """Return the text of a file."""
        tar = pfs_pb2.GetFileRequest(file=pfs_pb2.File(commit=commit, path=path))
        return b"".join(piece.value for piece in self.pfs.GetFile(tar)).decode()

    def logs(self, job: pps_pb2.Job, **options: Any) -> list[str]:
        """Return the lines of a job."""
        return [line.message for line in self.pps.GetLogs(pps_pb2.GetLogsRequest(job=job, **options))]


def open_cluster(
    home: Path, *, workers: int = 2, program: Program | None = None, allowed_files: tuple[Path, ...] = ()
) -> tuple[Cluster, Callable[[], None]]:
    """Return a cluster with its state in home, and how to close it.

    With a program, that is the user code of every pipeline, and no process is started.
    """
    options = ServerOptions(
        home=home, host="127.0.0.1", grpc_port=0, http_port=0, workers=workers, allowed_files=allowed_files
    )
    open_executor = None if program is None else partial(InProcessExecutor, program=program)
    server = Server(options, open_executor=open_executor)
    channel = grpc.insecure_channel(server.address.removeprefix("grpc://"))

    def close() -> None:
        channel.close()
        server.close()

    return Cluster(server, pfs_pb2_grpc.APIStub(channel), pps_pb2_grpc.APIStub(channel)), close


def shell(*lines: str, **more: Any) -> dict[str, Any]:
    """Return a transform that runs lines in a shell."""
    return {"cmd": ["sh"], "stdin": list(lines), **more}


def pfs(repo: str, glob: str = "/*", **more: Any) -> dict[str, Any]:
    """Return an input."""
    return {"pfs": {"repo": repo, "glob": glob, **more}}
