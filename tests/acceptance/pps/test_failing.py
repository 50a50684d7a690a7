"""Datums and jobs that fail, recover, run out of time or are stopped."""

from pathlib import Path

import grpc
import pytest

from trunkline.proto import pps_pb2, taskapi_pb2
from trunkline.testing.cluster import Cluster, pfs, shell

SUCCESS = pps_pb2.JobState.JOB_SUCCESS
FAILURE = pps_pb2.JobState.JOB_FAILURE
KILLED = pps_pb2.JobState.JOB_KILLED
COPY = "f=$(ls /pfs/data); grep -q bad /pfs/data/$f && exit 9; cp /pfs/data/$f /pfs/out/"


def data(repo: str) -> dict[str, object]:
    return pfs(repo, name="data")


def datums(cluster: Cluster, job: pps_pb2.JobInfo) -> dict[str, pps_pb2.DatumInfo]:
    found = cluster.pps.ListDatum(pps_pb2.ListDatumRequest(job=job.job))
    return {info.data[0].file.path: info for info in found}


def test_a_recovered_datum_gives_no_output_lets_the_job_succeed_and_runs_again(cluster: Cluster, repo: str) -> None:
    cluster.put(repo, {"/good": "good", "/poor": "bad"})
    transform = shell(COPY, err_cmd=["sh"], err_stdin=["grep -q bad /pfs/data/*"])
    cluster.create({"pipeline": {"name": "recovers"}, "transform": transform, "input": data(repo)})

    job = cluster.finished_job("recovers")

    assert (job.state, job.data_processed, job.data_recovered, job.data_failed) == (SUCCESS, 1, 1, 0)
    assert cluster.files("recovers") == {"/good": "good"}
    assert datums(cluster, job)["/poor"].state == pps_pb2.DatumState.RECOVERED
    cluster.put(repo, {"/more": "more"})
    job = cluster.finished_job("recovers")
    assert (job.data_processed, job.data_recovered, job.data_skipped) == (1, 1, 1)


def test_an_error_command_that_fails_too_leaves_the_datum_failed(cluster: Cluster, repo: str) -> None:
    cluster.put(repo, {"/poor": "bad"})
    transform = shell(COPY, err_cmd=["false"])
    cluster.create({"pipeline": {"name": "sinks"}, "transform": transform, "input": data(repo), "datum_tries": 2})

    job = cluster.finished_job("sinks")

    assert (job.state, job.data_failed) == (FAILURE, 1)
    assert datums(cluster, job)["/poor"].tries == 2


def test_accepted_return_codes_count_as_success(cluster: Cluster, repo: str) -> None:
    cluster.put(repo, {"/a": "a"})
    transform = shell("cp /pfs/data/a /pfs/out/; exit 7", accept_return_code=[7])
    cluster.create({"pipeline": {"name": "accepts"}, "transform": transform, "input": data(repo)})

    assert cluster.finished_job("accepts").state == SUCCESS
    assert cluster.files("accepts") == {"/a": "a"}


def test_a_datum_is_tried_as_often_as_the_spec_says(cluster: Cluster, repo: str, tmp_path: Path) -> None:
    cluster.put(repo, {"/a": "a"})
    tries = tmp_path / "tries"
    script = f"echo . >> {tries}; [ $(wc -l < {tries}) = 4 ] && cp /pfs/data/a /pfs/out/"
    spec = {"pipeline": {"name": "stubborn"}, "transform": shell(script), "input": data(repo), "datum_tries": 5}
    cluster.create(spec)

    job = cluster.finished_job("stubborn")

    assert job.state == SUCCESS
    assert datums(cluster, job)["/a"].tries == 4


def test_a_datum_that_takes_too_long_is_killed_and_said_so(cluster: Cluster, repo: str) -> None:
    cluster.put(repo, {"/a": "a"})
    limits = {"datum_timeout": "0.3s", "datum_tries": 1}
    cluster.create({"pipeline": {"name": "slow"}, "transform": shell("sleep 600"), "input": data(repo), **limits})

    job = cluster.finished_job("slow")

    assert job.state == FAILURE
    assert "timed out after 0.3 s (datumTimeout)" in job.reason


def test_a_job_that_takes_too_long_is_killed_and_the_next_one_runs(cluster: Cluster, repo: str) -> None:
    cluster.put(repo, {"/wait": "600"})
    script = "sleep $(cat /pfs/data/wait)"
    cluster.create({"pipeline": {"name": "late"}, "transform": shell(script), "input": data(repo), "job_timeout": "5s"})

    job = cluster.finished_job("late")

    assert (job.state, job.reason) == (KILLED, "jobtimed out")
    cluster.put(repo, {"/wait": "0"})
    assert cluster.finished_job("late").state == SUCCESS


def test_every_job_means_that_nothing_is_skipped(cluster: Cluster, repo: str) -> None:
    cluster.put(repo, {"/a": "a"})
    spec = {"pipeline": {"name": "always"}, "transform": shell(COPY), "input": data(repo)}
    cluster.create(spec | {"reprocess_spec": "every_job"})
    cluster.finished_job("always")

    cluster.put(repo, {"/b": "b"})

    job = cluster.finished_job("always")
    assert (job.data_processed, job.data_skipped) == (2, 0)
    assert cluster.files("always") == {"/a": "a", "/b": "b"}


def test_stopping_a_running_job_kills_it_and_hides_what_it_wrote(cluster: Cluster, repo: str, tmp_path: Path) -> None:
    cluster.put(repo, {"/a": "a", "/b": "b"})
    script = f"touch {tmp_path}/on; [ -e /pfs/data/a ] && sleep 600; cp /pfs/data/* /pfs/out/"
    cluster.create({"pipeline": {"name": "stopped"}, "transform": shell(script), "input": data(repo)})
    job = cluster.jobs("stopped")[0].job
    cluster.until((tmp_path / "on").exists)

    cluster.pps.StopJob(pps_pb2.StopJobRequest(job=job))

    ended = cluster.finished_job("stopped")
    assert (ended.state, ended.reason) == (KILLED, "job stopped")
    with pytest.raises(grpc.RpcError, match="finished with an error: job stopped"):
        cluster.files("stopped")
    cluster.put(repo, {}, deleted=("/a",))
    done = cluster.finished_job("stopped")
    assert done.state == SUCCESS
    cluster.pps.StopJob(pps_pb2.StopJobRequest(job=done.job))  # it was quicker than who wanted to stop it
    assert cluster.finished_job("stopped").state == SUCCESS
    assert cluster.files("stopped") == {"/b": "b"}


def test_updating_a_pipeline_kills_its_running_job(cluster: Cluster, repo: str, tmp_path: Path) -> None:
    cluster.put(repo, {"/a": "a"})
    spec = {"pipeline": {"name": "renewed"}, "input": data(repo)}
    cluster.create(spec | {"transform": shell(f"touch {tmp_path}/on; sleep 600")})
    old = cluster.jobs("renewed")[0].job
    cluster.until((tmp_path / "on").exists)

    cluster.create(spec | {"transform": shell(COPY)}, update=True)

    assert cluster.finished_job("renewed").state == SUCCESS
    killed = cluster.pps.InspectJob(pps_pb2.InspectJobRequest(job=old, wait=True))
    assert killed.state == KILLED
    assert "all jobs killed because pipeline was updated" in killed.reason


def test_what_runs_is_listed_as_tasks(cluster: Cluster, repo: str, tmp_path: Path) -> None:
    def tasks(**group: str) -> list[taskapi_pb2.TaskInfo]:
        return list(cluster.pps.ListTask(taskapi_pb2.ListTaskRequest(group=taskapi_pb2.Group(**group))))

    gate = tmp_path / "gate"
    cluster.put(repo, {"/a": "a"})
    wait = shell(f"touch {tmp_path}/on; while [ ! -e {gate} ]; do sleep 0.02; done")
    cluster.create({"pipeline": {"name": "tasks"}, "transform": wait, "input": data(repo)})
    job = cluster.jobs("tasks")[0].job
    cluster.until((tmp_path / "on").exists)

    (task,) = tasks(group=job.id)
    assert (task.group.namespace, task.state) == ("default/tasks", taskapi_pb2.State.RUNNING)
    assert task in tasks()
    assert tasks(namespace="default/absent") == []
    request = taskapi_pb2.ListTaskRequest(group=taskapi_pb2.Group())
    assert list(cluster.pfs.ListTask(request)) == []

    gate.touch()
    cluster.finished_job("tasks")
    assert tasks(group=job.id) == []


def test_after_a_failure_among_new_datums_those_of_the_base_are_not_run(cluster: Cluster, repo: str) -> None:
    """Two phases: every new datum is tried; the changed ones only if none of the new ones failed."""
    cluster.put(repo, {"/old": "1"})
    spec = {"pipeline": {"name": "phased"}, "transform": shell(COPY), "input": data(repo), "datum_tries": 1}
    cluster.create(spec)
    cluster.finished_job("phased")

    cluster.put(repo, {"/old": "2", "/new1": "bad", "/new2": "fine"})

    job = cluster.finished_job("phased")
    assert (job.state, job.data_failed, job.data_processed) == (FAILURE, 1, 1)
    assert datums(cluster, job).keys() == {"/new1", "/new2"}
    with pytest.raises(grpc.RpcError, match="finished with an error: datum"):
        cluster.files("phased")
    assert cluster.files("phased", "master^") == {"/old": "1"}


def test_pipelines_say_how_they_are(cluster: Cluster, repo: str, tmp_path: Path) -> None:
    def state(name: str) -> str:
        request = pps_pb2.InspectPipelineRequest(pipeline=pps_pb2.Pipeline(name=name), details=True)
        return pps_pb2.PipelineState.Name(cluster.pps.InspectPipeline(request).state)

    gate = tmp_path / "gate"
    wait = shell(f"while [ ! -e {gate} ]; do sleep 0.02; done")
    cluster.put(repo, {"/a": "a"})
    cluster.create({"pipeline": {"name": "scales"}, "transform": wait, "input": data(repo), "autoscaling": True})
    cluster.create({"pipeline": {"name": "stays"}, "transform": shell("true"), "input": data(repo)})
    cluster.create({"pipeline": {"name": "idle"}, "transform": {"image": "x"}, "input": data(repo)})

    assert (state("scales"), state("idle")) == ("PIPELINE_RUNNING", "PIPELINE_FAILURE")
    gate.touch()
    cluster.finished_job("scales")
    cluster.finished_job("stays")
    assert (state("scales"), state("stays")) == ("PIPELINE_STANDBY", "PIPELINE_RUNNING")
    failed = cluster.finished_job("idle")
    assert (failed.state, failed.reason) == (FAILURE, "nothing to run: no transform.cmd")


def test_a_command_that_is_not_there_is_told_in_the_logs_with_what_to_do(cluster: Cluster, repo: str) -> None:
    cluster.put(repo, {"/a": "a"})
    transform = {"cmd": ["no-such-program"], "env": {"PATH": "/usr/bin:/bin"}}
    cluster.create({"pipeline": {"name": "absent"}, "transform": transform, "input": data(repo), "datum_tries": 1})

    job = cluster.finished_job("absent")

    assert "command 'no-such-program' not found in PATH: install it on this machine" in job.reason
    assert "/usr/bin" not in job.reason
    [line] = [line.message for line in cluster.pps.GetLogs(pps_pb2.GetLogsRequest(job=job.job)) if line.user]
    assert line.endswith("(searched in /usr/bin:/bin)")


def test_pipes_in_the_output_are_told_and_devices_fail_the_datum(cluster: Cluster, repo: str) -> None:
    cluster.put(repo, {"/a": "a"})
    piped = shell("mkfifo /pfs/out/p; cp /pfs/data/a /pfs/out/")
    bound = "import socket; socket.socket(socket.AF_UNIX).bind('/pfs/out/s')"
    cluster.create({"pipeline": {"name": "piped"}, "transform": piped, "input": data(repo)})
    cluster.create({"pipeline": {"name": "bound"}, "transform": {"cmd": ["python3", "-c", bound]}, "input": data(repo)})

    kept, refused = cluster.finished_job("piped"), cluster.finished_job("bound")

    assert (kept.state, cluster.files("piped")) == (SUCCESS, {"/a": "a"})
    assert list(kept.warnings) == ["named pipes in /pfs/out are not kept; the logs say which"]
    assert "not kept, as they are named pipes: /pfs/out/p" in cluster.logs(kept.job)
    assert refused.state == FAILURE
    assert "cannot upload /pfs/out/s: it is a socket" in refused.reason
    assert "cannot upload /pfs/out/s: it is a socket" in cluster.logs(refused.job)


def test_an_output_whose_name_is_no_text_fails_its_datum_and_says_so(cluster: Cluster, repo: str) -> None:
    cluster.put(repo, {"/a": "a"})
    spec = {
        "pipeline": {"name": "latin"},
        "transform": shell("printf 1 > /pfs/out/$(printf '\\344')"),
        "input": data(repo),
    }
    cluster.create(spec | {"datum_tries": 1})

    job = cluster.finished_job("latin")

    assert (job.state, job.data_failed) == (FAILURE, 1)
    assert r"its name cannot be represented in PFS: path (/\udce4)" in job.reason
