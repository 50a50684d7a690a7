"""Calls that few make: services that are off, maintenance, summaries, what is refused before anything else."""

import importlib
import io
import json
import tarfile
from types import ModuleType

import grpc
import pytest
from google.protobuf.empty_pb2 import Empty
from google.protobuf.message import Message

from trunkline.proto import (
    admin_pb2,
    auth_pb2,
    debug_pb2,
    enterprise_pb2,
    identity_pb2,
    license_pb2,
    pfs_pb2,
    pjs_pb2,
    pps_pb2,
    proxy_pb2,
    snapshot_pb2,
    taskapi_pb2,
    transaction_pb2,
)
from trunkline.proto.admin_pb2_grpc import APIStub as AdminStub
from trunkline.proto.debug_pb2_grpc import DebugStub
from trunkline.proto.enterprise_pb2_grpc import APIStub as EnterpriseStub
from trunkline.proto.pps_pb2_grpc import APIStub as PpsStub
from trunkline.proto.transaction_pb2_grpc import APIStub as TransactionStub
from trunkline.testing.doors import Story, add, at

NOT_ACTIVATED = "the auth service is not activated"


def refusal(channel: grpc.Channel, method: str) -> tuple[grpc.StatusCode, str]:
    call = channel.unary_unary(method, request_serializer=None, response_deserializer=None)
    with pytest.raises(grpc.RpcError) as refused:
        call(b"")
    return refused.value.code(), refused.value.details()


@pytest.mark.parametrize(
    ("module", "words"),
    [
        (auth_pb2, NOT_ACTIVATED),
        (identity_pb2, NOT_ACTIVATED),
        (license_pb2, "there are no licences"),
        (pjs_pb2, "ask pps_v2"),
        (proxy_pb2, "no database"),
        (snapshot_pb2, "copy the state directory"),
    ],
)
def test_every_method_of_a_service_that_is_off_says_so(
    story: Story, module: ModuleType, words: str, capfd: pytest.CaptureFixture[str]
) -> None:
    service = module.DESCRIPTOR.services_by_name["API"]

    for method in service.methods:
        code, said = refusal(story.channel, f"/{service.full_name}/{method.name}")
        assert (code, words in said) == (grpc.StatusCode.UNIMPLEMENTED, True), method.name
    assert "Traceback" not in capfd.readouterr().err


@pytest.mark.parametrize("method", ["/pfs.API/ListRepo", "/pps.API/ListJob", "/admin.API/InspectCluster"])
def test_clients_of_the_first_line_are_told_to_upgrade(story: Story, method: str) -> None:
    code, said = refusal(story.channel, method)

    assert (code, "upgrade" in said) == (grpc.StatusCode.UNIMPLEMENTED, True)


def test_what_needs_auth_in_active_services_says_that_it_is_off(story: Story) -> None:
    for call in (
        lambda: story.pfs.ActivateAuth(pfs_pb2.ActivateAuthRequest()),
        lambda: PpsStub(story.channel).ActivateAuth(pps_pb2.ActivateAuthRequest()),
    ):
        with pytest.raises(grpc.RpcError, match=NOT_ACTIVATED) as refused:
            call()
        assert refused.value.code() == grpc.StatusCode.UNIMPLEMENTED


@pytest.mark.parametrize(
    ("service", "method", "request_"),
    [
        ("pfs", "InspectProject", pfs_pb2.InspectProjectRequest()),
        ("pfs", "InspectProjectV2", pfs_pb2.InspectProjectV2Request()),
        ("pfs", "DeleteProject", pfs_pb2.DeleteProjectRequest(force=True)),
        ("pfs", "DropCommitSet", pfs_pb2.DropCommitSetRequest()),
        ("pfs", "DeleteBranch", pfs_pb2.DeleteBranchRequest()),
        ("pps", "InspectPipeline", pps_pb2.InspectPipelineRequest()),
        ("pps", "DeletePipeline", pps_pb2.DeletePipelineRequest()),
        ("pps", "RerunPipeline", pps_pb2.RerunPipelineRequest()),
        ("pps", "RunCron", pps_pb2.RunCronRequest()),
        ("pps", "InspectJobSet", pps_pb2.InspectJobSetRequest()),
        ("pps", "InspectSecret", pps_pb2.InspectSecretRequest()),
        ("pps", "ListTask", taskapi_pb2.ListTaskRequest()),
        ("transaction", "FinishTransaction", transaction_pb2.FinishTransactionRequest()),
        ("transaction", "DeleteTransaction", transaction_pb2.DeleteTransactionRequest()),
    ],
)
def test_a_request_without_what_it_must_have_is_invalid(
    story: Story, service: str, method: str, request_: Message
) -> None:
    stub = importlib.import_module(f"trunkline.proto.{service}_pb2_grpc").APIStub(story.channel)

    with pytest.raises(grpc.RpcError, match=r"validate request: .* is required") as refused:
        list(getattr(stub, method)(request_))

    assert refused.value.code() == grpc.StatusCode.INVALID_ARGUMENT


def test_a_negative_number_of_things_is_invalid(story: Story) -> None:
    pps = PpsStub(story.channel)
    source = pps_pb2.Input(pfs=pps_pb2.PFSInput(repo="in", glob="/*"))
    start = pps_pb2.CreateDatumRequest(start=pps_pb2.StartCreateDatumRequest(input=source, number=-1))
    for call in (
        lambda: pps.ListJob(pps_pb2.ListJobRequest(number=-1)),
        lambda: pps.CreateDatum(iter([start])),
        lambda: story.pfs.ListRepo(pfs_pb2.ListRepoRequest(page=pfs_pb2.RepoPage(page_size=1, page_index=-1))),
    ):
        with pytest.raises(grpc.RpcError, match=r"validate request: .* must be 0 or more"):
            list(call())


def test_no_project_is_deleted_by_leaving_out_its_name(story: Story) -> None:
    with pytest.raises(grpc.RpcError, match="name the project to delete"):
        story.pfs.DeleteProject(pfs_pb2.DeleteProjectRequest(project=pfs_pb2.Project(), force=True))

    assert [info.repo.name for info in story.pfs.ListRepo(pfs_pb2.ListRepoRequest())] == ["in"]


@pytest.mark.parametrize("force", [False, True])
def test_the_default_project_cannot_be_deleted(story: Story, force: bool) -> None:
    project = pfs_pb2.Project(name="default")

    with pytest.raises(grpc.RpcError, match='cannot delete project "default": it always exists') as refused:
        story.pfs.DeleteProject(pfs_pb2.DeleteProjectRequest(project=project, force=force))

    assert refused.value.code() == grpc.StatusCode.FAILED_PRECONDITION
    assert [info.repo.name for info in story.pfs.ListRepo(pfs_pb2.ListRepoRequest())] == ["in"]


def test_an_older_version_of_a_pipeline_is_named_by_a_number(story: Story) -> None:
    request = pps_pb2.InspectPipelineRequest(pipeline=pps_pb2.Pipeline(name="p^x"))

    with pytest.raises(grpc.RpcError, match=r"an older version is written NAME\^N") as refused:
        PpsStub(story.channel).InspectPipeline(request)

    assert refused.value.code() == grpc.StatusCode.INVALID_ARGUMENT


@pytest.mark.parametrize(
    ("version", "project", "warnings"),
    [
        ((0, 0), "", []),
        ((2, 12), "default", []),
        ((2, 9), "", ["the client, 2.9.1, is older than what this server speaks"]),
        ((3, 0), "", ["the client, 3.0.1, is newer than what this server speaks"]),
        ((2, 12), "absent", ['the current project "absent" does not exist']),
    ],
)
def test_clients_are_told_what_their_user_should_know(
    story: Story, version: tuple[int, int], project: str, warnings: list[str]
) -> None:
    request = admin_pb2.InspectClusterRequest()
    request.client_version.major, request.client_version.minor = version
    request.client_version.micro = 1
    request.current_project.name = project

    told = AdminStub(story.channel).InspectCluster(request).warnings

    assert [text[: len(start)] for text, start in zip(told, warnings, strict=True)] == warnings


def test_a_project_is_shown_with_its_defaults(story: Story) -> None:
    defaults = '{"createPipelineRequest": {"datumTries": 7}}'
    project = pfs_pb2.Project(name="default")
    PpsStub(story.channel).SetProjectDefaults(
        pps_pb2.SetProjectDefaultsRequest(project=project, project_defaults_json=defaults)
    )

    shown = story.pfs.InspectProjectV2(pfs_pb2.InspectProjectV2Request(project=project))

    assert (shown.info.project.name, json.loads(shown.defaults_json)) == ("default", json.loads(defaults))


def test_summaries_count_repos_and_pipelines_of_projects(story: Story) -> None:
    story.pfs.CreateProject(pfs_pb2.CreateProjectRequest(project=pfs_pb2.Project(name="other")))
    story.put(at("in"), add("/a", "12345"))
    pps = PpsStub(story.channel)
    for name in ("works", "stopped"):
        pps.CreatePipeline(
            pps_pb2.CreatePipelineRequest(
                pipeline=pps_pb2.Pipeline(name=name),
                transform=pps_pb2.Transform(cmd=["true"]),
                input=pps_pb2.Input(pfs=pps_pb2.PFSInput(repo="in", glob="/*")),
            )
        )
    pps.StopPipeline(pps_pb2.StopPipelineRequest(pipeline=pps_pb2.Pipeline(name="stopped")))

    repos = story.pfs.ReposSummary(pfs_pb2.ReposSummaryRequest()).summaries
    pipelines = pps.PipelinesSummary(pps_pb2.PipelinesSummaryRequest()).summaries

    assert {each.project.name: (each.user_repo_count, each.size_bytes > 0) for each in repos} == {
        "default": (3, True),
        "other": (0, False),
    }
    counts = {each.project.name: (each.active_pipelines, each.paused_pipelines) for each in pipelines}
    assert counts["default"] == (1, 1)
    assert list(pps.CheckStatus(pps_pb2.CheckStatusRequest(all=True))) == []


def test_storage_is_checked_and_counted(story: Story) -> None:
    story.put(at("in"), add("/a", "1"))

    answer = story.pfs.CheckStorage(pfs_pb2.CheckStorageRequest(read_chunk_data=True))

    assert answer.chunk_object_count > 0


def test_what_only_a_cluster_has_is_empty_or_refused_with_the_way_to_go(story: Story) -> None:
    pps = PpsStub(story.channel)
    enterprise = EnterpriseStub(story.channel)

    assert list(pps.GetKubeEvents(pps_pb2.LokiRequest())) == []
    assert list(pps.QueryLoki(pps_pb2.LokiRequest(query="{}"))) == []
    status = enterprise.PauseStatus(enterprise_pb2.PauseStatusRequest()).status
    assert status == enterprise_pb2.PauseStatusResponse.PauseStatus.UNPAUSED
    with pytest.raises(grpc.RpcError, match="pachctl shutdown"):
        AdminStub(story.channel).RestartPachyderm(admin_pb2.RestartPachydermRequest())
    with pytest.raises(grpc.RpcError, match=r"this server does not offer /pps_v2\.API/RunPipeline"):
        pps.RunPipeline(pps_pb2.RunPipelineRequest())


def test_the_older_dump_is_an_archive_too(story: Story) -> None:
    data = b"".join(piece.value for piece in DebugStub(story.channel).Dump(debug_pb2.DumpRequest()))

    with tarfile.open(fileobj=io.BytesIO(data), mode="r:gz") as archive:
        assert "repos.json" in archive.getnames()


def test_deleting_everything_in_the_order_of_pachctl(story: Story) -> None:
    """Its first two calls are refused as auth is off, which it takes; the rest leaves one empty project."""
    story.put(at("in"), add("/a", "1"))

    for method in ("/identity_v2.API/DeleteAll", "/auth_v2.API/Deactivate"):
        assert NOT_ACTIVATED in refusal(story.channel, method)[1]
    PpsStub(story.channel).DeleteAll(Empty())
    story.pfs.DeleteAll(Empty())
    TransactionStub(story.channel).DeleteAll(transaction_pb2.DeleteAllRequest())

    assert list(story.pfs.ListRepo(pfs_pb2.ListRepoRequest())) == []
    assert [info.project.name for info in story.pfs.ListProject(pfs_pb2.ListProjectRequest())] == ["default"]
