"""What becomes of a job whose results cannot be kept."""

from collections.abc import Callable
from concurrent.futures import Future
from pathlib import Path

import grpc

from trunkline.app.server import Server, ServerOptions
from trunkline.model.datums import AtWork, DatumResult, DatumSet, DatumSetResult, DatumState
from trunkline.proto import pfs_pb2_grpc, pps_pb2, pps_pb2_grpc
from trunkline.testing.cluster import Cluster, pfs, shell


class Confused:
    """An engine that answers the first set for a datum of others; the other sets run until they are cancelled."""

    def __init__(self) -> None:
        self.futures: list[Future[DatumSetResult]] = []
        self.state_of_job: Callable[[], int] = lambda: 0
        self.state_when_cancelled: int | None = None

    def submit(self, datum_set: DatumSet) -> Future[DatumSetResult]:
        future: Future[DatumSetResult] = Future()
        self.futures.append(future)
        if len(self.futures) == 3:
            answer = (DatumResult("f" * 64, DatumState.SUCCESS),)
            self.futures[0].set_result(DatumSetResult(datum_set.job, 0, 1, answer, layer=""))
        return future

    def capacity(self) -> int:
        return 4

    def cancel(self, job: str) -> None:
        if self.state_when_cancelled is None:
            self.state_when_cancelled = self.state_of_job()
        for future in self.futures:
            future.cancel()

    def running(self, job: str) -> list[DatumSet]:
        return []

    def at_work(self, job: str) -> list[AtWork]:
        return []

    def restart(self, job: str, index: int) -> None:
        pass

    def close(self) -> None:
        self.cancel("")


def test_the_other_sets_of_a_job_that_ends_by_an_error_are_cancelled(tmp_path: Path) -> None:
    """They would run on as orphans, on workers that other jobs wait for."""
    engine = Confused()
    options = ServerOptions(home=tmp_path / "home", host="127.0.0.1", grpc_port=0, http_port=0)
    server = Server(options, open_executor=lambda _: engine)
    with grpc.insecure_channel(server.address.removeprefix("grpc://")) as channel:
        cluster = Cluster(server, pfs_pb2_grpc.APIStub(channel), pps_pb2_grpc.APIStub(channel))
        engine.state_of_job = lambda: cluster.jobs("p")[0].state
        cluster.create_repo("in")
        cluster.put("in", {f"/{number}": "x" for number in range(8)})
        one_each = {"datumSetSpec": {"number": 1}}
        cluster.create({"pipeline": {"name": "p"}, "transform": shell("true"), "input": pfs("in"), **one_each})
        job = cluster.finished_job("p")
        left = [future for future in engine.futures if not future.done()]
        server.close()

    assert job.state == pps_pb2.JobState.JOB_FAILURE
    assert "internal error" in job.reason
    assert len(engine.futures) >= 3
    assert left == []
    # Not by the loop that looks after jobs that people have stopped: it knows of this one only for a moment.
    assert engine.state_when_cancelled == pps_pb2.JobState.JOB_RUNNING
