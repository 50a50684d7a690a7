"""No spec, name or note that one user has kept takes a listing from the others."""

import json
from typing import Any

import grpc
import pytest
from google.protobuf.empty_pb2 import Empty

from trunkline.db.tables import pipeline_versions
from trunkline.proto import pfs_pb2, pps_pb2
from trunkline.testing.cluster import Cluster, pfs, shell

SPEC: dict[str, Any] = {"transform": shell("true"), "input": pfs("in")}


@pytest.fixture(scope="module", autouse=True)
def neighbour(cluster: Cluster) -> None:
    cluster.create_repo("in")
    cluster.create({"pipeline": {"name": "neighbour"}, **SPEC})


def create(cluster: Cluster, text: str) -> None:
    cluster.pps.CreatePipelineV2(pps_pb2.CreatePipelineV2Request(create_pipeline_request_json=text))


def names(cluster: Cluster) -> list[str]:
    found = cluster.pps.ListPipeline(pps_pb2.ListPipelineRequest(details=True, history=-1))
    return [info.pipeline.name for info in found]


def cron(start: str) -> dict[str, Any]:
    return {"input": {"cron": {"name": "c", "spec": "@never", "start": start}}}


NASTY: list[dict[str, Any]] = [
    *(
        cron(start)
        for start in (
            "2024-05-01T00:00Z",
            "2024-05-01t00:00:00z",
            "2024-W18-3T00:00:00Z",
            "20240501T000000Z",
            "2024-05-01T00:00:00,5Z",
            "2024-05-01T00:00:00+00:00:30",
            "2024-05-01T24:00:00Z",
            "0001-01-01T00:00:00+23:00",
            "9999-12-31T23:59:59-23:00",
            "2024-05-01T00:00:00.1234567891Z",
        )
    ),
    *(
        {key: {"cpu": number}}
        for key in ("resourceRequests", "resourceLimits", "sidecarResourceLimits")
        for number in (1e300, 3.5e38, -1e300, 1e39, "1e300", "9" * 400)
    ),
    *({"resourceLimits": {"memory": size}} for size in ("9" * 400, "1e99", "8E", "1E", "1m")),
    *({"parallelismSpec": {"constant": number}} for number in (2**63, 2**64 - 1, str(2**63))),
    *({"datumSetSpec": {key: 2**63 - 1}} for key in ("number", "sizeBytes", "perWorker")),
    *({key: 2**63 - 1} for key in ("datumTries", "maxQueueSize")),
    *({"datumTimeout": text} for text in ("87660000h", "9" * 400 + "s", "1e3s", "0.0000000001s", "315576000000s")),
    *({"description": text} for text in ("\ud800", "\x00", "\udfff", "é\U0001f600", "x" * 5_000_000)),
    *({"transform": {**shell("true"), "env": {"A": text}}} for text in ("\ud800", "\x00")),
    {"input": {"pfs": {"repo": "in", "glob": "/(*)", "joinOn": "$" + "9" * 5000}}},
    {"input": {"pfs": {"repo": "in", "glob": "/(*)", "joinOn": "$999999999", "groupBy": "${999999999}"}}},
    {"input": {"pfs": {"repo": "in", "glob": "/*", "trigger": {"branch": "master", "size": "9" * 400}}}},
    {"metadata": {"annotations": {"a": "\ud800"}}},
    {"podPatch": "[" * 100_000},
    {"podSpec": '{"a":' * 100_000},
    {"datumTimeout": "-1s"},
    {"tolerations": [{"operator": "EXISTS", "tolerationSeconds": 2**63 - 1}]},
]


@pytest.mark.parametrize("number", range(len(NASTY)))
def test_a_spec_is_refused_as_such_or_listed(cluster: Cluster, number: int) -> None:
    name = f"nasty{number}"
    request = pps_pb2.CreatePipelineV2Request(
        create_pipeline_request_json=json.dumps({"pipeline": {"name": name}, **SPEC, **NASTY[number]})
    )

    refusal = cluster.pps.CreatePipelineV2.future(request).exception()

    expected = [] if refusal else [name]
    assert refusal is None or refusal.code() is grpc.StatusCode.INVALID_ARGUMENT
    assert [each for each in names(cluster) if each in (name, "neighbour")] == [*expected, "neighbour"]
    cluster.pps.DeletePipeline(pps_pb2.DeletePipelineRequest(pipeline={"name": name}, force=True))


@pytest.mark.parametrize(
    "text", ["[" * 100_000, '{"a":' * 100_000, '"\\ud800"', "1" * 5000, '{"description": NaN}', ""]
)
def test_what_is_no_spec_is_refused_as_such(cluster: Cluster, text: str) -> None:
    calls = [
        lambda: create(cluster, text),
        lambda: cluster.pps.CreateSecret(pps_pb2.CreateSecretRequest(file=text.encode())),
        lambda: cluster.pps.SetProjectDefaults(
            pps_pb2.SetProjectDefaultsRequest(project={"name": "default"}, project_defaults_json=text or "x")
        ),
        lambda: cluster.pps.SetClusterDefaults(pps_pb2.SetClusterDefaultsRequest(cluster_defaults_json=text or "x")),
    ]
    for call in calls:
        with pytest.raises(grpc.RpcError) as refused:
            call()
        assert refused.value.code() is grpc.StatusCode.INVALID_ARGUMENT, refused.value.details()


@pytest.mark.parametrize("field", ["name", "type"])
def test_secrets_with_names_that_are_no_text_are_refused(cluster: Cluster, field: str) -> None:
    manifest: dict[str, Any] = {"kind": "Secret", "metadata": {"name": "s"}, "data": {}}
    (manifest["metadata"] if field == "name" else manifest)[field] = "\ud800"

    with pytest.raises(grpc.RpcError) as refused:
        cluster.pps.CreateSecret(pps_pb2.CreateSecretRequest(file=json.dumps(manifest).encode()))

    assert refused.value.code() is grpc.StatusCode.INVALID_ARGUMENT
    assert cluster.pps.ListSecret(Empty()).secret_info == []


@pytest.mark.parametrize(
    "change",
    [
        {"resourceRequests": {"cpu": 1e300}, "description": "kept"},
        {"input": {"cron": {"name": "c", "spec": "@never", "start": "2024-05-01T00:00Z"}}, "description": "kept"},
        {"datumTimeout": "9999999999999s", "description": "kept"},
        {"nothing": "that we know", "description": "kept"},
    ],
)
def test_a_row_of_an_older_version_is_shown_so_far_as_it_can_be(cluster: Cluster, change: dict[str, Any]) -> None:
    cluster.create({"pipeline": {"name": "older"}, **SPEC})
    versioning = cluster.server.versioning
    with versioning.transaction() as tx:
        rows = tx.connection.execute(pipeline_versions.select()).all()
        row = next(each for each in rows if json.loads(each.spec_json)["pipeline"]["name"] == "older")
        broken = json.dumps({**json.loads(row.spec_json), **change})
        where = (pipeline_versions.c.pipeline == row.pipeline) & (pipeline_versions.c.version == row.version)
        tx.connection.execute(pipeline_versions.update().where(where).values(spec_json=broken))

    try:
        assert [name for name in names(cluster) if name in ("older", "neighbour")] == ["older", "neighbour"]
        jobs = cluster.pps.ListJob(pps_pb2.ListJobRequest(details=True))
        assert {job.job.pipeline.name for job in jobs} >= {"older", "neighbour"}
    finally:
        with versioning.transaction() as tx:
            tx.connection.execute(pipeline_versions.update().where(where).values(spec_json=row.spec_json))
        cluster.pps.DeletePipeline(pps_pb2.DeletePipelineRequest(pipeline={"name": "older"}, force=True))


@pytest.mark.parametrize(
    "reference", ["master^" + "9" * 5000, "master." + "9" * 5000, "master~" + "9" * 30, "^" * 10**5]
)
def test_ancestry_beyond_all_numbers_is_refused(cluster: Cluster, reference: str) -> None:
    commit = pfs_pb2.Commit(repo={"name": "in", "type": "user"}, id=reference)

    with pytest.raises(grpc.RpcError) as refused:
        cluster.pfs.InspectCommit(pfs_pb2.InspectCommitRequest(commit=commit))
    pipeline = pps_pb2.Pipeline(name="neighbour^" + "9" * 5000)
    with pytest.raises(grpc.RpcError) as also:
        cluster.pps.InspectPipeline(pps_pb2.InspectPipelineRequest(pipeline=pipeline))

    assert refused.value.code() in (grpc.StatusCode.INVALID_ARGUMENT, grpc.StatusCode.NOT_FOUND)
    assert also.value.code() is grpc.StatusCode.INVALID_ARGUMENT
