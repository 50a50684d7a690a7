"""A server for each module of stories about pipelines."""

from collections.abc import Iterator

import pytest

from trunkline.testing.cluster import Cluster, open_cluster


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    """A cluster of this module's own."""
    opened, close = open_cluster(
        tmp_path_factory.mktemp("cluster") / "home", allowed_files=(tmp_path_factory.getbasetemp(),)
    )
    try:
        yield opened
    finally:
        close()


@pytest.fixture
def repo(cluster: Cluster, request: pytest.FixtureRequest) -> str:
    """A repo of this test's own."""
    name = request.node.name.translate({ord("["): "_", ord("]"): None})[-40:]
    cluster.create_repo(name)
    return name
