"""Jobs of one pipeline overlap: what is new in the later one runs while the earlier one does, the rest waits."""

import shutil
import threading
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from trunkline.db.engine import Database
from trunkline.model.datums import Datum, DatumSet
from trunkline.pfs.garbage import Garbage
from trunkline.pfs.transaction import Transaction
from trunkline.pfs.versioning import now
from trunkline.pps.controller import deadline_of
from trunkline.pps.jobs.moves import kill_job
from trunkline.pps.queries.jobs import unfinished_jobs
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
def cluster(tmp_path: Path, copier: Copier) -> Iterator[Cluster]:
    """A server on which a first job is good, a second one waits at ``/slow``, and a third has something of its own."""
    opened, close = open_cluster(tmp_path / "home", program=copier)
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


ALL = {"/kept": "kept", "/new": "new", "/old": "changed", "/slow": "slow"}
PIPELINE = pps_pb2.Pipeline(name="copy")


def counts(job: pps_pb2.JobInfo) -> tuple[int, int, int, int]:
    """Return (total, processed, skipped, restart)."""
    return job.data_total, job.data_processed, job.data_skipped, job.restart


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


# However the job before ends


def test_the_job_before_is_stopped(cluster: Cluster, copier: Copier) -> None:
    cluster.pps.StopJob(pps_pb2.StopJobRequest(job=cluster.jobs("copy")[1].job))

    # It does not wait for what the stopped job still has under way; /slow is its own to run now, at the gate.
    cluster.until(lambda: copier.ran["/slow"] == 2)
    copier.gate.set()
    ended = cluster.finished_job("copy")

    assert (ended.state, ended.reason, counts(ended)) == (SUCCESS, "", (4, 3, 1, 0))
    assert copier.ran == {"/old": 2, "/kept": 1, "/slow": 2, "/new": 1}
    assert cluster.files("copy") == ALL


def test_the_job_before_is_deleted(cluster: Cluster, copier: Copier) -> None:
    cluster.pps.DeleteJob(pps_pb2.DeleteJobRequest(job=cluster.jobs("copy")[1].job))
    copier.gate.set()

    ended = cluster.finished_job("copy")

    assert (ended.state, ended.reason, counts(ended)) == (SUCCESS, "", (4, 3, 1, 0))
    assert [job.state for job in cluster.jobs("copy")] == [SUCCESS, SUCCESS]
    assert cluster.files("copy") == ALL


def test_a_datum_that_turns_out_not_to_be_new_is_there_once(tmp_path: Path, copier: Copier) -> None:
    """A job runs what is new against two others, and then builds on a third, which has just that: records may go."""
    cluster, close = open_cluster(tmp_path / "home", program=copier)
    cluster.create_repo("in")
    cluster.put("in", {"/back": "back", "/kept": "kept"})
    cluster.create({"pipeline": {"name": "copy"}, "input": pfs("in"), "transform": {"cmd": ["copy"]}})
    cluster.finished_job("copy")
    cluster.put("in", {}, deleted=("/back",))
    gone = cluster.finished_job("copy").job
    cluster.put("in", {"/slow": "slow"})
    cluster.until(lambda: copier.ran["/slow"])
    cluster.put("in", {"/back": "back"}, deleted=("/slow",))
    cluster.until(lambda: cluster.jobs("copy")[0].data_processed == 1)

    cluster.pps.DeleteJob(pps_pb2.DeleteJobRequest(job=gone))
    copier.fails = True
    copier.gate.set()
    ended = cluster.finished_job("copy")

    assert (ended.state, counts(ended)) == (SUCCESS, (2, 1, 1, 0))
    assert cluster.files("copy") == {"/back": "back", "/kept": "kept"}
    cluster.put("in", {}, deleted=("/back",))
    assert counts(cluster.finished_job("copy")) == (1, 0, 1, 0)
    assert cluster.files("copy") == {"/kept": "kept"}
    close()


# What happens to the pipeline meanwhile


def test_an_update_ends_both_and_the_new_version_builds_on_the_last_good_job(cluster: Cluster, copier: Copier) -> None:
    spec = {"pipeline": {"name": "copy"}, "input": pfs("in"), "transform": {"cmd": ["copy", "again"]}}
    cluster.create(spec, update=True)
    copier.gate.set()

    ended = cluster.finished_job("copy")

    assert (ended.state, counts(ended)) == (SUCCESS, (4, 3, 1, 0))
    all_jobs = cluster.jobs("copy", history=-1)
    assert [job.state for job in all_jobs] == [SUCCESS, KILLED, KILLED, SUCCESS]
    assert {job.reason for job in all_jobs[1:3]} == {
        "all jobs killed because pipeline was updated, and they were of an older version"
    }
    assert cluster.files("copy") == ALL


def test_stopping_the_pipeline_ends_both_and_starting_it_runs_one(cluster: Cluster, copier: Copier) -> None:
    cluster.pps.StopPipeline(pps_pb2.StopPipelineRequest(pipeline=PIPELINE))
    assert [(job.state, job.reason) for job in cluster.jobs("copy")[:2]] == [(KILLED, "pipeline stopped")] * 2
    copier.gate.set()
    cluster.pps.StartPipeline(pps_pb2.StartPipelineRequest(pipeline=PIPELINE))

    ended = cluster.finished_job("copy")

    assert (ended.state, counts(ended)) == (SUCCESS, (4, 3, 1, 0))
    assert cluster.files("copy") == ALL


def test_a_pipeline_is_deleted_and_made_anew_while_two_jobs_run(cluster: Cluster, copier: Copier) -> None:
    cluster.pps.DeletePipeline(pps_pb2.DeletePipelineRequest(pipeline=PIPELINE))
    copier.gate.set()
    cluster.create({"pipeline": {"name": "copy"}, "input": pfs("in"), "transform": {"cmd": ["copy"]}})

    ended = cluster.finished_job("copy")

    assert (ended.state, counts(ended)) == (SUCCESS, (4, 4, 0, 0))
    assert len(cluster.jobs("copy")) == 1
    assert cluster.files("copy") == ALL


def test_garbage_collection_spares_what_ran_early(cluster: Cluster, copier: Copier) -> None:
    garbage = Garbage(cluster.server.versioning)
    for _ in range(3):
        garbage.collect(grace_seconds=0)
    copier.gate.set()

    assert cluster.finished_job("copy").state == SUCCESS
    for _ in range(3):
        garbage.collect(grace_seconds=0)

    assert cluster.files("copy") == ALL


def test_the_job_before_runs_out_of_time(tmp_path: Path, copier: Copier) -> None:
    cluster, close = open_cluster(tmp_path / "home", program=copier)
    cluster.create_repo("in")
    cluster.put("in", {"/slow": "slow"})
    spec = {"pipeline": {"name": "copy"}, "input": pfs("in"), "transform": {"cmd": ["copy"]}}
    cluster.create(spec | {"job_timeout": "1s"})
    cluster.until(lambda: copier.ran["/slow"])
    cluster.put("in", {"/new": "new"}, deleted=("/slow",))
    earlier = cluster.jobs("copy")[1].job

    timed_out = cluster.pps.InspectJob(pps_pb2.InspectJobRequest(job=earlier, wait=True))
    copier.gate.set()
    ended = cluster.finished_job("copy")

    assert (timed_out.state, timed_out.reason) == (KILLED, "jobtimed out")
    assert (ended.state, counts(ended)) == (SUCCESS, (1, 1, 0, 0))
    close()


def test_waiting_does_not_count_as_time_of_a_job() -> None:
    assert deadline_of(started_at=5_000_000, ended_before_at=1_000_000, timeout_seconds=2) == 7_000_000
    assert deadline_of(started_at=5_000_000, ended_before_at=60_000_000, timeout_seconds=2) == 62_000_000


# Servers that end meanwhile; tests/acceptance/test_pipelines.py kills real ones


@dataclass
class Successor:
    """Opens a server on what a killed one would have left: its state directory as it is at a moment of rest."""

    home: Path
    program: Copier
    opened: list[Callable[[], None]] = field(default_factory=list)

    def __call__(self, change: Callable[[Transaction], None] = lambda _: None) -> Cluster:
        left = self.home.with_name("left")
        shutil.copytree(self.home, left)
        (left / "server.json").unlink()
        database = Database(f"sqlite:///{left / 'metadata.db'}")
        with database.write() as connection:
            change(Transaction(connection, "", now()))
        database.close()
        cluster, close = open_cluster(left, program=self.program)
        self.opened.append(close)
        return cluster


@pytest.fixture
def succeed(cluster: Cluster, tmp_path: Path) -> Iterator[Successor]:
    program = Copier()
    program.gate.set()
    successor = Successor(tmp_path / "home", program)
    yield successor
    for close in successor.opened:
        close()


def test_after_a_crash_the_job_that_waited_keeps_what_it_ran(cluster: Cluster, succeed: Successor) -> None:
    after = succeed()

    ended = after.finished_job("copy")

    earlier = after.jobs("copy")[1]
    assert (earlier.state, earlier.reason, counts(earlier)) == (SUCCESS, "", (3, 1, 2, 1))
    assert (ended.state, ended.reason, counts(ended)) == (SUCCESS, "", (4, 2, 2, 1))
    assert succeed.program.ran == {"/slow": 1, "/old": 1}
    assert after.files("copy") == ALL


def test_after_a_crash_between_the_end_of_one_job_and_the_plan_of_the_next(
    cluster: Cluster, succeed: Successor
) -> None:
    def end_first(tx: Transaction) -> None:
        kill_job(tx, unfinished_jobs(tx.connection)[0], "job stopped")

    after = succeed(end_first)

    ended = after.finished_job("copy")

    assert [job.state for job in after.jobs("copy")] == [SUCCESS, KILLED, SUCCESS]
    assert (ended.reason, counts(ended)) == ("", (4, 3, 1, 1))
    assert succeed.program.ran == {"/slow": 1, "/old": 1}
    assert after.files("copy") == ALL


def test_a_job_that_fails_after_a_crash_was_begun_again_once(cluster: Cluster, succeed: Successor) -> None:
    succeed.program.fails = True

    after = succeed()

    ended = after.finished_job("copy")
    assert [(job.state, job.restart) for job in after.jobs("copy")[:2]] == [(FAILURE, 1), (FAILURE, 1)]
    assert "it was bad" in ended.reason
