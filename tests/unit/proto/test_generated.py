"""The wire is what clients of the field expect, and the committed code is what the .proto files say."""

from pathlib import Path

import pytest
from google.protobuf.descriptor import Descriptor

from trunkline.proto import (
    admin_pb2,
    auth_pb2,
    logs_pb2,
    pfs_pb2,
    pps_pb2,
    storage_pb2,
    transaction_pb2,
    version_pb2,
    worker_pb2,
)
from trunkline.proto.generate import PROTO_DIRECTORY, generate


def test_committed_code_is_what_generation_yields(tmp_path: Path) -> None:
    pytest.importorskip("grpc_tools")

    generate(tmp_path)

    fresh = {path.name: path.read_text() for path in (tmp_path / "trunkline" / "proto").iterdir()}
    committed = {path.name: path.read_text() for path in PROTO_DIRECTORY.glob("*_pb2*") if path.is_file()}
    assert sorted(fresh) == sorted(committed)
    assert [name for name in fresh if fresh[name] != committed[name]] == []


@pytest.mark.parametrize(
    ("message", "numbers"),
    [
        (pfs_pb2.Commit.DESCRIPTOR, {"repo": 3, "id": 2, "branch": 1}),
        (pfs_pb2.CommitInfo.DESCRIPTOR, {"direct_provenance": 13, "error": 10, "details": 12, "created_by": 16}),
        (pfs_pb2.AddFile.DESCRIPTOR, {"path": 1, "datum": 2, "raw": 3, "url": 4}),
        (pfs_pb2.AddFile.URLSource.DESCRIPTOR, {"URL": 1, "recursive": 2}),
        (pfs_pb2.ListFileRequest.DESCRIPTOR, {"file": 1, "paginationMarker": 3, "number": 4, "reverse": 5}),
        (pps_pb2.PFSInput.DESCRIPTOR, {"project": 14, "name": 1, "repo": 2, "repo_type": 13, "glob": 5}),
        (pps_pb2.Pipeline.DESCRIPTOR, {"project": 2, "name": 1}),
        (pps_pb2.CreatePipelineV2Request.DESCRIPTOR, {"create_pipeline_request_json": 1, "reprocess": 4}),
        (pps_pb2.LogMessage.DESCRIPTOR, {"project_name": 10, "pipeline_name": 1, "user": 7, "message": 9}),
        (pps_pb2.JobInfo.DESCRIPTOR, {"state": 11, "reason": 12, "details": 16, "data_recovered": 9}),
        (transaction_pb2.TransactionRequest.DESCRIPTOR, {"stop_job": 10, "create_pipeline_v2": 11}),
        (admin_pb2.ClusterInfo.DESCRIPTOR, {"id": 1, "deployment_id": 2, "warnings_ok": 3, "pending_restart": 10}),
        (version_pb2.Version.DESCRIPTOR, {"major": 1, "micro": 3, "additional": 4}),
        (logs_pb2.GetLogsRequest.DESCRIPTOR, {"query": 1, "filter": 2, "tail": 3, "want_paging_hint": 4}),
        (storage_pb2.CreateFilesetRequest.DESCRIPTOR, {"append_file": 1, "delete_file": 2, "copy_file": 3}),
        (worker_pb2.NextDatumResponse.DESCRIPTOR, {"env": 1}),
    ],
    ids=lambda value: value.full_name if isinstance(value, Descriptor) else "",
)
def test_fields_have_the_numbers_of_the_field(message: Descriptor, numbers: dict[str, int]) -> None:
    assert {name: message.fields_by_name[name].number for name in numbers} == numbers


def test_methods_have_the_names_that_clients_call() -> None:
    services = {
        "pfs_v2.API": pfs_pb2,
        "pps_v2.API": pps_pb2,
        "transaction_v2.API": transaction_pb2,
        "admin_v2.API": admin_pb2,
        "auth_v2.API": auth_pb2,
        "storage.Fileset": storage_pb2,
        "pachyderm.worker.Worker": worker_pb2,
    }

    found = {
        service.full_name for module in services.values() for service in module.DESCRIPTOR.services_by_name.values()
    }

    assert found == set(services)
    modify_file = pfs_pb2.DESCRIPTOR.services_by_name["API"].methods_by_name["ModifyFile"]
    assert (modify_file.client_streaming, modify_file.server_streaming) == (True, False)
    assert modify_file.input_type.full_name == "pfs_v2.ModifyFileRequest"


def test_enum_numbers_are_those_of_the_field() -> None:
    assert pps_pb2.JobState.Value("JOB_UNRUNNABLE") == 9
    assert pps_pb2.PipelineState.Value("PIPELINE_CRASHING") == 7
    assert pfs_pb2.CommitState.Value("FINISHED") == 4
    assert auth_pb2.Permission.Value("REPO_READ") == 200
    assert pps_pb2.PipelineInfo.PipelineType.Value("PIPELINT_TYPE_UNKNOWN") == 0
