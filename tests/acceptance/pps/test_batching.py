"""One process for many datums, asked for through the published client, unmodified."""

import os
import subprocess
import sys
from pathlib import Path

import grpc
import pytest

from trunkline.proto import pps_pb2, worker_pb2, worker_pb2_grpc
from trunkline.testing.cluster import Cluster, pfs

ROOT = Path(__file__).parents[3]
SDK_PYTHON = ROOT / ".venv-sdk" / "bin" / "python"
SUCCESS = pps_pb2.JobState.JOB_SUCCESS
SCRIPT = """
import os, sys, time
from pachyderm_sdk import Client
worker = Client().worker
with open(sys.argv[1], "a") as starts:
    starts.write("started\\n")
while True:
    with worker.batch_datum():
        source = os.environ["numbers"]
        text = open(source).read()
        print("at", os.path.basename(source), flush=True)
        if text == "bad":
            raise ValueError("cannot read it")
        if text == "slow":
            time.sleep(600)
        if text == "leave":
            sys.exit(0)
        assert not os.listdir("/pfs/out")
        with open(source) as again, open("/pfs/out/" + os.path.basename(source), "w") as copy:
            copy.write(again.read())
"""


@pytest.fixture
def starts(tmp_path: Path) -> Path:
    return tmp_path / "starts"


def create(cluster: Cluster, name: str, starts: Path, files: dict[str, str], **more: object) -> None:
    script = starts.with_suffix(".py")
    script.write_text(SCRIPT)
    cluster.create_repo(f"{name}-in")
    cluster.put(f"{name}-in", files)
    err_cmd = more.pop("err_cmd", [])
    lazy = more.pop("lazy", False)
    transform = {"cmd": [str(SDK_PYTHON), str(script), str(starts)], "datum_batching": True, "err_cmd": err_cmd}
    spec = {"pipeline": {"name": name}, "transform": transform, "input": pfs(f"{name}-in", name="numbers", lazy=lazy)}
    cluster.create(spec | {"datum_set_spec": {"number": 50}} | more)


def test_all_datums_of_a_set_are_handled_by_one_process(cluster: Cluster, starts: Path) -> None:
    create(cluster, "batch", starts, {f"/{number}": str(number) for number in range(20)})

    job = cluster.finished_job("batch")

    assert (job.state, job.data_processed) == (SUCCESS, 20), job.reason
    assert cluster.files("batch") == {f"/{number}": str(number) for number in range(20)}
    assert starts.read_text() == "started\n"
    datums = cluster.pps.ListDatum(pps_pb2.ListDatumRequest(job=job.job))
    seven = next(info.datum for info in datums if info.data[0].file.path == "/7")
    assert cluster.logs(job.job, datum=seven) == ["at 7"]


def test_lazy_files_stream_to_a_process_that_handles_many_datums(cluster: Cluster, starts: Path) -> None:
    """The script opens each twice: once to look at it, and once to copy it."""
    create(cluster, "lazily", starts, {f"/{number}": str(number) for number in range(5)}, lazy=True)

    job = cluster.finished_job("lazily")

    assert (job.state, job.data_processed) == (SUCCESS, 5), job.reason
    assert cluster.files("lazily") == {f"/{number}": str(number) for number in range(5)}
    assert job.stats.download_bytes == 10


def test_a_datum_that_user_code_reports_as_failed_is_tried_again_and_fails_alone(
    cluster: Cluster, starts: Path
) -> None:
    create(cluster, "partly", starts, {"/1": "1", "/2": "bad", "/3": "3"}, datum_tries=2)

    job = cluster.finished_job("partly")

    assert (job.state, job.data_processed, job.data_failed) == (pps_pb2.JobState.JOB_FAILURE, 2, 1)
    assert "ValueError('cannot read it')" in job.reason
    assert starts.read_text() == "started\n" * 3


def test_an_error_command_recovers_a_batched_datum(cluster: Cluster, starts: Path) -> None:
    create(cluster, "healed", starts, {"/1": "1", "/2": "bad"}, err_cmd=["true"])

    job = cluster.finished_job("healed")

    assert (job.state, job.data_processed, job.data_recovered) == (SUCCESS, 1, 1)
    assert cluster.files("healed") == {"/1": "1"}


@pytest.mark.parametrize(
    ("word", "reason"), [("leave", "user code exited prematurely"), ("slow", "timed out after 1 s (datumTimeout)")]
)
def test_leaving_early_or_taking_too_long_fails_the_datum_at_hand(
    cluster: Cluster, starts: Path, word: str, reason: str
) -> None:
    create(cluster, word, starts, {"/1": "1", "/2": word, "/3": "3"}, datum_tries=1, datum_timeout="1s")

    job = cluster.finished_job(word)

    assert (job.data_processed, job.data_failed) == (2, 1)
    assert reason in job.reason


def test_a_shell_script_asks_for_datums_with_the_command_line(cluster: Cluster) -> None:
    """As published: an endless loop around ``pachctl next datum``, which also says that the one before has failed."""
    script = """
        error=
        echo begin
        while true; do
            pachctl next datum --error "$error"
            . /pfs/.env
            error=
            grep -q bad "$words" && error="it is bad"
            cp "$words" /pfs/out/
        done
    """
    cluster.create_repo("words")
    cluster.put("words", {"/1": "one", "/2": "bad", "/3": "three", "/4": "four"})
    transform = {"cmd": ["sh"], "stdin": script.splitlines(), "datum_batching": True, "err_cmd": ["true"]}
    spec = {"pipeline": {"name": "shelled"}, "transform": transform, "input": pfs("words"), "datum_tries": 1}
    cluster.create(spec | {"datum_set_spec": {"number": 50}})

    job = cluster.finished_job("shelled")

    assert (job.state, job.data_processed, job.data_recovered) == (SUCCESS, 3, 1), job.reason
    assert cluster.files("shelled") == {"/1": "one", "/3": "three", "/4": "four"}
    lines = [line.strip() for line in cluster.logs(job.job)]
    assert lines.count("begin") == 2, "a process that has failed a datum is replaced"
    assert "try 1 of 1 failed: user code reported: it is bad" in lines


def test_user_code_finds_the_server_by_its_environment(cluster: Cluster, tmp_path: Path) -> None:
    script = tmp_path / "asks.py"
    script.write_text(
        "from pachyderm_sdk import Client\n"
        "from pachyderm_sdk.api.pfs import Repo\n"
        "found = Client.new_in_cluster()\n"
        "open('/pfs/out/seen', 'w').write(str(found.pfs.repo_exists(Repo.from_uri('asking-in'))))\n"
    )
    cluster.create_repo("asking-in")
    cluster.put("asking-in", {"/x": "x"})
    transform = {"cmd": [str(SDK_PYTHON), str(script)]}
    cluster.create({"pipeline": {"name": "asking"}, "transform": transform, "input": pfs("asking-in", name="in")})

    job = cluster.finished_job("asking")

    assert job.state == SUCCESS, job.reason
    assert cluster.files("asking") == {"/seen": "True"}


def test_a_worker_does_not_load_grpc_for_it() -> None:
    command = "import trunkline.worker.serve, sys; sys.exit('grpc' in sys.modules)"

    assert subprocess.run([sys.executable, "-c", command], check=False).returncode == 0


def test_nobody_else_can_say_that_a_datum_is_done(cluster: Cluster, tmp_path: Path) -> None:
    script, port, go = (tmp_path / name for name in ("foreign.py", "port", "go"))
    for fifo in (port, go):
        os.mkfifo(fifo)
    script.write_text(
        "import os, sys\n"
        "from pachyderm_sdk import Client\n"
        "worker = Client().worker\n"
        "while True:\n"
        "    with worker.batch_datum(), open('/pfs/out/x', 'w') as out:\n"
        "        print('half', end='', file=out, flush=True)\n"
        "        with open(sys.argv[1], 'w') as port:\n"
        "            port.write(os.environ['PPS_WORKER_GRPC_PORT'])\n"
        "        open(sys.argv[2]).read()\n"
        "        print(' and whole', end='', file=out)\n"
    )
    cluster.create_repo("foreign-in")
    cluster.put("foreign-in", {"/a": ""})
    transform = {"cmd": [str(SDK_PYTHON), str(script), str(port), str(go)], "datum_batching": True}
    cluster.create({"pipeline": {"name": "foreign"}, "transform": transform, "input": pfs("foreign-in", name="in")})

    address = f"127.0.0.1:{port.read_text()}"
    with grpc.insecure_channel(address) as channel:
        for error in ("", "it failed"):
            with pytest.raises(grpc.RpcError) as refused:
                worker_pb2_grpc.WorkerStub(channel).NextDatum(worker_pb2.NextDatumRequest(error=error), timeout=60)
            assert refused.value.code() is grpc.StatusCode.PERMISSION_DENIED
    go.write_text("")

    assert cluster.finished_job("foreign").state == SUCCESS
    assert cluster.files("foreign") == {"/x": "half and whole"}
