"""What users write in jq and Jsonnet sees nothing of the server and cannot hold it up."""

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from trunkline.api.confined.run import run_confined
from trunkline.api.pps.jq_filter import matching
from trunkline.api.pps.templates import render
from trunkline.errors import InvalidInputError
from trunkline.proto import pfs_pb2

REPO = pfs_pb2.Repo(name="r")


@pytest.fixture
def unhurried(monkeypatch: pytest.MonkeyPatch) -> None:
    """A busy machine must not end by its time what is to end by another limit."""
    monkeypatch.setattr("trunkline.api.pps.jq_filter.SECONDS_MAX", 300.0)
    monkeypatch.setattr("trunkline.api.pps.templates.SECONDS_MAX", 300.0)


def filtered(program: str) -> list[pfs_pb2.Repo]:
    return list(matching(program, [REPO]))


@pytest.mark.parametrize("program", ["error($ENV | tojson)", "error(env | tojson)"])
def test_a_filter_sees_no_environment(program: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "hush")
    monkeypatch.setenv("LD_LIBRARY_PATH", "/hush")  # an interpreter may need this one to start

    with pytest.raises(InvalidInputError) as refused:
        filtered(program)

    assert "{}" in str(refused.value)


@pytest.mark.parametrize(
    "program", ['import "secret" as $d {search: "DIR"}; $d', '# a\n\tinclude "lib" {search: "DIR"}; x', "module {}; ."]
)
def test_a_filter_imports_nothing(program: str, tmp_path: Path) -> None:
    (tmp_path / "secret.json").write_text('"hush"')
    (tmp_path / "lib.jq").write_text("def x: true;")

    with pytest.raises(InvalidInputError, match="filters import nothing"):
        filtered(program.replace("DIR", str(tmp_path)))


def test_a_filter_opens_no_file_whatever_it_says(tmp_path: Path) -> None:
    (tmp_path / "secret.json").write_text('"hush"')
    program = f'import "secret" as $d {{search: "{tmp_path}"}}; $d'

    with pytest.raises(InvalidInputError, match="Too many open files"):
        run_confined("jq_program", f"{json.dumps(program)}\n1".encode(), what="it", seconds=10.0)


@pytest.mark.usefixtures("unhurried")
@pytest.mark.parametrize("program", ['"x" * 1000000000', "def f: [f]; f"])
def test_a_filter_that_takes_too_much_memory_is_refused(program: str) -> None:
    with pytest.raises(InvalidInputError, match=r"jq filter .* memory"):
        filtered(program)


@pytest.mark.usefixtures("unhurried")
def test_a_deeply_nested_filter_is_refused_or_answered() -> None:
    with pytest.raises(InvalidInputError, match="jq filter"):
        filtered("[" * 16_000)


@pytest.mark.usefixtures("unhurried")
def test_a_long_reason_is_cut() -> None:
    with pytest.raises(InvalidInputError) as refused:
        filtered('"x" * 3000000 | error')

    assert len(str(refused.value)) < 4000


@pytest.fixture
def internal() -> Iterator[tuple[str, list[str]]]:
    """A server that only the machine itself should reach, and the paths that it was asked for."""
    asked: list[str] = []

    class Answer(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked.append(self.path)
            elsewhere = self.path == "/open/elsewhere"
            self.send_response(302 if elsewhere else 200)
            if elsewhere:
                self.send_header("Location", "/closed/secret")
            self.end_headers()
            self.wfile.write(b"'hush'")

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Answer)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_port}", asked
    finally:
        server.shutdown()
        server.server_close()


@pytest.mark.parametrize("how", ["import", "importstr", "importbin"])
def test_a_template_asks_no_host_that_is_not_allowed(internal: tuple[str, list[str]], how: str) -> None:
    address, asked = internal

    with pytest.raises(InvalidInputError, match="this server allows no imports"):
        render(f'{how} "{address}/secret"', {})

    assert asked == []


@pytest.mark.parametrize("path", ["/closed/secret", "/opener", "/open/../closed/secret", "/open/%2e%2e/closed/secret"])
def test_a_template_imports_only_below_what_is_allowed(
    internal: tuple[str, list[str]], path: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    address, asked = internal
    monkeypatch.setenv("TRUNKLINE_TEMPLATE_IMPORTS", f"{address}/open")

    assert json.loads(render(f'importstr "{address}/open/x"', {})) == "'hush'"
    with pytest.raises(InvalidInputError, match="this server allows"):
        render(f'importstr "{address}{path}"', {})

    assert asked == ["/open/x"]


def test_a_template_is_not_led_elsewhere(internal: tuple[str, list[str]], monkeypatch: pytest.MonkeyPatch) -> None:
    address, asked = internal
    monkeypatch.setenv("TRUNKLINE_TEMPLATE_IMPORTS", f"{address}/open")

    with pytest.raises(InvalidInputError, match="302"):
        render(f'importstr "{address}/open/elsewhere"', {})

    assert asked == ["/open/elsewhere"]


@pytest.mark.usefixtures("unhurried")
@pytest.mark.parametrize(
    ("template", "reason"),
    [
        ('std.repeat("x", 1500000000)', "memory"),
        ("std.repeat([0], 1500000000)", "memory"),
        ('std.repeat("x", 5000000)', "makes more than 4 MiB"),
        ("[" * 100_000, "nests too deeply"),
    ],
)
def test_a_template_that_takes_too_much_is_refused(template: str, reason: str) -> None:
    with pytest.raises(InvalidInputError, match=f"template err: .*{reason}"):
        render(template, {})


def test_what_users_wrote_runs_one_at_a_time() -> None:
    """Each of these takes memory up to the limit; the machine has it once, not as often as there are callers."""
    running, most = 0, 0
    lock = threading.Lock()
    popen = __import__("subprocess").Popen

    class Counted(popen):  # type: ignore[misc,valid-type]
        def __init__(self, *args: object, **options: object) -> None:
            nonlocal running, most
            with lock:
                running += 1
                most = max(most, running)
            super().__init__(*args, **options)

        def wait(self, *args: object, **options: object) -> int:
            nonlocal running
            code: int = super().wait(*args, **options)
            with lock:
                running -= 1
            return code

    with pytest.MonkeyPatch.context() as patched:
        patched.setattr("trunkline.api.confined.run.subprocess.Popen", Counted)
        given = b'"."\n1'
        threads = [
            threading.Thread(target=run_confined, args=("jq_program", given), kwargs={"what": "it", "seconds": 10.0})
            for _ in range(4)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

    assert most == 1
