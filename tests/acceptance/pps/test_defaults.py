"""Defaults under specs, and templates that make specs."""

import json
import threading
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import grpc
import pytest

from trunkline.proto import pps_pb2
from trunkline.testing.cluster import Cluster, pfs, shell


def set_cluster(cluster: Cluster, fields: dict[str, object], **options: bool) -> list[str]:
    text = json.dumps({"createPipelineRequest": fields} if fields else {})
    request = pps_pb2.SetClusterDefaultsRequest(cluster_defaults_json=text, **options)
    return [each.name for each in cluster.pps.SetClusterDefaults(request).affected_pipelines]


def set_project(cluster: Cluster, fields: dict[str, object], **options: bool) -> list[str]:
    text = json.dumps({"createPipelineRequest": fields})
    request = pps_pb2.SetProjectDefaultsRequest(project={"name": "default"}, project_defaults_json=text, **options)
    return [each.name for each in cluster.pps.SetProjectDefaults(request).affected_pipelines]


def inspect(cluster: Cluster, name: str) -> pps_pb2.PipelineInfo:
    request = pps_pb2.InspectPipelineRequest(pipeline=pps_pb2.Pipeline(name=name), details=True)
    return cluster.pps.InspectPipeline(request)


def test_each_layer_of_defaults_lies_over_the_one_before(cluster: Cluster) -> None:
    set_cluster(cluster, {"datumTries": 7, "transform": {"env": {"A": "cluster", "B": "cluster"}}})
    set_project(cluster, {"transform": {"env": {"B": "project", "C": "project"}}})
    cluster.create_repo("layers")
    transform = shell("echo $A $B $C > /pfs/out/seen", env={"C": "user"})
    cluster.put("layers", {"/x": "x"})

    cluster.create({"pipeline": {"name": "layered"}, "transform": transform, "input": pfs("layers")})

    assert cluster.finished_job("layered").details.datum_tries == 7
    assert cluster.files("layered") == {"/seen": "cluster project user\n"}
    info = inspect(cluster, "layered")
    assert json.loads(info.effective_spec_json)["datumTries"] in (7, "7")
    assert "datumTries" not in json.loads(info.user_spec_json)
    set_cluster(cluster, {})
    set_project(cluster, {})


def test_changed_defaults_reach_pipelines_only_when_asked_to(cluster: Cluster) -> None:
    cluster.create_repo("regular")
    cluster.create({"pipeline": {"name": "follows"}, "transform": shell("true"), "input": pfs("regular")})
    own = {"pipeline": {"name": "insists"}, "transform": shell("true"), "input": pfs("regular"), "datum_tries": 2}
    cluster.create(own)
    before = {"follows", "insists"}

    tried = set_cluster(cluster, {"datumTries": 5}, dry_run=True, regenerate=True)
    assert before & set(tried) == {"follows"}
    assert cluster.pps.GetClusterDefaults(pps_pb2.GetClusterDefaultsRequest()).cluster_defaults_json == "{}"

    set_cluster(cluster, {"datumTries": 5})
    assert inspect(cluster, "follows").details.datum_tries == 3
    set_cluster(cluster, {"datumTries": 5}, regenerate=True)
    assert (inspect(cluster, "follows").version, inspect(cluster, "follows").details.datum_tries) == (2, 5)
    assert (inspect(cluster, "insists").version, inspect(cluster, "insists").details.datum_tries) == (1, 2)
    set_cluster(cluster, {})


def test_defaults_that_are_no_spec_are_refused(cluster: Cluster) -> None:
    for fields in ({"datumTriez": 5}, {"transform": {"cmd": "sh"}}):
        with pytest.raises(grpc.RpcError) as refused:
            set_cluster(cluster, fields)
        assert refused.value.code() is grpc.StatusCode.INVALID_ARGUMENT


def test_a_template_makes_specs_of_its_arguments(cluster: Cluster) -> None:
    template = """
    function(name, repos) [
      {
        pipeline: { name: name + "-" + repo },
        transform: { cmd: ["true"] },
        input: { pfs: { repo: repo, glob: "/*" } },
      }
      for repo in std.split(repos, ",")
    ]
    """
    request = pps_pb2.RenderTemplateRequest(template=template, args={"name": "p", "repos": "a,b"})

    made = cluster.pps.RenderTemplate(request)

    assert [spec.pipeline.name for spec in made.specs] == ["p-a", "p-b"]
    assert json.loads(made.json)[1]["input"]["pfs"]["repo"] == "b"


@pytest.mark.parametrize(
    "template",
    ["function(", "function(x) {}", 'import "/etc/hostname"', '{ pipelin: "x" }', "local f(x) = f(x + 1); f(0)"],
)
def test_a_template_that_makes_no_spec_is_an_error_of_the_template(cluster: Cluster, template: str) -> None:
    with pytest.raises(grpc.RpcError) as refused:
        cluster.pps.RenderTemplate(pps_pb2.RenderTemplateRequest(template=template))

    assert refused.value.code() is grpc.StatusCode.INVALID_ARGUMENT
    assert str(refused.value.details()).startswith("template err")


def test_a_template_that_slips_is_told_what_was_meant(cluster: Cluster) -> None:
    template = '{ pipeline: { name: "x" }, transform: { cmdd: ["sh"] } }'

    with pytest.raises(grpc.RpcError, match=r"template err: .* transform.cmdd: unknown field; did you mean cmd"):
        cluster.pps.RenderTemplate(pps_pb2.RenderTemplateRequest(template=template))


def test_templates_import_over_http_and_relative_to_there(
    cluster: Cluster, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "lib").mkdir()
    library = 'function(name) (import "base.libsonnet") + { pipeline: { name: name } }'
    (tmp_path / "lib" / "spec.libsonnet").write_text(library)
    (tmp_path / "lib" / "base.libsonnet").write_text('{ transform: { cmd: ["true"] } }')
    (tmp_path / "secret").write_text("{}")
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(SimpleHTTPRequestHandler, directory=tmp_path))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    address = f"http://127.0.0.1:{server.server_port}"
    monkeypatch.setenv("TRUNKLINE_TEMPLATE_IMPORTS", f"https://example.invalid/ {address}/")
    template = f'function(name) (import "{address}/lib/spec.libsonnet")(name)'
    absent = f'import "{address}/absent"'

    try:
        made = cluster.pps.RenderTemplate(pps_pb2.RenderTemplateRequest(template=template, args={"name": "p"}))
        for refused, reason in ((absent, "404"), (f'import "{tmp_path}/secret"', "over http:// and https:// only")):
            with pytest.raises(grpc.RpcError, match=f"template err: .*{reason}"):
                cluster.pps.RenderTemplate(pps_pb2.RenderTemplateRequest(template=refused))
    finally:
        server.shutdown()
        server.server_close()

    assert [(spec.pipeline.name, list(spec.transform.cmd)) for spec in made.specs] == [("p", ["true"])]


def test_only_what_would_change_is_affected_whatever_the_order_of_keys(cluster: Cluster) -> None:
    cluster.create_repo("keys")
    spec = {"input": pfs("keys"), "datumTries": 4, "transform": shell("true"), "pipeline": {"name": "ordered"}}
    cluster.pps.CreatePipelineV2(pps_pb2.CreatePipelineV2Request(create_pipeline_request_json=json.dumps(spec)))

    affected = set_cluster(cluster, {"pipeline": {"name": "other"}, "datumTries": 9})

    assert "ordered" not in affected
    set_cluster(cluster, {})
