"""Spouts: processes that write their output branch themselves, and live until the pipeline is stopped."""

import json
from collections.abc import Iterator
from pathlib import Path

import grpc
import pytest

from trunkline.db.tables import pipeline_versions
from trunkline.proto import pfs_pb2, pps_pb2
from trunkline.testing.cluster import Cluster, pfs, shell
from trunkline.testing.waiting import eventually, is_alive, pid_in


@pytest.fixture(autouse=True)
def clean(cluster: Cluster) -> Iterator[None]:
    """No process of one test is left for the next."""
    yield
    cluster.pps.DeletePipelines(pps_pb2.DeletePipelinesRequest(all=True, force=True))


def named(name: str) -> pps_pb2.Pipeline:
    return pps_pb2.Pipeline(name=name)


def spout(cluster: Cluster, name: str, *lines: str, update: bool = False, **more: object) -> None:
    transform = shell(*lines, **more.pop("transform", {}))  # type: ignore[arg-type]
    cluster.create({"pipeline": {"name": name}, "transform": transform, "spout": {}, **more}, update=update)


def inspect(cluster: Cluster, name: str) -> pps_pb2.PipelineInfo:
    return cluster.pps.InspectPipeline(pps_pb2.InspectPipelineRequest(pipeline=named(name), details=True))


def state(cluster: Cluster, name: str) -> str:
    return pps_pb2.PipelineState.Name(inspect(cluster, name).state).removeprefix("PIPELINE_")


def printed(cluster: Cluster, name: str, **options: bool) -> list[str]:
    return [line.message for line in cluster.pps.GetLogs(pps_pb2.GetLogsRequest(pipeline=named(name), **options))]


def commits(cluster: Cluster, repo: str) -> list[pfs_pb2.CommitInfo]:
    return list(cluster.pfs.ListCommit(pfs_pb2.ListCommitRequest(repo=pfs_pb2.Repo(name=repo, type="user"))))


def test_what_a_spout_puts_by_itself_travels_downstream(cluster: Cluster, tmp_path: Path) -> None:
    spout(cluster, "source", "for i in 1 2; do echo $i | pachctl put file source@master:/$i -f -; done; sleep 600")
    cluster.create(
        {
            "pipeline": {"name": "sink"},
            "transform": shell("cat /pfs/source/* >/pfs/out/all"),
            "input": pfs("source", glob="/"),
        }
    )

    cluster.until(lambda: cluster.files("sink").get("/all") == "1\n2\n")

    assert cluster.files("source") == {"/1": "1\n", "/2": "2\n"}
    origins = [pfs_pb2.OriginKind.Name(info.origin.kind) for info in commits(cluster, "source")]
    assert origins == ["USER", "USER", "AUTO"]
    assert all(info.finished.seconds for info in commits(cluster, "source"))
    assert state(cluster, "source") == "RUNNING"


def test_a_spout_has_no_jobs_no_datums_and_no_meta_repo(cluster: Cluster) -> None:
    spout(cluster, "jobless", "echo $PACH_JOB_ID; ls -A /pfs /pfs/out; sleep 600")
    cluster.until(lambda: "spout" in printed(cluster, "jobless"))

    info = inspect(cluster, "jobless")

    assert info.type == pps_pb2.PipelineInfo.PipelineType.PIPELINE_TYPE_SPOUT
    assert (info.last_job_state, cluster.jobs("jobless")) == (0, [])
    assert (info.details.workers_requested, info.details.workers_available) == (1, 1)
    meta = pfs_pb2.ListRepoRequest(type="meta")
    assert "jobless" not in {repo.repo.name for repo in cluster.pfs.ListRepo(meta)}
    assert cluster.files("jobless") == {}


def test_clients_in_a_spout_need_no_configuration_and_start_in_its_project(cluster: Cluster) -> None:
    cluster.pfs.CreateProject(pfs_pb2.CreateProjectRequest(project=pfs_pb2.Project(name="elsewhere")))
    cluster.create(
        {
            "pipeline": {"name": "at_home", "project": {"name": "elsewhere"}},
            "transform": shell("unset PACHD_ADDRESS; echo hello | pachctl put file at_home@master:/a -f -; sleep 600"),
            "spout": {},
        }
    )
    repo = pfs_pb2.Repo(name="at_home", type="user", project=pfs_pb2.Project(name="elsewhere"))
    commit = pfs_pb2.Commit(repo=repo, branch=pfs_pb2.Branch(repo=repo, name="master"))

    cluster.until(lambda: list(cluster.pfs.GlobFile(pfs_pb2.GlobFileRequest(commit=commit, pattern="/a"))))

    assert cluster.read(commit, "/a") == "hello\n"


def test_a_commit_of_several_puts_is_one_commit(cluster: Cluster) -> None:
    spout(
        cluster,
        "batched",
        "pachctl start commit batched@master",
        "for i in 1 2 3; do echo $i | pachctl put file batched@master:/$i -f -; done",
        "pachctl finish commit batched@master",
        "sleep 600",
    )

    cluster.until(lambda: len(cluster.files("batched")) == 3 and commits(cluster, "batched")[0].finished.seconds)

    assert len(commits(cluster, "batched")) == 2


def test_a_spout_that_dies_again_and_again_is_crashing_and_says_why(cluster: Cluster) -> None:
    spout(cluster, "dying", "echo no luck >&2; exit 3")

    cluster.until(lambda: state(cluster, "dying") == "CRASHING")

    info = inspect(cluster, "dying")
    assert info.reason == "command exited with status 3: no luck"
    assert info.details.recent_error == info.reason
    assert "process 0 ended: command exited with status 3: no luck; it starts again in 0.25 s" in printed(
        cluster, "dying", master=True
    )
    alerts = {
        each.pipeline.name: list(each.alerts) for each in cluster.pps.CheckStatus(pps_pb2.CheckStatusRequest(all=True))
    }
    assert alerts["dying"] == ["its process ends again and again: command exited with status 3: no luck"]


def test_a_spout_that_ends_well_runs_again_and_is_never_crashing(cluster: Cluster, tmp_path: Path) -> None:
    spout(cluster, "rounds", f"echo round >>{tmp_path}/rounds")

    cluster.until(lambda: (tmp_path / "rounds").exists() and len((tmp_path / "rounds").read_text().split()) == 3)

    assert state(cluster, "rounds") != "CRASHING"


def test_a_commit_that_a_dead_spout_left_open_is_closed_unseen_and_stops_nobody(
    cluster: Cluster, tmp_path: Path
) -> None:
    spout(
        cluster,
        "careless",
        "pachctl start commit careless@master",
        f"if [ ! -e {tmp_path}/died ]; then",
        f"  echo half | pachctl put file careless@master:/half -f -; touch {tmp_path}/died; exit 1",
        "fi",
        "echo whole | pachctl put file careless@master:/whole -f -",
        "pachctl finish commit careless@master; sleep 600",
    )

    cluster.until(lambda: len(commits(cluster, "careless")) == 3 and commits(cluster, "careless")[0].finished.seconds)

    assert cluster.files("careless") == {"/whole": "whole\n"}
    errors = [info.error for info in commits(cluster, "careless")]
    assert errors == ["", "the process of the spout ended before it had finished the commit", ""]


def test_stopping_ends_the_process_and_starting_begins_another(cluster: Cluster, tmp_path: Path) -> None:
    spout(cluster, "paused", f"sleep 600 & echo $! >{tmp_path}/child; echo $$ >{tmp_path}/pid; wait")
    first = pid_in(tmp_path / "pid")
    child = pid_in(tmp_path / "child")

    cluster.pps.StopPipeline(pps_pb2.StopPipelineRequest(pipeline=named("paused")))

    assert not is_alive(first)
    assert not is_alive(child)
    assert state(cluster, "paused") == "PAUSED"
    (tmp_path / "pid").unlink()
    cluster.pps.StartPipeline(pps_pb2.StartPipelineRequest(pipeline=named("paused")))
    assert is_alive(pid_in(tmp_path / "pid"))
    assert [info.origin.kind for info in commits(cluster, "paused")] == [pfs_pb2.OriginKind.AUTO]


def test_an_update_replaces_the_process_and_keeps_what_was_written(cluster: Cluster, tmp_path: Path) -> None:
    spout(cluster, "renewed", f"echo 1 | pachctl put file renewed@master:/1 -f -; echo $$ >{tmp_path}/pid; sleep 600")
    first = pid_in(tmp_path / "pid")

    spout(cluster, "renewed", "echo 2 | pachctl put file renewed@master:/2 -f -; sleep 600", update=True)

    cluster.until(lambda: cluster.files("renewed") == {"/1": "1\n", "/2": "2\n"})
    assert not is_alive(first)
    assert inspect(cluster, "renewed").version == 2


def test_deleting_leaves_neither_process_nor_repo(cluster: Cluster, tmp_path: Path) -> None:
    spout(cluster, "removed", f"echo talks; echo $$ >{tmp_path}/pid; sleep 600")
    pid = pid_in(tmp_path / "pid")

    cluster.pps.DeletePipeline(pps_pb2.DeletePipelineRequest(pipeline=named("removed")))

    assert not is_alive(pid)
    every = {repo.repo.name for repo in cluster.pfs.ListRepo(pfs_pb2.ListRepoRequest(type=""))}
    assert "removed" not in every


def test_as_many_processes_run_as_the_spec_says(cluster: Cluster, tmp_path: Path) -> None:
    spout(cluster, "many", f"echo $$ >{tmp_path}/$PPS_POD_NAME; sleep 600", parallelism_spec={"constant": 3})

    cluster.until(lambda: inspect(cluster, "many").details.workers_available == 3)
    eventually(lambda: len(list(tmp_path.iterdir())) == 3)

    assert len({pid_in(path) for path in tmp_path.iterdir()}) == 3
    assert state(cluster, "many") == "RUNNING"


def test_lines_reach_a_follower_while_the_process_runs(cluster: Cluster, tmp_path: Path) -> None:
    gate = tmp_path / "gate"
    spout(cluster, "talker", f"echo first; while [ ! -e {gate} ]; do sleep 0.02; done; echo second >&2; sleep 600")
    follower = cluster.pps.GetLogs(pps_pb2.GetLogsRequest(pipeline=named("talker"), follow=True))

    first = next(follower)
    gate.touch()
    second = next(follower)
    follower.cancel()

    assert [(line.message, line.user, line.job_id, line.pipeline_name) for line in (first, second)] == [
        ("first", True, "spout", "talker"),
        ("second", True, "spout", "talker"),
    ]
    assert printed(cluster, "talker") == ["first", "second"]


def test_a_long_log_is_packed_and_reads_as_it_was_written(cluster: Cluster) -> None:
    spout(cluster, "chatty", "seq 1 20000; echo end; sleep 600")

    cluster.until(lambda: printed(cluster, "chatty")[-1:] == ["end"])

    assert printed(cluster, "chatty") == [*map(str, range(1, 20001)), "end"]


def test_a_plain_spout_must_have_no_input(cluster: Cluster) -> None:
    cluster.create_repo("unread")

    with pytest.raises(grpc.RpcError) as refused:
        spout(cluster, "reader", "true", input=pfs("unread"))

    assert "a spout without a service must have no input" in str(refused.value.details())


def test_secrets_user_and_working_directory_are_as_for_datums(cluster: Cluster) -> None:
    cluster.pps.CreateSecret(
        pps_pb2.CreateSecretRequest(
            file=b'{"kind": "Secret", "metadata": {"name": "token"}, "stringData": {"value": "hidden"}}'
        )
    )
    spout(
        cluster,
        "keeper",
        "cat /run/token/value; echo; echo $TOKEN; pwd; sleep 600",
        transform={
            "secrets": [
                {"name": "token", "mount_path": "/run/token"},
                {"name": "token", "key": "value", "env_var": "TOKEN"},
            ],
            "working_dir": "/tmp",
        },
    )

    cluster.until(lambda: printed(cluster, "keeper") == ["hidden", "hidden", "/tmp"])


def test_a_missing_secret_is_the_reason_until_it_is_there(cluster: Cluster) -> None:
    spout(
        cluster, "locked", "echo in; sleep 600", transform={"secrets": [{"name": "later", "key": "k", "env_var": "K"}]}
    )
    cluster.until(lambda: "later" in inspect(cluster, "locked").reason)

    cluster.pps.CreateSecret(
        pps_pb2.CreateSecretRequest(file=b'{"kind": "Secret", "metadata": {"name": "later"}, "stringData": {"k": "v"}}')
    )

    cluster.until(lambda: printed(cluster, "locked") == ["in"])


def test_others_may_write_the_branch_of_a_spout_too(cluster: Cluster) -> None:
    spout(cluster, "shared", "sleep 600")

    cluster.put("shared", {"/from_outside": "1"})

    assert cluster.files("shared") == {"/from_outside": "1"}


def test_a_pipeline_may_become_a_spout_and_a_pipeline_again(cluster: Cluster) -> None:
    cluster.create_repo("words")
    cluster.put("words", {"/w": "w"})
    copy = {"pipeline": {"name": "shifting"}, "transform": shell("cp /pfs/words/* /pfs/out/"), "input": pfs("words")}
    cluster.create(copy)
    cluster.finished_job("shifting")

    spout(cluster, "shifting", "echo s | pachctl put file shifting@master:/s -f -; sleep 600", update=True)
    cluster.until(lambda: cluster.files("shifting") == {"/w": "w", "/s": "s\n"})
    cluster.create(copy, update=True)

    assert cluster.finished_job("shifting").state == pps_pb2.JobState.JOB_SUCCESS
    assert cluster.files("shifting") == {"/w": "w"}


def test_a_stored_spec_that_cannot_be_read_stops_no_other_spout_and_ends_none_that_runs(cluster: Cluster) -> None:
    spout(cluster, "broken", "echo up; sleep 600")
    cluster.until(lambda: "up" in printed(cluster, "broken"))
    versioning = cluster.server.versioning
    with versioning.transaction() as tx:
        rows = tx.connection.execute(pipeline_versions.select()).all()
        row = next(each for each in rows if json.loads(each.spec_json)["pipeline"]["name"] == "broken")
        where = (pipeline_versions.c.pipeline == row.pipeline) & (pipeline_versions.c.version == row.version)
        text = json.dumps({**json.loads(row.spec_json), "nothing": "that we know"})
        tx.connection.execute(pipeline_versions.update().where(where).values(spec_json=text))
    try:
        spout(cluster, "sound", "echo up; sleep 600")
        cluster.until(lambda: "up" in printed(cluster, "sound"))
        assert not any("ended" in line for line in printed(cluster, "broken"))
    finally:
        with versioning.transaction() as tx:
            tx.connection.execute(pipeline_versions.update().where(where).values(spec_json=row.spec_json))
