"""Jobs of one pipeline overlap: what is new in the later one runs while the earlier one does, the rest waits."""

import threading
from collections import Counter
from collections.abc import Iterator, Mapping

import pytest

from trunkline.model.datums import Datum, DatumSet
from trunkline.proto import pps_pb2
from trunkline.testing.cluster import Cluster, open_cluster, pfs
from trunkline.testing.in_process import DatumError

SUCCESS, FAILURE, KILLED, RUNNING = (
    getattr(pps_pb2.JobState, f"JOB_{name}") for name in ("SUCCESS", "FAILURE", "KILLED", "RUNNING")
)


class Copier:
    """Copies; waits at ``/slow`` until the gate opens, and counts what it ran."""

    def __init__(self) -> None:
        self.gate = threading.Event()
        self.ran: Counter[str] = Counter()
        self.fails = False

    def __call__(self, datum_set: DatumSet, datum: Datum, seen: Mapping[str, bytes]) -> dict[str, bytes]:
        path = datum.inputs[0].path
        self.ran[path] += 1
        if path == "/slow":
            assert self.gate.wait(60)
            if self.fails:
                raise DatumError("it was bad")
        return {path: b"".join(seen.values())}


@pytest.fixture
def copier() -> Copier:
    return Copier()


@pytest.fixture
def cluster(tmp_path: object, copier: Copier) -> Iterator[Cluster]:
    """A server on which a first job is good, a second one waits at ``/slow``, and a third has something of its own."""
    opened, close = open_cluster(tmp_path / "home", program=copier)  # type: ignore[operator]
    opened.create_repo("in")
    opened.put("in", {"/old": "old", "/kept": "kept"})
    opened.create({"pipeline": {"name": "copy"}, "input": pfs("in"), "transform": {"cmd": ["copy"]}})
    opened.finished_job("copy")
    opened.put("in", {"/slow": "slow"})
    opened.until(lambda: copier.ran["/slow"])
    opened.put("in", {"/new": "new", "/old": "changed"})
    opened.until(lambda: opened.jobs("copy")[0].data_processed == 1)
    yield opened
    copier.gate.set()
    close()


def test_new_datums_run_while_the_job_before_does_and_the_others_wait(cluster: Cluster, copier: Copier) -> None:
    later, earlier, _ = cluster.jobs("copy")
    assert (later.state, earlier.state) == (RUNNING, RUNNING)
    assert copier.ran == {"/old": 1, "/kept": 1, "/slow": 1, "/new": 1}

    copier.gate.set()
    ended = cluster.finished_job("copy")

    assert (ended.state, ended.data_total, ended.data_processed, ended.data_skipped) == (SUCCESS, 4, 2, 2)
    assert copier.ran == {"/old": 2, "/kept": 1, "/slow": 1, "/new": 1}
    assert cluster.files("copy") == {"/kept": "kept", "/new": "new", "/old": "changed", "/slow": "slow"}


def test_when_the_job_before_fails_the_later_one_builds_on_the_last_good_one(cluster: Cluster, copier: Copier) -> None:
    copier.fails = True
    copier.gate.set()
    earlier = cluster.jobs("copy")[1].job
    assert cluster.pps.InspectJob(pps_pb2.InspectJobRequest(job=earlier, wait=True)).state == FAILURE

    cluster.put("in", {}, deleted=("/slow",))
    ended = cluster.finished_job("copy")

    # The third failed at /slow as well, so the fourth builds on the first.
    assert [job.state for job in cluster.jobs("copy")] == [SUCCESS, FAILURE, FAILURE, SUCCESS]
    assert (ended.data_total, ended.data_processed, ended.data_skipped) == (3, 2, 1)
    assert cluster.files("copy") == {"/kept": "kept", "/new": "new", "/old": "changed"}


def test_a_job_that_waits_for_the_one_before_can_be_stopped(cluster: Cluster, copier: Copier) -> None:
    later = cluster.jobs("copy")[0].job

    cluster.pps.StopJob(pps_pb2.StopJobRequest(job=later))
    copier.gate.set()

    assert cluster.finished_job("copy").state == KILLED
    cluster.put("in", {"/last": "last"})
    assert cluster.finished_job("copy").state == SUCCESS
    assert cluster.files("copy") == {
        "/kept": "kept",
        "/last": "last",
        "/new": "new",
        "/old": "changed",
        "/slow": "slow",
    }
