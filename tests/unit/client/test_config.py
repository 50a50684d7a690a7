import json
from dataclasses import replace
from pathlib import Path

import pytest

from trunkline.client.config import Config, Context, config_path, read_config, write_config
from trunkline.errors import InvalidInputError, NotFoundError


def test_missing_file_is_created_with_a_context_for_the_local_server(tmp_path: Path) -> None:
    path = tmp_path / "new" / "config.json"

    config = read_config(path)

    name, context = config.context()
    assert (name, context.pachd_address, context.project) == ("default", "", "default")
    written = json.loads(path.read_text())
    assert written["v2"]["active_context"] == "default"
    assert written["v2"]["contexts"] == {"default": {"project": "default"}}
    assert len(written["user_id"]) == 32
    assert path.stat().st_mode & 0o077 == 0


def test_where_no_file_can_be_created_the_local_server_is_meant_all_the_same() -> None:
    path = Path("/proc/pachyderm/config.json")  # there, not even root can create one

    config = read_config(path)

    assert config.context() == ("default", Context(project="default"))
    with pytest.raises(
        InvalidInputError, match=r"config\.json: No such file or directory; PACH_CONFIG can name another file"
    ):
        write_config(config, path)


def test_what_other_programs_wrote_survives_a_change(tmp_path: Path) -> None:
    path = tmp_path / "config.json"
    contexts = {"a": {"source": 2, "pachd_address": "grpc://h:1", "namespace": "ns", "port_forwarders": {"pachd": 1}}}
    v2 = {"active_context": "a", "metrics": True, "max_shell_completions": 64, "contexts": contexts}
    path.write_text(json.dumps({"user_id": "u", "v2": v2}))

    config = read_config(path)
    name, context = config.context()
    write_config(config.with_context(name, replace(context, project="p")), path)

    v2["contexts"]["a"]["project"] = "p"
    assert json.loads(path.read_text()) == {"user_id": "u", "v2": v2}


def test_yaml_and_camel_case_are_read(tmp_path: Path) -> None:
    path = tmp_path / "config.json"
    path.write_text(
        "v2:\n  activeContext: x\n  contexts:\n    x:\n      pachdAddress: grpc://h:2\n      sessionToken: t\n"
    )

    _, context = read_config(path).context()

    assert context == Context(pachd_address="grpc://h:2", session_token="t")


def test_environment_selects_a_context(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    config = read_config(tmp_path / "c").with_context("other", Context(project="q"))
    monkeypatch.setenv("PACH_CONTEXT", "other")

    assert config.context() == ("other", Context(project="q"))


def test_unknown_context_is_named(tmp_path: Path) -> None:
    with pytest.raises(NotFoundError, match="context 'nope' does not exist"):
        read_config(tmp_path / "c").context("nope")


@pytest.mark.parametrize(
    "text", ["{", "[1]", '{"v2": {"contexts": [1]}}', '{"v2": {"contexts": {"a": {"project": 3}}}}']
)
def test_broken_file_is_refused_in_one_line(tmp_path: Path, text: str) -> None:
    path = tmp_path / "config.json"
    path.write_text(text)

    with pytest.raises(InvalidInputError) as refused:
        read_config(path)

    assert len(str(refused.value).splitlines()) == 1


def test_path_comes_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PACH_CONFIG", "/somewhere/config.json")

    assert config_path() == Path("/somewhere/config.json")


def test_the_local_servers_port_stands_where_clients_of_the_field_look() -> None:
    named, cluster = Context(pachd_address="grpc://elsewhere:1"), Context(other={"namespace": "pach"})
    config = Config(contexts={"local": Context(project="p"), "named": named, "cluster": cluster})

    told = config.with_local_port(40123)

    assert told.contexts["local"].to_json() == {"project": "p", "port_forwarders": {"pachd": 40123}}
    assert (told.contexts["named"], told.contexts["cluster"]) == (named, cluster)
    assert told.with_local_port(40123) == told
    assert told.with_local_port(30650).contexts["local"].other == {"port_forwarders": {"pachd": 30650}}
    assert config.with_local_port(30650) == config
