"""Which datums inputs make over a history, as users see it: counts, files, ids, pages."""

from collections.abc import Callable, Iterator, Mapping
from hashlib import blake2b
from typing import Any

import grpc
import pytest
from google.protobuf import json_format

from trunkline.model.datums import Datum, DatumSet
from trunkline.pfs.garbage import Garbage
from trunkline.pps.queries import jobs
from trunkline.proto import pps_pb2
from trunkline.storage.table import TableStore
from trunkline.testing.cluster import Cluster, open_cluster, pfs
from trunkline.testing.in_process import DatumError

Run = Callable[..., tuple[int, int, int]]


def show(datum_set: DatumSet, datum: Datum, seen: Mapping[str, bytes]) -> dict[str, bytes]:
    """Write one file that is named by what the datum reads and holds what it sees."""
    if b"bad" in seen.values():
        raise DatumError("bad content")
    names = "--".join(each.source.name + each.path.replace("/", "~") for each in datum.inputs)
    path = datum_set.transform.cmd[1] if len(datum_set.transform.cmd) > 1 else f"/{names}"
    found = b" ".join(name.encode() + b"=" + content for name, content in sorted(seen.items()))
    return {path: found} if path != "/clash" else {f"/clash{'/below' * datum.inputs[0].path.endswith('2')}": found}


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    opened, close = open_cluster(tmp_path_factory.mktemp("inputs") / "home", program=show)
    yield opened
    close()


@pytest.fixture
def run(cluster: Cluster) -> Iterator[Run]:
    """Create or update a pipeline, or wait for its newest job; return its total, processed and skipped datums."""
    made: list[str] = []

    def run(pipeline: str, node: dict[str, Any] | None = None) -> tuple[int, int, int]:
        if node is not None:
            spec = {"pipeline": {"name": pipeline}, "input": node, "transform": {"cmd": ["show"]}}
            cluster.create(spec, update=pipeline in made)
            made.append(pipeline)
        job = cluster.finished_job(pipeline)
        assert job.state == pps_pb2.JobState.JOB_SUCCESS, job.reason
        return job.data_total, job.data_processed, job.data_skipped

    yield run
    for pipeline in set(made):
        request = pps_pb2.DeletePipelineRequest(pipeline=pps_pb2.Pipeline(name=pipeline), force=True)
        cluster.pps.DeletePipeline(request)


def test_no_files_make_no_datums_and_a_job_that_succeeds(cluster: Cluster, run: Run) -> None:
    for repo in ("headless", "emptied"):
        cluster.create_repo(repo)
    cluster.put("emptied", {"/x": "1"})
    cluster.put("emptied", {}, deleted=("/x",))

    assert run("of-headless", pfs("headless")) == (0, 0, 0)
    assert run("of-emptied", pfs("emptied", "/")) == (0, 0, 0)


def test_an_input_that_never_propagates_starts_no_job_and_is_read_as_it_is_by_the_next(
    cluster: Cluster, run: Run
) -> None:
    cluster.create_repo("eager")
    cluster.create_repo("quiet")
    cluster.put("eager", {"/1": "1"})
    cluster.put("quiet", {"/p": "old"})
    run("half-quiet", {"cross": [pfs("eager"), pfs("quiet", propagationSpec={"never": True})]})

    cluster.put("quiet", {"/p": "new"})
    assert len(cluster.jobs("half-quiet")) == 1
    cluster.put("eager", {"/2": "2"})

    assert run("half-quiet") == (2, 2, 0)
    assert cluster.files("half-quiet") == {
        "/eager~1--quiet~p": "eager/1=1 quiet/p=new",
        "/eager~2--quiet~p": "eager/2=2 quiet/p=new",
    }


def test_what_a_reference_input_holds_makes_nothing_run_again(cluster: Cluster, run: Run) -> None:
    for repo in ("main", "lookup"):
        cluster.create_repo(repo)
        cluster.put(repo, {"/1": "1"})
    run("with-lookup", {"cross": [pfs("main"), pfs("lookup", reference=True)]})

    cluster.put("lookup", {"/1": "other"})
    assert run("with-lookup") == (1, 0, 1)
    cluster.put("main", {"/1": "2"})
    assert run("with-lookup") == (1, 1, 0)
    assert cluster.files("with-lookup") == {"/lookup~1--main~1": "lookup/1=other main/1=2"}


def test_a_partner_that_comes_and_goes_changes_what_an_outer_join_makes(cluster: Cluster, run: Run) -> None:
    for repo in ("left", "right"):
        cluster.create_repo(repo)
    cluster.put("left", {"/k1-a": "1", "/k2-b": "2"})
    cluster.put("right", {"/k1-z": "3", "/k3-y": "4"})

    def join(**outer: bool) -> dict[str, Any]:
        return {
            "join": [pfs(repo, "/(*)-*", joinOn="$1", outerJoin=outer.get(repo, False)) for repo in ("left", "right")]
        }

    run("inner", join())
    run("outer", join(left=True))
    run("full", join(left=True, right=True))
    assert list(cluster.files("inner")) == ["/left~k1-a--right~k1-z"]
    assert list(cluster.files("outer")) == ["/left~k1-a--right~k1-z", "/left~k2-b"]
    assert list(cluster.files("full")) == ["/left~k1-a--right~k1-z", "/left~k2-b", "/right~k3-y"]

    cluster.put("right", {"/k2-q": "5"})
    assert (run("inner"), run("outer"), run("full")) == ((2, 1, 1), (2, 1, 1), (3, 1, 2))
    assert list(cluster.files("outer")) == ["/left~k1-a--right~k1-z", "/left~k2-b--right~k2-q"]

    cluster.put("right", {}, deleted=("/k1-z", "/k2-q"))
    assert (run("inner"), run("outer"), run("full")) == ((0, 0, 0), (2, 2, 0), (3, 2, 1))
    assert list(cluster.files("full")) == ["/left~k1-a", "/left~k2-b", "/right~k3-y"]


def test_a_group_runs_again_when_a_member_comes_goes_or_changes(cluster: Cluster, run: Run) -> None:
    cluster.create_repo("members")
    cluster.put("members", {"/a-1": "1", "/a-2": "2", "/b-1": "3"})
    run("grouped", {"group": [pfs("members", "/(*)-*", groupBy="$1")]})

    cluster.put("members", {"/a-3": "4"})
    assert run("grouped") == (2, 1, 1)
    cluster.put("members", {"/a-2": "changed"}, deleted=("/b-1",))
    assert run("grouped") == (1, 1, 0)
    assert cluster.files("grouped") == {
        "/members~a-1--members~a-2--members~a-3": "members/a-1=1 members/a-2=changed members/a-3=4"
    }


def test_a_file_that_two_globs_of_a_union_match_is_one_datum(cluster: Cluster, run: Run) -> None:
    cluster.create_repo("shared")
    cluster.put("shared", {"/1": "1", "/2": "2", "/3": "3"})

    assert run("overlapping", {"union": [pfs("shared"), pfs("shared", "/[12]")]}) == (3, 3, 0)
    cluster.put("shared", {"/2": "changed"}, deleted=("/1",))
    assert run("overlapping") == (2, 1, 1)


def test_one_path_as_file_and_directory_fails_the_job(cluster: Cluster) -> None:
    cluster.create_repo("clashing")
    cluster.put("clashing", {"/1": "1", "/2": "2"})
    cluster.create({"pipeline": {"name": "clash"}, "input": pfs("clashing"), "transform": {"cmd": ["show", "/clash"]}})

    job = cluster.finished_job("clash")

    assert job.state == pps_pb2.JobState.JOB_FAILURE
    assert job.reason == "file / directory path collision (/clash)"


def test_ids_and_order_of_datums_are_those_of_the_field(cluster: Cluster, run: Run) -> None:
    cluster.create_repo("named")
    cluster.put("named", {f"/{number}": "x" for number in range(5)})
    run("by-id", pfs("named", name="in"))
    job = cluster.finished_job("by-id").job

    def written(path: str) -> str:
        texts = (b"in", b"named", b"master", path.encode())
        return blake2b(b"".join(text + len(text).to_bytes(8, "big") for text in texts), digest_size=32).hexdigest()

    listed = [info.datum.id for info in cluster.pps.ListDatum(pps_pb2.ListDatumRequest(job=job))]
    assert listed == sorted(written(f"/{number}") for number in range(5))

    def page(**options: Any) -> list[str]:
        request = pps_pb2.ListDatumRequest(job=job, number=2, **options)
        return [info.datum.id for info in cluster.pps.ListDatum(request)]

    assert page() == listed[:2]
    assert page(paginationMarker=listed[1]) == listed[2:4]
    assert page(reverse=True) == listed[:2:-1]
    assert page(reverse=True, paginationMarker=listed[3]) == listed[2:0:-1]


def test_datums_are_listed_by_state_page_by_page(cluster: Cluster, run: Run) -> None:
    cluster.create_repo("staged")
    cluster.put("staged", {f"/{number}": "x" for number in range(4)})
    run("by-state", pfs("staged"))
    cluster.put("staged", {"/4": "x", "/5": "x"})
    run("by-state")

    def paths(pipeline: str, *states: pps_pb2.DatumState, **options: Any) -> list[str]:
        job = cluster.finished_job(pipeline).job
        request = pps_pb2.ListDatumRequest(job=job, filter={"state": states}, **options)
        return sorted(info.data[0].file.path for info in cluster.pps.ListDatum(request))

    assert paths("by-state", pps_pb2.DatumState.SUCCESS) == ["/4", "/5"]
    assert paths("by-state", pps_pb2.DatumState.SKIPPED) == ["/0", "/1", "/2", "/3"]
    assert len(paths("by-state", pps_pb2.DatumState.SKIPPED, number=3)) == 3
    assert paths("by-state", pps_pb2.DatumState.FAILED) == []

    cluster.put("staged", {"/bad": "bad"})
    assert cluster.finished_job("by-state").state == pps_pb2.JobState.JOB_FAILURE
    assert paths("by-state", pps_pb2.DatumState.FAILED) == ["/bad"]
    assert cluster.finished_job("by-state").reason.endswith(
        f"bad content [staged@{cluster.jobs('by-state')[0].job.id}:/bad]"
    )


def test_after_jobs_that_failed_or_are_forgotten_the_last_good_one_counts(cluster: Cluster, run: Run) -> None:
    cluster.create_repo("bumpy")
    cluster.put("bumpy", {"/1": "1", "/2": "2"})
    run("on-bumpy", pfs("bumpy"))
    cluster.put("bumpy", {"/3": "bad", "/4": "4"})
    assert cluster.finished_job("on-bumpy").state == pps_pb2.JobState.JOB_FAILURE

    cluster.put("bumpy", {"/3": "3"})
    assert run("on-bumpy") == (4, 2, 2)  # what succeeded in the failed job runs again

    cluster.pps.DeleteJob(pps_pb2.DeleteJobRequest(job=cluster.jobs("on-bumpy")[0].job))
    cluster.put("bumpy", {"/5": "5"})
    assert run("on-bumpy") == (5, 3, 2)
    assert len(cluster.files("on-bumpy")) == 5


def test_datums_of_a_join_are_listed_without_a_job(cluster: Cluster) -> None:
    for repo in ("stores", "sales"):
        cluster.create_repo(repo)
    cluster.put("stores", {"/s1": "", "/s2": ""})
    cluster.put("sales", {"/7-s1": "", "/8-s1": "", "/9-s3": ""})
    node = {"join": [pfs("stores", "/(*)", joinOn="$1"), pfs("sales", "/*-(*)", joinOn="$1")]}
    message = json_format.ParseDict(node, pps_pb2.Input())

    found = [
        [data.file.path for data in info.data]
        for info in cluster.pps.ListDatum(pps_pb2.ListDatumRequest(input=message))
    ]

    assert found == [["/7-s1", "/s1"], ["/8-s1", "/s1"]]


def test_a_pipeline_that_is_not_there_is_said_to_be_missing_wherever_it_is_listed(cluster: Cluster) -> None:
    pipeline = pps_pb2.Pipeline(name="nowhere")
    for ask in (
        lambda: cluster.pps.ListJob(pps_pb2.ListJobRequest(pipeline=pipeline)),
        lambda: cluster.pps.ListPipeline(pps_pb2.ListPipelineRequest(pipeline=pipeline)),
    ):
        with pytest.raises(grpc.RpcError) as refused:
            list(ask())
        assert refused.value.code() is grpc.StatusCode.NOT_FOUND
        assert refused.value.details() == 'pipeline "default/nowhere" not found'


def test_a_join_goes_on_from_its_tables_after_garbage_was_collected(cluster: Cluster, run: Run) -> None:
    for repo in ("one-side", "other-side"):
        cluster.create_repo(repo)
        cluster.put(repo, {"/k1-a": "1", "/k2-b": "2"})
    run("pairs", {"join": [pfs(repo, "/(*)-*", joinOn="$1") for repo in ("one-side", "other-side")]})
    garbage = Garbage(cluster.server.versioning)

    for _ in range(2):  # once to condemn, once to delete
        garbage.collect(grace_seconds=0)
    file_sets = cluster.server.versioning.file_sets
    with cluster.server.versioning.reading() as tx:
        (found,) = (job for job in jobs.list_jobs(tx.connection) if job.pipeline == "pairs")
    stored = TableStore(file_sets.chunks.objects)  # what is on disk, not what the server has loaded
    assert len(found.buckets) == 2
    assert all(list(stored.objects(root, set())) for root in found.buckets.values())
    cluster.put("one-side", {"/k2-c": "3"})

    assert run("pairs") == (3, 1, 2)
