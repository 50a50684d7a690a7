"""A whole server in this process."""

from collections.abc import Iterator
from pathlib import Path

import grpc
import pytest

from trunkline.app.server import Server, ServerOptions
from trunkline.testing.doors import Story

_OPTIONS = [("grpc.max_receive_message_length", -1), ("grpc.max_send_message_length", -1)]


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Server]:
    """A server of this test's own."""
    options = ServerOptions(
        home=tmp_path / "home", host="127.0.0.1", grpc_port=0, http_port=0, workers=1, allowed_files=(tmp_path,)
    )
    running = Server(options)
    yield running
    running.close()


@pytest.fixture
def address(server: Server) -> tuple[str, int]:
    """Host and port of it."""
    host, _, port = server.address.removeprefix("grpc://").rpartition(":")
    return host, int(port)


@pytest.fixture
def story(tmp_path: Path, server: Server) -> Iterator[Story]:
    """A client of that server, which has the repo ``in``."""
    with grpc.insecure_channel(server.address.removeprefix("grpc://"), options=_OPTIONS) as channel:
        story = Story(channel, server.versioning, tmp_path)
        story.make_repo("in")
        yield story
