"""Failures end in one line on standard error and an exit code."""

# ruff: noqa: N802 - the wire names the methods

import os
import signal
import socket
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import grpc
import pytest

from trunkline.proto import pfs_pb2, pfs_pb2_grpc

Pachctl = Callable[..., Any]
Serve = Callable[..., None]


class Refusing(pfs_pb2_grpc.APIServicer):
    def InspectRepo(self, request: pfs_pb2.InspectRepoRequest, context: grpc.ServicerContext) -> pfs_pb2.RepoInfo:
        context.abort(grpc.StatusCode.NOT_FOUND, "repo default/x not found")


def test_the_servers_words_are_the_error(pachctl: Pachctl, serve: Serve) -> None:
    serve(Refusing())

    outcome = pachctl("inspect", "repo", "x")

    assert (outcome.code, outcome.out, outcome.err) == (1, "", "error: repo default/x not found\n")


def test_verbose_shows_where_the_error_comes_from(pachctl: Pachctl, serve: Serve) -> None:
    serve(Refusing())

    outcome = pachctl("inspect", "repo", "x", "-v")

    assert "Traceback" in outcome.err
    assert outcome.err.endswith("error: repo default/x not found\n")


def test_a_closed_server_is_one_line_with_the_way_out(pachctl: Pachctl, monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        address = f"grpc://127.0.0.1:{probe.getsockname()[1]}"
    monkeypatch.setenv("PACHD_ADDRESS", address)

    outcome = pachctl("list", "repo")

    expected = f"error: cannot reach the server at {address}: connection refused; start it with `trunkline serve`\n"
    assert (outcome.code, outcome.err) == (1, expected)


def test_only_code_that_batches_is_handed_out_datums(pachctl: Pachctl, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("PPS_WORKER_GRPC_PORT", raising=False)
    elsewhere = pachctl("next", "datum")
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    monkeypatch.setenv("PPS_WORKER_GRPC_PORT", str(port))
    alone = pachctl("next", "datum")

    assert (elsewhere.code, alone.code) == (1, 1)
    assert "transform.datumBatching" in elsewhere.err
    assert f"nobody hands out datums at port {port}" in alone.err


def test_a_missing_local_file_is_named(pachctl: Pachctl, tmp_path: Path) -> None:
    outcome = pachctl("validate", "pipeline", "-f", str(tmp_path / "nope.yaml"))

    assert (outcome.code, outcome.err) == (1, f"error: {tmp_path}/nope.yaml: No such file or directory\n")


class Interrupting(pfs_pb2_grpc.APIServicer):
    """Sends its own process what Ctrl-C sends, while the client waits for an answer."""

    def ListRepo(self, request: pfs_pb2.ListRepoRequest, context: grpc.ServicerContext) -> Iterator[pfs_pb2.RepoInfo]:
        ended = threading.Event()
        context.add_callback(ended.set)
        os.kill(os.getpid(), signal.SIGINT)
        ended.wait()
        yield from ()


def test_an_interrupt_is_quiet_and_exits_with_130(pachctl: Pachctl, serve: Serve) -> None:
    serve(Interrupting())

    outcome = pachctl("list", "repo")

    assert (outcome.code, outcome.out, outcome.err.strip()) == (130, "", "")


def test_global_options_may_stand_before_or_after_the_command(pachctl: Pachctl) -> None:
    for arguments in (
        ("--no-color", "config", "list", "context"),
        ("config", "list", "context", "--no-color", "--rpc-timeout", "5s", "--no-pager"),
    ):
        outcome = pachctl(*arguments)

        assert (outcome.code, outcome.out) == (0, "ACTIVE   NAME\n*        default\n")
