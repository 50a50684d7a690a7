"""A whole server in this process."""

from collections.abc import Iterator
from pathlib import Path

import grpc
import pytest

from trunkline.app.server import Server, ServerOptions
from trunkline.testing.doors import Story

_OPTIONS = [("grpc.max_receive_message_length", -1), ("grpc.max_send_message_length", -1)]


@pytest.fixture
def story(tmp_path: Path) -> Iterator[Story]:
    """A client of a server of this test's own, that has the repo ``in``."""
    server = Server(ServerOptions(home=tmp_path / "home", host="127.0.0.1", grpc_port=0, http_port=0, workers=1))
    with grpc.insecure_channel(server.address.removeprefix("grpc://"), options=_OPTIONS) as channel:
        story = Story(channel, server.versioning, tmp_path)
        story.make_repo("in")
        yield story
    server.close()
