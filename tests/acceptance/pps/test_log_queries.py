"""Questions to the logs of all pipelines, through the newer of the two log services."""

import json
from collections.abc import Iterator
from itertools import islice
from typing import Any

import grpc
import pytest
from google.protobuf import json_format

from trunkline.proto import logs_pb2, pfs_pb2, pps_pb2
from trunkline.proto.logs_pb2 import GetLogsRequest, LogFilter, LogLevel, LogQuery, UserLogQuery
from trunkline.proto.logs_pb2_grpc import APIStub
from trunkline.testing.cluster import Cluster, pfs, shell

COUNT = 'for n in 1 2 3 4 5; do echo "$(cat $in) says $n"; done; echo "$(cat $in) warns" >&2'


@pytest.fixture(scope="module")
def logs(cluster: Cluster) -> Iterator[APIStub]:
    """Two pipelines, two datums each, and the service."""
    cluster.create_repo("in")
    cluster.put("in", {"/a": "a", "/b": "b"})
    for name in ("first", "second"):
        cluster.create({"pipeline": {"name": name}, "transform": shell(COUNT), "input": pfs("in", name="in")})
        assert cluster.finished_job(name).state == pps_pb2.JobState.JOB_SUCCESS
    with grpc.insecure_channel(cluster.server.address.removeprefix("grpc://")) as channel:
        yield APIStub(channel)


def pipeline(name: str) -> logs_pb2.PipelineLogQuery:
    return logs_pb2.PipelineLogQuery(pipeline=name)


def lines(logs: APIStub, user: UserLogQuery, **options: Any) -> list[pps_pb2.LogMessage]:
    wanted = LogFilter(user_logs_only=True, **options)
    answer = logs.GetLogs(GetLogsRequest(query=LogQuery(user=user), filter=wanted))
    return [each.log.pps_log_message for each in answer]


def said(logs: APIStub, user: UserLogQuery, **options: Any) -> list[str]:
    return [line.message for line in lines(logs, user, **options)]


def all_of(*names: str) -> list[str]:
    return sorted([*(f"{name} says {n}" for name in names for n in range(1, 6)), *(f"{name} warns" for name in names)])


def test_lines_are_chosen_by_project_pipeline_job_and_datum(cluster: Cluster, logs: APIStub) -> None:
    job = cluster.jobs("first")[0].job
    datum = next(line.datum_id for line in lines(logs, UserLogQuery(job=job.id)) if line.message == "a warns")
    of_job = logs_pb2.PipelineJobLogQuery(pipeline=pipeline("first"), job=job.id)
    of_datum = logs_pb2.PipelineDatumLogQuery(pipeline=pipeline("second"), datum=datum)

    assert sorted(said(logs, UserLogQuery(project="default"))) == sorted(all_of("a", "b") * 2)
    assert sorted(said(logs, UserLogQuery(pipeline=pipeline("first")))) == all_of("a", "b")
    assert sorted(said(logs, UserLogQuery(pipeline_job=of_job))) == all_of("a", "b")
    of_both = logs_pb2.JobDatumLogQuery(job=job.id, datum=datum)
    assert sorted(said(logs, UserLogQuery(job_datum=of_both))) == all_of("a")
    assert len(said(logs, UserLogQuery(datum=datum))) == 12  # the datum is the same in both pipelines
    assert {line.pipeline_name for line in lines(logs, UserLogQuery(pipeline_datum=of_datum))} == {"second"}


def test_lines_are_chosen_by_words_and_level(logs: APIStub) -> None:
    of_first = UserLogQuery(pipeline=pipeline("first"))

    assert sorted(said(logs, of_first, regex=logs_pb2.RegexLogFilter(pattern="^a .*[12]$"))) == ["a says 1", "a says 2"]
    kept = said(logs, of_first, regex=logs_pb2.RegexLogFilter(pattern="says", negate=True))
    assert sorted(kept) == ["a warns", "b warns"]
    assert sorted(said(logs, of_first, level=LogLevel.LOG_LEVEL_ERROR)) == ["a warns", "b warns"]
    assert len(said(logs, of_first, level=LogLevel.LOG_LEVEL_DEBUG)) == 12


def test_the_controller_is_heard_unless_only_user_code_is_asked_for(logs: APIStub) -> None:
    user = GetLogsRequest(query=LogQuery(user=UserLogQuery(pipeline=pipeline("first"))))
    master = GetLogsRequest(query=LogQuery(admin=logs_pb2.AdminLogQuery(master=pipeline("first"))))

    everything = [each.log.pps_log_message for each in logs.GetLogs(user)]
    controller = [each.log.pps_log_message for each in logs.GetLogs(master)]

    assert [line.master for line in controller] == [True, True, True]
    assert len(everything) == 15
    assert everything[0].message.endswith("created for version 1 of the pipeline")


def test_a_line_comes_verbatim_as_an_object_and_as_a_message(logs: APIStub) -> None:
    of_first = GetLogsRequest(
        query=LogQuery(user=UserLogQuery(pipeline=pipeline("first"))),
        filter=LogFilter(regex=logs_pb2.RegexLogFilter(pattern="a says 1")),
    )

    (answer,) = logs.GetLogs(of_first)

    record = json.loads(answer.log.verbatim.line)
    assert (record["message"], record["pipelineName"], record["user"]) == ("a says 1", "first", True)
    assert record["data"][0]["path"] == "/a"
    assert answer.log.object["message"] == "a says 1"
    assert answer.log.native_timestamp == answer.log.verbatim.timestamp == answer.log.pps_log_message.ts


def test_paging_hints_lead_through_all_lines_in_both_directions(logs: APIStub) -> None:
    def page(request: GetLogsRequest) -> tuple[list[str], logs_pb2.PagingHint]:
        *answers, last = logs.GetLogs(request)
        return [each.log.verbatim.line.decode() for each in answers], last.paging_hint

    start = GetLogsRequest(
        query=LogQuery(user=UserLogQuery(project="default")), filter=LogFilter(limit=7), want_paging_hint=True
    )
    pages = []
    found, hint = page(start)
    while found:
        pages.append(found)
        found, hint = page(hint.newer)
    forward = [line for each in pages for line in each]
    assert (len(forward), len(set(forward))) == (30, 30)
    assert [len(each) for each in pages] == [7, 7, 7, 7, 2]

    backward = []
    found, hint = page(hint.older)
    while found:
        backward += found
        found, hint = page(hint.older)
    assert backward[::-1] == forward


def test_lines_are_followed_as_they_come(cluster: Cluster, logs: APIStub) -> None:
    request = GetLogsRequest(
        query=LogQuery(user=UserLogQuery(pipeline=pipeline("second"))), filter=LogFilter(user_logs_only=True), tail=True
    )
    stream = logs.GetLogs(request)
    assert len(list(islice(stream, 12))) == 12

    cluster.put("in", {"/c": "c"})

    assert sorted(next(stream).log.pps_log_message.message for _ in range(6)) == all_of("c")
    stream.cancel()


@pytest.mark.parametrize(
    ("request_", "code", "words"),
    [
        (GetLogsRequest(), "INVALID_ARGUMENT", "query must say whose logs"),
        (GetLogsRequest(query=LogQuery(user=UserLogQuery())), "INVALID_ARGUMENT", "must name a project, pipeline"),
        (GetLogsRequest(query=LogQuery(user=UserLogQuery(job="x"))), "NOT_FOUND", "job x not found"),
        (GetLogsRequest(query=LogQuery(user=UserLogQuery(project="x"))), "NOT_FOUND", "not found"),
        (
            GetLogsRequest(query=LogQuery(user=UserLogQuery(pipeline=pipeline("x")))),
            "NOT_FOUND",
            'pipeline "default/x" not found',
        ),
        (GetLogsRequest(query=LogQuery(admin=logs_pb2.AdminLogQuery(logql="{}"))), "UNIMPLEMENTED", "no Kubernetes"),
        (
            GetLogsRequest(
                query=LogQuery(user=UserLogQuery(project="default")),
                filter=LogFilter(regex=logs_pb2.RegexLogFilter(pattern="(")),
            ),
            "INVALID_ARGUMENT",
            "is no regular expression",
        ),
        (
            GetLogsRequest(
                query=LogQuery(user=UserLogQuery(project="default")),
                filter=LogFilter(regex=logs_pb2.RegexLogFilter(pattern="(?=ahead)")),
            ),
            "INVALID_ARGUMENT",
            "of RE2 .* invalid perl operator",
        ),
    ],
)
def test_bad_questions_are_refused(logs: APIStub, request_: GetLogsRequest, code: str, words: str) -> None:
    with pytest.raises(grpc.RpcError, match=words) as refused:
        list(logs.GetLogs(request_))
    assert refused.value.code().name == code


def test_a_pattern_that_others_take_for_ever_over_is_answered_at_once(cluster: Cluster, logs: APIStub) -> None:
    """A backtracking engine needs 2^5000 steps for this line, and keeps the server from everything else."""
    cluster.create_repo("long")
    line = "a" * 5000 + "!"
    cluster.put("long", {"/line": line})
    cluster.create({"pipeline": {"name": "talks"}, "transform": shell("cat /pfs/long/*"), "input": pfs("long")})
    cluster.finished_job("talks")
    of_pipeline = UserLogQuery(pipeline=pipeline("talks"))

    assert said(logs, of_pipeline, regex=logs_pb2.RegexLogFilter(pattern="(a+)+$")) == []
    assert said(logs, of_pipeline, regex=logs_pb2.RegexLogFilter(pattern="(a+)+!$")) == [line]


def test_what_spouts_and_services_print_is_found_too(cluster: Cluster, logs: APIStub) -> None:
    cluster.pfs.CreateProject(pfs_pb2.CreateProjectRequest(project=pfs_pb2.Project(name="lives")))
    of_project = UserLogQuery(project="lives")
    name = {"project": {"name": "lives"}, "name": "spouting"}
    cluster.create({"pipeline": name, "spout": {}, "transform": shell("echo here; echo trouble >&2; sleep 1000")})

    cluster.until(lambda: sorted(said(logs, of_project)) == ["here", "trouble"])

    spouting = logs_pb2.PipelineLogQuery(project="lives", pipeline="spouting")
    assert said(logs, UserLogQuery(pipeline=spouting), level=LogLevel.LOG_LEVEL_ERROR) == ["trouble"]
    master = GetLogsRequest(query=LogQuery(admin=logs_pb2.AdminLogQuery(master=spouting)))
    assert [each.log.pps_log_message.message for each in logs.GetLogs(master)] == ["process 0 started"]
    tail = GetLogsRequest(query=LogQuery(user=of_project), filter=LogFilter(user_logs_only=True), tail=True)
    stream = logs.GetLogs(tail)
    assert sorted(next(stream).log.pps_log_message.message for _ in range(2)) == ["here", "trouble"]
    stream.cancel()
    cluster.pps.DeletePipeline(pps_pb2.DeletePipelineRequest(pipeline=json_format.ParseDict(name, pps_pb2.Pipeline())))
