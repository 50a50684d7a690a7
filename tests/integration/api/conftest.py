"""A gRPC server in this process, without pipelines: what the doors do, without the rest."""

from collections.abc import Iterator
from pathlib import Path

import grpc
import pytest

from trunkline.api.server import start_grpc_server
from trunkline.db.engine import Database
from trunkline.objects import open_object_store
from trunkline.pfs.chunk_index import DatabaseChunkIndex
from trunkline.pfs.versioning import Versioning
from trunkline.storage.fileset import FileSets
from trunkline.testing.doors import Story

_OPTIONS = [("grpc.max_receive_message_length", -1), ("grpc.max_send_message_length", -1)]


@pytest.fixture
def story(tmp_path: Path) -> Iterator[Story]:
    """A client of a server of this test's own, that has the repo ``in``."""
    db = Database(f"sqlite:///{tmp_path / 'metadata.db'}")
    objects = open_object_store(f"file://{tmp_path}/objects")
    versioning = Versioning(db, FileSets(objects, DatabaseChunkIndex(db)))
    server = start_grpc_server(versioning, objects, host="127.0.0.1", port=0, deployment_id="1" * 32)
    with grpc.insecure_channel(f"127.0.0.1:{server.port}", options=_OPTIONS) as channel:
        story = Story(channel, versioning, tmp_path)
        story.make_repo("in")
        yield story
    server.stop(grace_seconds=0)
    db.close()
