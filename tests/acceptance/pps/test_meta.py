"""Meta repos: what is known of each datum, and what it read and wrote, as files."""

import json
import os
import subprocess
import sys
from pathlib import Path

import grpc
import pytest
from google.protobuf import json_format

from trunkline.model.versions import CommitReference, RepoKey
from trunkline.pfs.garbage import Garbage
from trunkline.proto import pfs_pb2, pps_pb2
from trunkline.testing.cluster import Cluster, pfs, shell

SUCCESS, FAILURE = pps_pb2.JobState.JOB_SUCCESS, pps_pb2.JobState.JOB_FAILURE


def meta_commit(pipeline: str, commit: str = "") -> pfs_pb2.Commit:
    """Return a commit of the meta repo, the head of master if none is named."""
    repo = pfs_pb2.Repo(name=pipeline, type="meta")
    return pfs_pb2.Commit(repo=repo, id=commit, branch=pfs_pb2.Branch(name="master", repo=repo))


def meta_files(cluster: Cluster, pipeline: str, commit: str = "") -> dict[str, str]:
    at = meta_commit(pipeline, commit)
    walk = cluster.pfs.WalkFile(pfs_pb2.WalkFileRequest(file=pfs_pb2.File(commit=at, path="/")))
    paths = [info.file.path for info in walk if info.file_type == pfs_pb2.FileType.FILE]
    return {path: cluster.read(at, path) for path in paths}


def datums(cluster: Cluster, job: pps_pb2.Job) -> dict[str, pps_pb2.DatumInfo]:
    """Return the datums of a job by the path of their first input."""
    infos = cluster.pps.ListDatum(pps_pb2.ListDatumRequest(job=job))
    return {info.data[0].file.path: info for info in infos}


def problems(cluster: Cluster) -> list[str]:
    return [each.error for each in cluster.pfs.Fsck(pfs_pb2.FsckRequest()) if each.error]


def create(cluster: Cluster, name: str, *lines: str, glob: str = "/*", **more: object) -> None:
    cluster.create_repo(f"{name}-in")
    transform = shell(*lines)
    cluster.create({"pipeline": {"name": name}, "transform": transform, "input": pfs(f"{name}-in", glob), **more})
    cluster.finished_job(name)


def test_a_datum_shows_its_record_and_what_it_read_and_wrote(cluster: Cluster) -> None:
    create(
        cluster,
        "upper",
        'for f in $(cd "/pfs/upper-in"; find -type f); do tr a-z A-Z < /pfs/upper-in/$f >'
        " /pfs/out/$(basename $f).txt; done",
    )
    cluster.put("upper-in", {"/a": "alpha", "/d/b": "beta", "/d/c": "gamma"})
    job = cluster.finished_job("upper")
    assert job.state == SUCCESS, job.reason

    by_path = datums(cluster, job.job)
    a, d = by_path["/a"].datum.id, by_path["/d/"].datum.id
    files = meta_files(cluster, "upper")

    records = {each: json.loads(files.pop(f"/meta/{each}/meta")) for each in (a, d)}
    assert files == {
        f"/pfs/{a}/upper-in/a": "alpha",
        f"/pfs/{a}/out/a.txt": "ALPHA",
        f"/pfs/{d}/upper-in/d/b": "beta",
        f"/pfs/{d}/upper-in/d/c": "gamma",
        f"/pfs/{d}/out/b.txt": "BETA",
        f"/pfs/{d}/out/c.txt": "GAMMA",
    }
    record = records[a]
    assert json_format.ParseDict(record["job"], pps_pb2.Job()) == job.job
    assert json_format.ParseDict(record["stats"], pps_pb2.ProcessStats()).download_bytes == 5
    assert {name: record[name] for name in ("state", "reason")} == {"state": "PROCESSED", "reason": ""}
    assert sorted(each["index"] for each in records.values()) == ["0", "1"]
    (read,) = record["inputs"]
    info = json_format.ParseDict(read["fileInfo"], pfs_pb2.FileInfo())
    assert (read["name"], read["branch"]) == ("upper-in", "master")
    assert (info.file.path, info.size_bytes, info.hash) == ("/a", 5, by_path["/a"].data[0].hash)
    assert problems(cluster) == []


def test_the_content_is_shared_with_the_repos_it_came_from(cluster: Cluster) -> None:
    create(cluster, "shared", "cp /pfs/shared-in/* /pfs/out/copy")
    cluster.put("shared-in", {"/a": "some content"})
    datum = datums(cluster, cluster.finished_job("shared").job)["/a"].datum.id

    def stored(repo: str, type_: str, path: str) -> object:
        reference = CommitReference(RepoKey("default", repo, type_), branch="master")
        row = cluster.server.versioning.open_files(reference)[1].find(path)
        assert row is not None
        return row.refs

    assert stored("shared", "meta", f"/pfs/{datum}/shared-in/a") == stored("shared-in", "user", "/a")
    assert stored("shared", "meta", f"/pfs/{datum}/out/copy") == stored("shared", "user", "/copy")


def test_datums_point_to_their_files(cluster: Cluster) -> None:
    create(cluster, "points", "cp /pfs/points-in/* /pfs/out/")
    cluster.put("points-in", {"/a": "alpha"})
    job = cluster.finished_job("points").job
    listed = datums(cluster, job)["/a"]

    inspected = cluster.pps.InspectDatum(pps_pb2.InspectDatumRequest(datum=listed.datum))

    assert inspected.pfs_state == listed.pfs_state
    assert cluster.read(inspected.pfs_state.commit, f"{inspected.pfs_state.path}/out/a") == "alpha"


@pytest.mark.parametrize("look_between", [False, True])
def test_skipped_datums_keep_their_record_and_gone_ones_lose_it(cluster: Cluster, look_between: bool) -> None:
    """Whether the files of the job before were made, or all have to be made at once."""
    name = f"keeps{look_between}"
    create(cluster, name, f"cp /pfs/{name}-in/* /pfs/out/")
    cluster.put(f"{name}-in", {"/stays": "1", "/changes": "2", "/goes": "3"})
    first = cluster.finished_job(name).job
    before = {path: info.datum.id for path, info in datums(cluster, first).items()}
    if look_between:
        meta_files(cluster, name)

    cluster.put(f"{name}-in", {"/changes": "two", "/comes": "4"}, deleted=("/goes",))
    second = cluster.finished_job(name).job
    after = {path: info.datum.id for path, info in datums(cluster, second).items()}
    files = meta_files(cluster, name)

    made_by = {path: json.loads(files[f"/meta/{id_}/meta"])["job"]["id"] for path, id_ in after.items()}
    assert made_by == {"/stays": first.id, "/changes": second.id, "/comes": second.id}
    assert files[f"/pfs/{after['/changes']}/out/changes"] == "two"
    assert files[f"/pfs/{after['/stays']}/{name}-in/stays"] == "1"
    assert not [path for path in files if before["/goes"] in path]
    assert len(meta_files(cluster, name, first.id)) == 9
    assert problems(cluster) == []


def test_a_datum_that_failed_shows_why_and_what_it_read(cluster: Cluster) -> None:
    create(cluster, "fails", "cp /pfs/fails-in/* /pfs/out/; test ! -e /pfs/fails-in/bad", datum_tries=1)
    cluster.put("fails-in", {"/bad": "wrong", "/good": "right"})
    job = cluster.finished_job("fails")
    assert job.state == FAILURE
    by_path = datums(cluster, job.job)

    files = meta_files(cluster, "fails", job.job.id)

    bad, good = by_path["/bad"].datum.id, by_path["/good"].datum.id
    record = json.loads(files.pop(f"/meta/{bad}/meta"))
    assert (record["state"], record["reason"]) == ("FAILED", "command exited with status 1")
    del files[f"/meta/{good}/meta"]
    assert files == {
        f"/pfs/{bad}/fails-in/bad": "wrong",
        f"/pfs/{good}/fails-in/good": "right",
        f"/pfs/{good}/out/good": "right",
    }
    with pytest.raises(grpc.RpcError):
        cluster.read(by_path["/bad"].pfs_state.commit, f"{by_path['/bad'].pfs_state.path}/out/bad")


def test_a_pipeline_may_read_the_meta_repo_of_another(cluster: Cluster) -> None:
    create(cluster, "worked", "cp /pfs/worked-in/* /pfs/out/")
    cluster.create(
        {
            "pipeline": {"name": "watches"},
            "transform": shell(
                """for f in /pfs/m/meta/*/meta; do grep -o '"state": "[A-Z]*"' $f"""
                " > /pfs/out/$(basename $(dirname $f)); done"
            ),
            "input": pfs("worked", "/meta/*", name="m", repo_type="meta"),
        }
    )
    for name in "ab":
        cluster.put("worked-in", {f"/{name}": name})
        assert cluster.finished_job("worked").state == SUCCESS
        job = cluster.finished_job("watches")
        assert (job.state, job.data_processed) == (SUCCESS, 1), job.reason

    ids = {info.datum.id for info in datums(cluster, cluster.jobs("worked")[0].job).values()}
    assert cluster.files("watches") == {f"/{each}": '"state": "PROCESSED"\n' for each in ids}


def test_a_pipeline_may_read_the_spec_repo_of_another(cluster: Cluster, repo: str) -> None:
    watched = {"pipeline": {"name": "watched"}, "transform": shell("true"), "input": pfs(repo)}
    cluster.create(watched)
    watcher = shell("cp /pfs/s/spec /pfs/out")
    cluster.create(
        {"pipeline": {"name": "watcher"}, "transform": watcher, "input": pfs("watched", name="s", repo_type="spec")}
    )
    assert cluster.finished_job("watcher").state == SUCCESS

    cluster.create(watched | {"description": "another"}, update=True)

    assert cluster.finished_job("watcher").data_processed == 1
    assert json.loads(cluster.files("watcher")["/spec"])["description"] == "another"


def test_what_was_read_survives_garbage_collection_and_what_was_not_can_still_be_made(cluster: Cluster) -> None:
    create(cluster, "tidied", "cp /pfs/tidied-in/* /pfs/out/")
    jobs = []
    for name in "ab":
        cluster.put("tidied-in", {f"/{name}": name * 1000})
        jobs.append(cluster.finished_job("tidied").job)
    first = meta_files(cluster, "tidied", jobs[0].id)
    garbage = Garbage(cluster.server.versioning)

    for _ in range(3):
        garbage.collect(grace_seconds=0)

    assert meta_files(cluster, "tidied", jobs[0].id) == first
    assert len(meta_files(cluster, "tidied", jobs[1].id)) == 6
    assert problems(cluster) == []


def test_the_command_line_lists_and_gets_them(cluster: Cluster, tmp_path: Path) -> None:
    create(cluster, "asked", "cp /pfs/asked-in/* /pfs/out/")
    cluster.put("asked-in", {"/a": "alpha"})
    job = cluster.finished_job("asked").job
    datum = datums(cluster, job)["/a"].datum.id

    def run(*words: str) -> str:
        env = {**os.environ, "PACHD_ADDRESS": cluster.server.address, "PACH_CONFIG": str(tmp_path / "config.json")}
        command = [sys.executable, "-m", "trunkline", *words]
        return subprocess.run(command, env=env, capture_output=True, text=True, check=True).stdout

    assert f"/pfs/{datum}/" in run("list", "files", f"asked.meta@{job.id}:/pfs")
    assert run("get", "file", f"asked.meta@{job.id}:/pfs/{datum}/out/a") == "alpha"
