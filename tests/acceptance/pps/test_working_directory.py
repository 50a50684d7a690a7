"""Where commands start, if their specification does not say."""

from pathlib import Path

from trunkline.proto import pps_pb2
from trunkline.testing.cluster import Cluster, pfs, shell

SUCCESS = pps_pb2.JobState.JOB_SUCCESS


def test_every_datum_starts_in_an_empty_directory_away_from_the_server(cluster: Cluster, repo: str) -> None:
    cluster.put(repo, {f"/{number}": "x" for number in range(6)})
    script = "ls | wc -l > /pfs/out/$(basename /pfs/data/*); pwd; echo left > behind; mkdir -p a/b"
    node = pfs(repo, name="data")
    cluster.create({"pipeline": {"name": "starts"}, "transform": shell(script), "input": node})

    job = cluster.finished_job("starts")

    assert (job.state, job.data_processed) == (SUCCESS, 6), job.reason
    assert {content.strip() for content in cluster.files("starts").values()} == {"0"}
    places = {Path(line) for line in cluster.logs(job.job) if line.startswith("/")}
    assert Path.cwd() not in places
    assert all(place.name == "work" for place in places)


def test_a_script_that_removes_where_it_started_leaves_the_next_one_a_place(cluster: Cluster, repo: str) -> None:
    cluster.put(repo, {f"/{number}": "x" for number in range(6)})
    script = 'cp /pfs/data/* /pfs/out/; rm -rf "$PWD"'
    spec = {"pipeline": {"name": "removes"}, "transform": shell(script), "input": pfs(repo, name="data")}
    cluster.create(spec | {"datum_set_spec": {"number": 6}, "datum_tries": 1})

    job = cluster.finished_job("removes")

    assert (job.state, job.data_processed) == (SUCCESS, 6), job.reason


def test_pipelines_that_write_their_script_where_they_start_do_not_meet(cluster: Cluster, repo: str) -> None:
    """As published examples do, and each runs its own."""
    cluster.put(repo, {f"/{number}": "x" for number in range(8)})
    for name in "abcd":
        lines = [f"echo 'cp /pfs/data/* /pfs/out/; echo {name} > /pfs/out/$(ls /pfs/data)' > main.sh", "sh main.sh"]
        cluster.create({"pipeline": {"name": name}, "transform": shell(*lines), "input": pfs(repo, name="data")})

    for name in "abcd":
        assert cluster.finished_job(name).state == SUCCESS
        assert {content.strip() for content in cluster.files(name).values()} == {name}
