"""Secrets reach the user code and nobody else."""

import base64
import json
from pathlib import Path

import grpc
import pytest
from google.protobuf.empty_pb2 import Empty

from trunkline.proto import pps_pb2
from trunkline.testing.cluster import Cluster, open_cluster, pfs, shell

VALUE = "correct horse battery staple"


def create_secret(cluster: Cluster, name: str, data: dict[str, str]) -> None:
    manifest = {
        "kind": "Secret",
        "metadata": {"name": name},
        "data": {key: base64.b64encode(value.encode()).decode() for key, value in data.items()},
    }
    cluster.pps.CreateSecret(pps_pb2.CreateSecretRequest(file=json.dumps(manifest).encode()))


def secret(name: str) -> pps_pb2.Secret:
    return pps_pb2.Secret(name=name)


def test_secrets_are_made_listed_shown_without_values_and_deleted(cluster: Cluster) -> None:
    create_secret(cluster, "first", {"k": VALUE})

    listed = cluster.pps.ListSecret(Empty()).secret_info
    shown = cluster.pps.InspectSecret(pps_pb2.InspectSecretRequest(secret=secret("first")))

    assert [info.secret.name for info in listed] == ["first"]
    assert (shown.type, VALUE in str(shown)) == ("Opaque", False)
    with pytest.raises(grpc.RpcError) as twice:
        create_secret(cluster, "first", {})
    assert twice.value.code() is grpc.StatusCode.ALREADY_EXISTS
    cluster.pps.DeleteSecret(pps_pb2.DeleteSecretRequest(secret=secret("first")))
    assert not cluster.pps.ListSecret(Empty()).secret_info
    for call, request in (
        (cluster.pps.InspectSecret, pps_pb2.InspectSecretRequest(secret=secret("first"))),
        (cluster.pps.DeleteSecret, pps_pb2.DeleteSecretRequest(secret=secret("first"))),
    ):
        with pytest.raises(grpc.RpcError) as gone:
            call(request)
        assert gone.value.code() is grpc.StatusCode.NOT_FOUND


@pytest.mark.parametrize("file", [b"{", b"[]", b'{"kind": "Pod"}', b'{"kind": "Secret", "data": {"k": "zzz%"}}'])
def test_what_is_no_secret_is_refused_without_quoting_it(cluster: Cluster, file: bytes) -> None:
    with pytest.raises(grpc.RpcError) as refused:
        cluster.pps.CreateSecret(pps_pb2.CreateSecretRequest(file=file))

    assert refused.value.code() is grpc.StatusCode.INVALID_ARGUMENT
    assert "zzz%" not in str(refused.value.details())


def test_user_code_gets_secrets_as_variables_and_files_and_nothing_else_shows_them(cluster: Cluster) -> None:
    create_secret(cluster, "login", {"user": "me", "token": VALUE})
    cluster.create_repo("doors")
    cluster.put("doors", {"/d": "d"})
    mounts = [{"name": "login", "key": "token", "env_var": "TOKEN"}, {"name": "login", "mount_path": "/var/login"}]
    transform = shell(
        'printf %s "$TOKEN" | wc -c > /pfs/out/length',
        "cat /var/login/user > /pfs/out/user; cmp $PLACE/token - <<E\n$TOKEN\nE",
        'stat -c %a "$PLACE/token" > /pfs/out/mode',
        secrets=mounts,
        env={"PLACE": "/var/login"},
    )
    cluster.create({"pipeline": {"name": "opens"}, "transform": transform, "input": pfs("doors")})

    job = cluster.finished_job("opens")

    assert job.state == pps_pb2.JobState.JOB_SUCCESS, job.reason
    assert cluster.files("opens") == {"/length": f"{len(VALUE)}\n", "/user": "me", "/mode": "400\n"}
    request = pps_pb2.InspectPipelineRequest(pipeline=pps_pb2.Pipeline(name="opens"), details=True)
    told = str(cluster.pps.InspectPipeline(request)) + str(job) + "\n".join(cluster.logs(job.job))
    assert VALUE not in told
    assert not Path("/var/login").exists()


def test_a_missing_secret_fails_the_job_by_name(cluster: Cluster) -> None:
    cluster.create_repo("locked")
    mounts = [{"name": "absent", "key": "k", "env_var": "K"}]
    cluster.create({"pipeline": {"name": "waits"}, "transform": shell("true", secrets=mounts), "input": pfs("locked")})

    job = cluster.finished_job("waits")

    assert (job.state, job.reason) == (pps_pb2.JobState.JOB_FAILURE, 'secret "absent" not found')


def test_the_state_directory_has_no_readable_secret_and_the_key_is_its_owners_alone(tmp_path: Path) -> None:
    home = tmp_path / "home"
    cluster, close = open_cluster(home)
    create_secret(cluster, "kept", {"k": VALUE})
    close()

    for file in home.rglob("*"):
        if file.is_file():
            content = file.read_bytes()
            assert VALUE.encode() not in content
            assert base64.b64encode(VALUE.encode()) not in content
    assert (home / "secret.key").stat().st_mode & 0o777 == 0o600
    again, close = open_cluster(home)
    assert [info.secret.name for info in again.pps.ListSecret(Empty()).secret_info] == ["kept"]
    close()
