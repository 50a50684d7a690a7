"""A client that reads slowly, or stops, holds no connection to the database, whichever method it called."""

import importlib
import pkgutil
import threading
from collections import defaultdict
from collections.abc import Callable, Iterator
from typing import Any

import grpc
import pytest
from google.protobuf.duration_pb2 import Duration
from google.protobuf.message_factory import GetMessageClass
from sqlalchemy import event

import trunkline.proto
from trunkline.api import errors
from trunkline.api.server import _SERVICES
from trunkline.proto import pfs_pb2
from trunkline.testing.cluster import Cluster, open_cluster, pfs, shell

_JOB_FAILS = {"pipeline": {"name": "fails"}, "transform": shell("exit 1"), "input": pfs("in")}
# Whose answers would take a fault of the machine, a wait, or something that this server does not have.
_SILENT = {
    "/pfs_v2.API/Fsck",
    "/pfs_v2.API/ListTask",
    "/pps_v2.API/ListTask",
    "/pps_v2.API/GetKubeEvents",
    "/pps_v2.API/QueryLoki",
    "/storage.Fileset/ReadFilesetCDR",
}


class Held:
    """How many connections the thread that sends a message has, by method."""

    def __init__(self) -> None:
        self.of_methods: dict[str, set[int]] = defaultdict(set)
        self._own = threading.local()

    def count(self, change: int) -> None:
        self._own.connections = getattr(self._own, "connections", 0) + change

    def guard(self, guard: Callable[..., Any]) -> Callable[..., Any]:
        """Return the server's guard of streams, noting what is held whenever a message has been made."""

        def noting(behaviour: Callable[..., Any], method: str) -> Callable[..., Any]:
            def stream(request: object, context: grpc.ServicerContext) -> Iterator[object]:
                for message in behaviour(request, context):
                    self.of_methods[method].add(getattr(self._own, "connections", 0))
                    yield message

            return guard(stream, method)

        return noting


@pytest.fixture(scope="module")
def held() -> Held:
    return Held()


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory, held: Held) -> Iterator[Cluster]:
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(errors, "_guard_stream", held.guard(errors._guard_stream))
        opened, close = open_cluster(tmp_path_factory.mktemp("cluster") / "home")
        engine = opened.server.versioning.db._engine
        event.listen(engine, "checkout", lambda *_: held.count(1))
        event.listen(engine, "checkin", lambda *_: held.count(-1))
        try:
            yield opened
        finally:
            close()


def streaming() -> dict[str, Any]:
    """Return every method of the services that we offer whose answer is a stream."""
    found = {}
    for module in pkgutil.iter_modules(trunkline.proto.__path__):
        if module.name.endswith("_pb2"):
            descriptor = importlib.import_module(f"trunkline.proto.{module.name}").DESCRIPTOR
            for service in descriptor.services_by_name.values():
                if service.full_name in _SERVICES:
                    found |= {f"/{service.full_name}/{m.name}": m for m in service.methods if m.server_streaming}
    return found


def requests_of(cluster: Cluster) -> dict[str, Any]:
    """Return the fields of a request of each method that is answered with at least one message."""
    commit = {"branch": {"name": "master", "repo": {"name": "in", "type": "user"}}}
    output = {"branch": {"name": "master", "repo": {"name": "copies", "type": "user"}}}
    job = cluster.finished_job("copies").job
    file_set = cluster.pfs.GetFileSet(pfs_pb2.GetFileSetRequest(commit=commit)).file_set_id
    head = {"branch_head": {"name": {"repo": {"name": {"name": "in", "type": "user"}}, "name": "master"}}}
    out_head = {"branch_head": {"name": {"repo": {"name": {"name": "copies", "type": "user"}}, "name": "master"}}}
    set_id = {"id": job.id}
    brief = {"duration": Duration(nanos=1_000_000)}
    return {
        "/debug_v2.Debug/Profile": {"profile": brief},
        "/debug_v2.Debug/Trace": brief,
        "/trunkline.Lineage/Why": {"file": {"commit": output, "path": "/a"}},
        "/trunkline.Lineage/Impact": {"file": {"commit": commit, "path": "/a"}},
        "/logs.API/GetLogs": {"query": {"user": {"pipeline": {"project": "default", "pipeline": "copies"}}}},
        "/pfs_v2.API/WalkBranchProvenance": {"start": [out_head["branch_head"]]},
        "/pfs_v2.API/WalkBranchSubvenance": {"start": [head["branch_head"]]},
        "/pfs_v2.API/SubscribeCommit": {"repo": {"name": "in", "type": "user"}},
        "/pfs_v2.API/FindCommits": {"start": commit, "file_path": "/a"},
        "/pfs_v2.API/WalkCommitProvenance": {"start": [out_head]},
        "/pfs_v2.API/WalkCommitSubvenance": {"start": [head]},
        "/pfs_v2.API/InspectCommitSet": {"commit_set": set_id},
        "/pfs_v2.API/GetFile": {"file": {"commit": commit, "path": "/a"}},
        "/pfs_v2.API/GetFileTAR": {"file": {"commit": commit, "path": "/"}},
        "/pfs_v2.API/ListFile": {"file": {"commit": commit, "path": "/"}},
        "/pfs_v2.API/WalkFile": {"file": {"commit": commit, "path": "/"}},
        "/pfs_v2.API/GlobFile": {"commit": commit, "pattern": "/*"},
        "/pfs_v2.API/DiffFile": {"new_file": {"commit": commit, "path": "/"}},
        "/pps_v2.API/CheckStatus": {"all": True},
        "/pps_v2.API/InspectJobSet": {"job_set": set_id},
        "/pps_v2.API/ListJob": {"details": True},
        "/pps_v2.API/SubscribeJob": {"pipeline": {"name": "copies"}},
        "/pps_v2.API/ListDatum": {"job": {"pipeline": {"name": "copies"}, "id": job.id}},
        "/pps_v2.API/CreateDatum": {"start": {"input": {"pfs": {"repo": "in", "glob": "/*"}}}},
        "/pps_v2.API/GetLogs": {"pipeline": {"name": "copies"}},
        "/pps_v2.API/ListTask": {"group": {}},
        "/pfs_v2.API/ListTask": {"group": {}},
        "/storage.Fileset/ReadFileset": {"fileset_id": file_set},
    }


def test_no_stream_holds_a_connection_while_its_client_reads(cluster: Cluster, held: Held) -> None:
    cluster.create_repo("in")
    cluster.put("in", {"/a": "a", "/b": "b"})
    script = shell("echo copying; cp /pfs/in/* /pfs/out/")
    cluster.create({"pipeline": {"name": "copies"}, "transform": script, "input": pfs("in")})
    cluster.create(_JOB_FAILS)
    cluster.finished_job("copies")
    cluster.finished_job("fails")
    fields = requests_of(cluster)

    for path, method in streaming().items():
        request = GetMessageClass(method.input_type)(**fields.get(path, {}))
        with grpc.insecure_channel(cluster.server.address.removeprefix("grpc://")) as channel:
            answers = GetMessageClass(method.output_type).FromString
            if method.client_streaming:
                call = channel.stream_stream(path, type(request).SerializeToString, answers)(iter([request]))
            else:
                call = channel.unary_stream(path, type(request).SerializeToString, answers)(request)
            if path not in _SILENT:
                next(call)
            call.cancel()

    assert set(held.of_methods) >= set(streaming()) - _SILENT
    assert {method: counts for method, counts in held.of_methods.items() if counts != {0}} == {}
