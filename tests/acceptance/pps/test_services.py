"""Services: a process over one datum, kept alive, and replaced when its data changes."""

import socket
import urllib.request
from collections.abc import Iterator
from http.client import HTTPException
from pathlib import Path

import grpc
import pytest

from trunkline.proto import pfs_pb2, pps_pb2
from trunkline.testing.cluster import Cluster, pfs, shell

RUNNING = pps_pb2.JobState.JOB_RUNNING
SUCCESS = pps_pb2.JobState.JOB_SUCCESS
SERVER = """
import http.server, os, sys
os.chdir("/pfs/site")
http.server.ThreadingHTTPServer(("127.0.0.1", int(sys.argv[1])), http.server.SimpleHTTPRequestHandler).serve_forever()
"""


@pytest.fixture(autouse=True)
def clean(cluster: Cluster) -> Iterator[None]:
    """No process of one test is left for the next."""
    yield
    cluster.pps.DeletePipelines(pps_pb2.DeletePipelinesRequest(all=True, force=True))


@pytest.fixture
def ports() -> tuple[int, int]:
    """Two ports that nobody has."""
    with socket.socket() as first, socket.socket() as second:
        first.bind(("127.0.0.1", 0))
        second.bind(("127.0.0.1", 0))
        return first.getsockname()[1], second.getsockname()[1]


@pytest.fixture
def server_script(tmp_path: Path) -> str:
    """A script that serves the files of an input at a port."""
    path = tmp_path / "server.py"
    path.write_text(SERVER)
    return str(path)


def named(name: str) -> pps_pb2.Pipeline:
    return pps_pb2.Pipeline(name=name)


def http_service(cluster: Cluster, name: str, repo: str, script: str, ports: tuple[int, int], **more: object) -> None:
    cluster.create(
        {
            "pipeline": {"name": name},
            "transform": {"cmd": ["python3", script, str(ports[0])]},
            "input": pfs(repo, glob="/", name="site"),
            "service": {"internal_port": ports[0], "external_port": ports[1]},
            **more,
        }
    )


def inspect(cluster: Cluster, name: str) -> pps_pb2.PipelineInfo:
    return cluster.pps.InspectPipeline(pps_pb2.InspectPipelineRequest(pipeline=named(name), details=True))


def state(cluster: Cluster, name: str) -> str:
    return pps_pb2.PipelineState.Name(inspect(cluster, name).state).removeprefix("PIPELINE_")


def fetch(port: int, path: str) -> str:
    """Return what is served; nothing while nobody serves, or where the process ended in the middle of its answer."""
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}{path}") as answer:
            return str(answer.read().decode())
    except (OSError, HTTPException):
        return ""


def job_states(cluster: Cluster, name: str) -> list[int]:
    return [job.state for job in cluster.jobs(name, history=-1)]


def test_a_service_shows_its_data_and_then_the_data_of_a_new_commit(
    cluster: Cluster, repo: str, server_script: str, ports: tuple[int, int]
) -> None:
    cluster.put(repo, {"/index.html": "one"})
    http_service(cluster, "site", repo, server_script, ports)
    cluster.until(lambda: fetch(ports[1], "/index.html") == "one")
    assert job_states(cluster, "site") == [RUNNING]

    cluster.put(repo, {"/index.html": "two"})

    cluster.until(lambda: fetch(ports[1], "/index.html") == "two")
    assert fetch(ports[0], "/index.html") == "two"
    assert job_states(cluster, "site") == [RUNNING, SUCCESS]
    info = inspect(cluster, "site")
    assert info.type == pps_pb2.PipelineInfo.PipelineType.PIPELINE_TYPE_SERVICE
    assert (state(cluster, "site"), info.details.service.type) == ("RUNNING", "NodePort")
    assert info.details.workers_available == 1
    assert cluster.jobs("site")[0].data_total == 1


def test_the_datum_of_a_service_is_listed_while_it_is_served_and_afterwards(
    cluster: Cluster, repo: str, server_script: str, ports: tuple[int, int]
) -> None:
    cluster.put(repo, {"/index.html": "one"})
    http_service(cluster, "listed", repo, server_script, ports)
    cluster.until(lambda: fetch(ports[1], "/index.html") == "one")
    cluster.put(repo, {"/index.html": "two"})
    cluster.until(lambda: fetch(ports[1], "/index.html") == "two")
    served, replaced = cluster.jobs("listed", history=-1)

    [now] = cluster.pps.ListDatum(pps_pb2.ListDatumRequest(job=served.job))
    [before] = cluster.pps.ListDatum(pps_pb2.ListDatumRequest(job=replaced.job))

    assert (now.state, before.state) == (pps_pb2.DatumState.STARTING, pps_pb2.DatumState.SUCCESS)
    assert (now.data[0].file.path, now.datum.id) == ("/", before.datum.id)
    assert now.data[0].hash != before.data[0].hash
    assert cluster.pps.InspectDatum(pps_pb2.InspectDatumRequest(datum=now.datum)) == now
    states = pps_pb2.ListDatumRequest.Filter(state=[pps_pb2.DatumState.SUCCESS])
    assert not list(cluster.pps.ListDatum(pps_pb2.ListDatumRequest(job=served.job, filter=states)))
    assert not list(cluster.pps.ListDatum(pps_pb2.ListDatumRequest(job=served.job, paginationMarker=now.datum.id)))


def test_a_service_that_dies_is_started_again_under_the_same_job(cluster: Cluster, repo: str, tmp_path: Path) -> None:
    cluster.put(repo, {"/a": "a"})
    script = f"echo life; [ -e {tmp_path}/died ] || {{ touch {tmp_path}/died; exit 1; }}; ls /pfs/data; sleep 600"
    cluster.create(
        {
            "pipeline": {"name": "revived"},
            "transform": shell(script),
            "input": pfs(repo, name="data", glob="/"),
            "service": {"internal_port": 9},
        }
    )

    cluster.until(lambda: cluster.logs(cluster.jobs("revived")[0].job) == ["life", "life", "a"])

    job = cluster.jobs("revived")[0]
    assert (job.state, job.restart, len(cluster.jobs("revived"))) == (RUNNING, 1, 1)


def test_stop_and_start_and_delete_take_the_process_and_the_port_along(
    cluster: Cluster, repo: str, server_script: str, ports: tuple[int, int]
) -> None:
    cluster.put(repo, {"/a": "a"})
    http_service(cluster, "toggled", repo, server_script, ports)
    cluster.until(lambda: fetch(ports[1], "/a") == "a")

    cluster.pps.StopPipeline(pps_pb2.StopPipelineRequest(pipeline=named("toggled")))

    assert fetch(ports[0], "/a") == ""
    assert job_states(cluster, "toggled") == [pps_pb2.JobState.JOB_KILLED]
    cluster.put(repo, {"/a": "b"})
    assert len(cluster.jobs("toggled")) == 1
    cluster.pps.StartPipeline(pps_pb2.StartPipelineRequest(pipeline=named("toggled")))
    cluster.until(lambda: fetch(ports[1], "/a") == "b")
    cluster.pps.DeletePipeline(pps_pb2.DeletePipelineRequest(pipeline=named("toggled")))
    assert fetch(ports[0], "/a") == ""
    cluster.until(lambda: is_free(ports[1]))


def is_free(port: int) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True


@pytest.mark.parametrize("taken", [0, 1], ids=["internal", "external"])
def test_a_port_that_another_program_has_is_the_reason_until_it_is_free(
    cluster: Cluster, repo: str, server_script: str, ports: tuple[int, int], taken: int
) -> None:
    cluster.put(repo, {"/a": "a"})
    with socket.socket() as other:
        other.bind(("127.0.0.1", ports[taken]))
        other.listen()
        http_service(cluster, f"shut_out_{taken}", repo, server_script, ports)
        cluster.until(lambda: state(cluster, f"shut_out_{taken}") == "CRASHING")
        field = ("internalPort", "externalPort")[taken]
        reason = inspect(cluster, f"shut_out_{taken}").reason
        assert reason.startswith(
            f"service.{field}: cannot listen at port {ports[taken]} of this machine: Address already"
        )

    cluster.until(lambda: fetch(ports[1], "/a") == "a")


def test_two_services_cannot_have_one_external_port(
    cluster: Cluster, repo: str, server_script: str, ports: tuple[int, int]
) -> None:
    cluster.put(repo, {"/a": "a"})
    http_service(cluster, "first", repo, server_script, ports)
    cluster.until(lambda: fetch(ports[1], "/a") == "a")

    cluster.create(
        {
            "pipeline": {"name": "second"},
            "transform": shell("sleep 600"),
            "input": pfs(repo, glob="/"),
            "service": {"internal_port": 9, "external_port": ports[1]},
        }
    )

    reason = f"service.externalPort: pipeline default/first has port {ports[1]}: choose another"
    cluster.until(lambda: inspect(cluster, "second").reason == reason)
    assert fetch(ports[1], "/a") == "a"


def test_a_service_over_an_empty_input_waits_for_data(
    cluster: Cluster, repo: str, server_script: str, ports: tuple[int, int]
) -> None:
    http_service(cluster, "early", repo, server_script, ports)
    cluster.finished_job("early")
    assert job_states(cluster, "early") == [SUCCESS]
    assert (state(cluster, "early"), inspect(cluster, "early").reason) == ("STARTING", "there is no datum to serve yet")

    cluster.put(repo, {"/a": "a"})

    cluster.until(lambda: fetch(ports[1], "/a") == "a")


def test_a_job_with_more_than_one_datum_fails_and_the_one_before_goes_on(cluster: Cluster, repo: str) -> None:
    cluster.put(repo, {"/a": "a"})
    cluster.create(
        {
            "pipeline": {"name": "single"},
            "transform": shell("ls /pfs/data; sleep 600"),
            "input": pfs(repo, name="data", glob="/*"),
            "service": {"internal_port": 9},
        }
    )
    served = cluster.jobs("single")[0].job
    cluster.until(lambda: cluster.logs(served) == ["a"])

    cluster.put(repo, {"/b": "b"})

    failed = cluster.finished_job("single")
    assert failed.state == pps_pb2.JobState.JOB_FAILURE
    assert failed.reason == "a service needs exactly one datum, and its input gives more: use the glob /"
    assert job_states(cluster, "single") == [pps_pb2.JobState.JOB_FAILURE, RUNNING]
    cluster.put(repo, {}, deleted=("/a",))
    cluster.until(lambda: cluster.logs(cluster.jobs("single")[0].job) == ["b"])
    assert job_states(cluster, "single")[2] == SUCCESS


def test_a_failed_input_makes_a_job_unrunnable_and_the_service_goes_on(cluster: Cluster, repo: str) -> None:
    cluster.put(repo, {"/a": "good"})
    check = shell("grep good /pfs/data/a; cp /pfs/data/a /pfs/out/")
    check["stdin"].insert(0, "set -e")
    cluster.create(
        {"pipeline": {"name": "checked"}, "transform": check, "input": pfs(repo, name="data"), "datum_tries": 1}
    )
    cluster.create(
        {
            "pipeline": {"name": "served"},
            "transform": shell("cat /pfs/checked/a; echo; sleep 600"),
            "input": pfs("checked", glob="/"),
            "service": {"internal_port": 9},
        }
    )
    cluster.until(lambda: cluster.logs(cluster.jobs("served")[0].job) == ["good"])

    cluster.put(repo, {"/a": "bad"})

    assert cluster.finished_job("served").state == pps_pb2.JobState.JOB_UNRUNNABLE
    assert job_states(cluster, "served")[1] == RUNNING
    assert inspect(cluster, "served").details.workers_available == 1


def test_stopping_the_job_ends_the_process_until_there_is_new_data(
    cluster: Cluster, repo: str, server_script: str, ports: tuple[int, int]
) -> None:
    cluster.put(repo, {"/a": "a"})
    http_service(cluster, "halted", repo, server_script, ports)
    cluster.until(lambda: fetch(ports[1], "/a") == "a")

    cluster.pps.StopJob(pps_pb2.StopJobRequest(job=cluster.jobs("halted")[0].job))

    cluster.until(lambda: inspect(cluster, "halted").details.workers_available == 0)
    assert fetch(ports[0], "/a") == ""
    cluster.put(repo, {"/a": "b"})
    cluster.until(lambda: fetch(ports[1], "/a") == "b")


def test_an_update_serves_by_the_new_spec(
    cluster: Cluster, repo: str, server_script: str, ports: tuple[int, int]
) -> None:
    cluster.put(repo, {"/a": "a"})
    spec = {
        "pipeline": {"name": "moved"},
        "transform": {"cmd": ["python3", server_script, str(ports[0])]},
        "input": pfs(repo, glob="/", name="site"),
    }
    cluster.create({**spec, "service": {"internal_port": ports[0]}})
    cluster.until(lambda: fetch(ports[0], "/a") == "a")
    assert fetch(ports[1], "/a") == ""

    cluster.create({**spec, "service": {"internal_port": ports[0], "external_port": ports[1]}}, update=True)

    cluster.until(lambda: fetch(ports[1], "/a") == "a")
    assert job_states(cluster, "moved") == [RUNNING, pps_pb2.JobState.JOB_KILLED]


def test_a_spout_with_a_service_sees_data_answers_and_writes(
    cluster: Cluster, repo: str, server_script: str, ports: tuple[int, int]
) -> None:
    cluster.put(repo, {"/a": "a"})
    cluster.create(
        {
            "pipeline": {"name": "both"},
            "transform": shell(
                "cat /pfs/site/a | pachctl put file both@master:/seen -f -",
                f"exec python3 {server_script} {ports[0]}",
            ),
            "input": pfs(repo, glob="/", name="site"),
            "spout": {"service": {"internal_port": ports[0], "external_port": ports[1]}},
        }
    )
    cluster.until(lambda: fetch(ports[1], "/a") == "a")
    assert cluster.files("both") == {"/seen": "a"}

    cluster.put(repo, {"/a": "b"})

    cluster.until(lambda: fetch(ports[1], "/a") == "b")
    assert cluster.files("both") == {"/seen": "b"}
    assert cluster.jobs("both") == []


def test_a_service_without_a_port_is_refused(cluster: Cluster, repo: str) -> None:
    with pytest.raises(grpc.RpcError) as refused:
        cluster.create(
            {"pipeline": {"name": "x"}, "transform": shell("true"), "input": pfs(repo), "service": {"external_port": 1}}
        )

    assert "service.internalPort: must say at which port the process listens" in str(refused.value.details())


def test_what_is_written_to_out_is_not_kept_and_the_output_commit_stays_open(cluster: Cluster, repo: str) -> None:
    cluster.put(repo, {"/a": "a"})
    cluster.create(
        {
            "pipeline": {"name": "silent"},
            "transform": shell("echo x >/pfs/out/x; echo up; sleep 600"),
            "input": pfs(repo, glob="/"),
            "service": {"internal_port": 9},
        }
    )
    cluster.until(lambda: cluster.logs(cluster.jobs("silent")[0].job) == ["up"])

    listed = cluster.pfs.ListCommit(pfs_pb2.ListCommitRequest(repo=pfs_pb2.Repo(name="silent", type="user")))

    assert [info.finished.seconds for info in listed] == [0]
    assert cluster.files("silent") == {}
