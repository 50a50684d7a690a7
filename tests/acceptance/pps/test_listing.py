"""What is asked about pipelines, jobs and datums: filters, pages, previews, summaries."""

import base64
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import grpc
import pytest
from google.protobuf.empty_pb2 import Empty

from trunkline.db.tables import jobs
from trunkline.model.ids import new_id
from trunkline.proto import pfs_pb2, pps_pb2
from trunkline.testing.cluster import Cluster, pfs, shell

OK = shell("cp /pfs/in/* /pfs/out/")


@pytest.fixture(scope="module")
def jobs_of_copy(cluster: Cluster) -> list[pps_pb2.JobInfo]:
    """Four jobs of a pipeline ``copy`` over a repo ``in`` of three files."""
    cluster.create_repo("in")
    cluster.create({"pipeline": {"name": "copy"}, "transform": OK, "input": pfs("in")})
    for name in "abc":
        cluster.finished_job("copy")
        cluster.put("in", {f"/{name}": name})
    cluster.finished_job("copy")
    return cluster.jobs("copy")


def ids(infos: list[pps_pb2.JobInfo]) -> list[str]:
    return [info.job.id for info in infos]


def test_jobs_come_in_pages_either_way(cluster: Cluster, jobs_of_copy: list[pps_pb2.JobInfo]) -> None:
    expected = ids(jobs_of_copy)
    assert len(expected) == 4

    first = cluster.jobs("copy", number=3)
    second = cluster.jobs("copy", number=3, paginationMarker=first[-1].created)
    oldest = cluster.jobs("copy", number=2, reverse=True)
    newest = cluster.jobs("copy", number=9, reverse=True, paginationMarker=oldest[-1].created)

    assert ids(first) + ids(second) == expected
    assert ids(oldest) + ids(newest) == expected[::-1]


def test_job_sets_come_in_pages(cluster: Cluster, jobs_of_copy: list[pps_pb2.JobInfo]) -> None:
    def listed(**options: object) -> list[pps_pb2.JobSetInfo]:
        return list(cluster.pps.ListJobSet(pps_pb2.ListJobSetRequest(**options)))  # type: ignore[arg-type]

    first = listed(number=2)
    rest = listed(paginationMarker=first[-1].jobs[0].created)

    assert [each.job_set.id for each in first + rest] == ids(jobs_of_copy)


def test_filters_see_snake_case_and_drop_what_they_find_false(
    cluster: Cluster, jobs_of_copy: list[pps_pb2.JobInfo]
) -> None:
    program = '.state == "JOB_SUCCESS" and (.data_total | tonumber?) == 2'

    found = cluster.jobs("copy", jqFilter=program)

    assert ids(found) == [jobs_of_copy[1].job.id]
    assert cluster.jobs("copy", jqFilter=".nothing") == []
    request = pps_pb2.ListPipelineRequest(jqFilter='.details.transform.cmd[0] == "sh"')
    assert [info.pipeline.name for info in cluster.pps.ListPipeline(request)] == ["copy"]


@pytest.mark.parametrize("program", ["not a filter {", ".a.b.c | error", "def loop: loop; loop"])
def test_a_bad_or_endless_filter_is_refused_and_harms_nobody(
    cluster: Cluster, jobs_of_copy: list[pps_pb2.JobInfo], program: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("trunkline.api.pps.jq_filter.SECONDS_MAX", 2.0)

    with pytest.raises(grpc.RpcError) as refused:
        cluster.jobs("copy", jqFilter=program)

    assert refused.value.code() is grpc.StatusCode.INVALID_ARGUMENT
    assert "jq filter" in str(refused.value.details())


def test_history_is_told_only_where_it_is_asked_for(cluster: Cluster) -> None:
    cluster.create_repo("versions")
    for number in range(3):
        transform = {**OK, "env": {"N": str(number)}}
        cluster.create(
            {"pipeline": {"name": "versioned"}, "transform": transform, "input": pfs("versions")}, update=True
        )
        cluster.finished_job("versioned")

    def versions(history: int) -> list[int]:
        return [info.pipeline_version for info in cluster.jobs("versioned", history=history)]

    assert (versions(0), versions(1), versions(-1)) == ([3], [3, 2], [3, 2, 1])


def test_listing_datums_of_an_input_runs_nothing(cluster: Cluster, jobs_of_copy: list[pps_pb2.JobInfo]) -> None:
    node = pps_pb2.Input(pfs=pps_pb2.PFSInput(repo="in", glob="/*"))

    found = list(cluster.pps.ListDatum(pps_pb2.ListDatumRequest(input=node)))

    assert [[file.file.path for file in info.data] for info in found] == [["/a"], ["/b"], ["/c"]]
    assert {info.state for info in found} == {pps_pb2.DatumState.UNKNOWN}
    of_job = cluster.pps.ListDatum(pps_pb2.ListDatumRequest(job=jobs_of_copy[0].job))
    assert {info.datum.id for info in of_job} == {
        info.datum.id
        for info in cluster.pps.ListDatum(
            pps_pb2.ListDatumRequest(input=pps_pb2.Input(pfs=pps_pb2.PFSInput(repo="in", glob="/*", name="in")))
        )
    }
    cron = pps_pb2.Input(cron=pps_pb2.CronInput(name="x", spec="@never"))
    with pytest.raises(grpc.RpcError) as refused:
        list(cluster.pps.ListDatum(pps_pb2.ListDatumRequest(input=cron)))
    assert "can't list datums with a cron input" in str(refused.value.details())


def test_datums_are_created_in_batches_until_there_are_none(cluster: Cluster) -> None:
    cluster.create_repo("fifty")
    cluster.put("fifty", {f"/{number:02}": "x" for number in range(50)})
    sizes = [10, 5, 20, 10, 50]
    received: list[int] = []

    def requests() -> Iterator[pps_pb2.CreateDatumRequest]:
        node = pps_pb2.Input(pfs=pps_pb2.PFSInput(repo="fifty", glob="/*"))
        yield pps_pb2.CreateDatumRequest(start=pps_pb2.StartCreateDatumRequest(input=node, number=sizes[0]))
        for size in sizes[1:]:
            yield pps_pb2.CreateDatumRequest(**{"continue": pps_pb2.ContinueCreateDatumRequest(number=size)})

    received = [len(info.data) for info in cluster.pps.CreateDatum(requests())]

    assert received == [1] * 50


def test_a_running_datum_starts_again_when_asked(cluster: Cluster, tmp_path: object) -> None:
    cluster.create_repo("hung")
    gate, started = f"{tmp_path}/gate", f"{tmp_path}/started"
    script = f"echo . >> {started}; while [ ! -e {gate} ]; do sleep 0.05; done; wc -l < {started} > /pfs/out/tries"
    cluster.create({"pipeline": {"name": "hanging"}, "transform": shell(script), "input": pfs("hung")})
    cluster.finished_job("hanging")
    cluster.put("hung", {"/file": "x"})
    job = cluster.jobs("hanging")[0].job

    def lines() -> int:
        try:
            with open(started) as file:
                return len(file.readlines())
        except FileNotFoundError:
            return 0

    cluster.until(lambda: lines() == 1)
    cluster.pps.RestartDatum(pps_pb2.RestartDatumRequest(job=job, data_filters=["/file"]))
    cluster.until(lambda: lines() == 2)
    open(gate, "w").close()

    assert cluster.finished_job("hanging").state == pps_pb2.JobState.JOB_SUCCESS
    assert cluster.files("hanging")["/tries"].strip() == "2"


def test_no_running_datum_to_restart_is_said_in_the_words_of_the_field(
    cluster: Cluster, jobs_of_copy: list[pps_pb2.JobInfo]
) -> None:
    job = jobs_of_copy[0].job

    with pytest.raises(grpc.RpcError) as refused:
        cluster.pps.RestartDatum(pps_pb2.RestartDatumRequest(job=job, data_filters=["/a"]))

    expected = f"datum matching filter [/a] could not be found for job ID {job.id}"
    assert refused.value.details() == expected


def test_failing_and_paused_pipelines_are_counted_and_alerted(cluster: Cluster) -> None:
    cluster.pfs.CreateProject(pfs_pb2.CreateProjectRequest(project=pfs_pb2.Project(name="sick")))
    cluster.create_repo("germs")
    cluster.put("germs", {"/g": "g"})
    project = {"project": {"name": "sick"}}
    read = pfs("germs", project="default")
    cluster.create({"pipeline": {"name": "fails", **project}, "transform": shell("exit 7"), "input": read})
    cluster.create({"pipeline": {"name": "idle", **project}, "transform": {"image": "x"}, "input": read})
    cluster.create({"pipeline": {"name": "still", **project}, "transform": shell("true"), "input": read})
    named = pps_pb2.Pipeline(name="still", project=pfs_pb2.Project(name="sick"))
    cluster.pps.StopPipeline(pps_pb2.StopPipelineRequest(pipeline=named))
    sick = pfs_pb2.Project(name="sick")
    job = next(iter(cluster.pps.ListJob(pps_pb2.ListJobRequest(pipeline={"name": "fails", **project}))))
    cluster.pps.InspectJob(pps_pb2.InspectJobRequest(job=job.job, wait=True))

    alerts = {s.pipeline.name: s.alerts[0] for s in cluster.pps.CheckStatus(pps_pb2.CheckStatusRequest(project=sick))}
    request = pps_pb2.PipelinesSummaryRequest(projects=[pfs_pb2.ProjectPicker(name="sick")])
    [summary] = cluster.pps.PipelinesSummary(request).summaries

    assert alerts.keys() == {"fails", "idle"}
    assert "ended as FAILURE" in alerts["fails"]
    assert "nothing to run: no transform.cmd" in alerts["idle"]
    assert (summary.active_pipelines, summary.paused_pipelines, summary.failed_pipelines) == (1, 1, 1)
    assert summary.unhealthy_pipelines >= 1


def test_pipelines_of_a_set_that_is_not_there_are_no_empty_list(cluster: Cluster) -> None:
    request = pps_pb2.ListPipelineRequest(commit_set=pfs_pb2.CommitSet(id="absent"))

    with pytest.raises(grpc.RpcError, match="no commits found for commitset absent") as refused:
        list(cluster.pps.ListPipeline(request))

    assert refused.value.code() == grpc.StatusCode.NOT_FOUND


def test_the_state_of_a_job_that_has_ended_stays(cluster: Cluster, jobs_of_copy: list[pps_pb2.JobInfo]) -> None:
    killed = pps_pb2.JobState.JOB_KILLED

    with pytest.raises(grpc.RpcError) as refused:
        cluster.pps.UpdateJobState(pps_pb2.UpdateJobStateRequest(job=jobs_of_copy[0].job, state=killed))

    assert "has already finished" in str(refused.value.details())


def test_a_set_of_jobs_is_deleted_by_its_id(cluster: Cluster, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PACHD_ADDRESS", cluster.server.address)
    monkeypatch.setenv("PACH_CONFIG", str(tmp_path / "config.json"))
    cluster.create_repo("set")
    cluster.create({"pipeline": {"name": "one"}, "transform": shell("true"), "input": pfs("set")})
    cluster.create({"pipeline": {"name": "two"}, "transform": shell("true"), "input": pfs("one")})
    cluster.put("set", {"/x": "x"})
    job_set = cluster.finished_job("two").job.id
    before = [len(cluster.jobs("one")), len(cluster.jobs("two"))]

    program = Path(sys.executable).parent / "pachctl"
    subprocess.run([str(program), "delete", "job", job_set], check=True)

    assert [len(cluster.jobs("one")), len(cluster.jobs("two"))] == [count - 1 for count in before]
    with pytest.raises(grpc.RpcError) as gone:
        list(cluster.pps.InspectJobSet(pps_pb2.InspectJobSetRequest(job_set=pps_pb2.JobSet(id=job_set))))
    assert gone.value.code() is grpc.StatusCode.NOT_FOUND


def test_logs_are_filtered_by_path_or_hash_of_an_input(cluster: Cluster) -> None:
    cluster.create_repo("talk")
    cluster.put("talk", {"/a": "a", "/b": "b"})
    cluster.create({"pipeline": {"name": "talks"}, "transform": shell("ls /pfs/talk"), "input": pfs("talk")})
    job = cluster.finished_job("talks").job
    datums = cluster.pps.ListDatum(pps_pb2.ListDatumRequest(job=job))
    hash_of_b = next(info.data[0].hash for info in datums if info.data[0].file.path == "/b")

    assert cluster.logs(job, data_filters=["/a"]) == ["a"]
    assert cluster.logs(job, data_filters=[hash_of_b.hex()]) == ["b"]
    assert cluster.logs(job, data_filters=[base64.b64encode(hash_of_b).decode()]) == ["b"]
    assert cluster.logs(job, data_filters=["/a", "/b"]) == []


def test_deleting_everything_leaves_no_pipeline(cluster: Cluster) -> None:
    cluster.create_repo(f"last-{new_id()[:8]}")

    cluster.pps.DeleteAll(Empty())

    assert list(cluster.pps.ListPipeline(pps_pb2.ListPipelineRequest())) == []
    assert list(cluster.pps.ListJob(pps_pb2.ListJobRequest())) == []


def test_pages_lose_no_job_and_no_set_when_many_are_made_at_once(cluster: Cluster) -> None:
    cluster.create_repo("wide")
    for number in range(6):
        cluster.create({"pipeline": {"name": f"wide{number}"}, "transform": OK, "input": pfs("wide", name="in")})
    cluster.put("wide", {"/file": "x"})
    for number in range(6):
        cluster.finished_job(f"wide{number}")
    with cluster.server.versioning.transaction() as tx:  # as if all were made in one transaction
        tx.connection.execute(jobs.update().values(created_at=1_700_000_000_000_000))
    everything = list(cluster.pps.ListJob(pps_pb2.ListJobRequest()))
    all_sets = list(cluster.pps.ListJobSet(pps_pb2.ListJobSetRequest()))

    for reverse in (False, True):
        for size in (1, 4):
            found, sets = [], []
            request = pps_pb2.ListJobRequest(number=size, reverse=reverse)
            while page := list(cluster.pps.ListJob(request)):
                found += page
                request.paginationMarker.CopyFrom(page[-1].created)
            set_request = pps_pb2.ListJobSetRequest(number=size, reverse=reverse)
            while set_page := list(cluster.pps.ListJobSet(set_request)):
                sets += [each.job_set.id for each in set_page]
                set_request.paginationMarker.CopyFrom(set_page[-1].jobs[0].created)

            expected = [info.job for info in everything]
            assert [info.job for info in found] == (expected[::-1] if reverse else expected)
            set_ids = [each.job_set.id for each in all_sets]
            assert sets == (set_ids[::-1] if reverse else set_ids)


def test_a_marker_of_a_job_that_is_gone_loses_none_of_its_time(cluster: Cluster) -> None:
    found = list(cluster.pps.ListJob(pps_pb2.ListJobRequest()))
    assert len({info.created.ToMicroseconds() for info in found}) == 1  # see the story before
    cluster.pps.DeleteJob(pps_pb2.DeleteJobRequest(job=found[2].job))

    rest = cluster.pps.ListJob(pps_pb2.ListJobRequest(paginationMarker=found[2].created))

    assert {info.job.id + info.job.pipeline.name for info in rest} >= {
        info.job.id + info.job.pipeline.name for info in found[3:]
    }


def test_datums_in_a_state_that_no_record_has_are_none(cluster: Cluster) -> None:
    cluster.create_repo("single")
    cluster.put("single", {"/file": "x"})
    cluster.create({"pipeline": {"name": "singles"}, "transform": OK, "input": pfs("single", name="in")})
    job = cluster.finished_job("singles").job

    def listed(*states: Any) -> int:
        request = pps_pb2.ListDatumRequest(job=job, filter={"state": states})
        return len(list(cluster.pps.ListDatum(request)))

    assert listed(pps_pb2.DatumState.STARTING) == listed(pps_pb2.DatumState.UNKNOWN) == 0
    assert listed(pps_pb2.DatumState.SUCCESS, pps_pb2.DatumState.STARTING) == listed() == 1
    with pytest.raises(grpc.RpcError, match="77 is not one of"):
        listed(77)
