from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from trunkline.cli.pfs.diff import _download
from trunkline.errors import InvalidInputError
from trunkline.proto.pfs_pb2 import FILE, File, FileInfo


def test_what_is_compared_stays_in_the_directory_for_it(tmp_path: Path) -> None:
    """A server, or who wrote to it, could name any file of this machine."""
    session: Any = SimpleNamespace(client=SimpleNamespace(pfs=SimpleNamespace(GetFile=lambda request: iter(()))))
    directory = tmp_path / "scratch" / "new"
    directory.mkdir(parents=True)

    with pytest.raises(InvalidInputError, match="leaves the directory"):
        _download(session, FileInfo(file=File(path="/../../evil"), file_type=FILE), directory)
    _download(session, FileInfo(file=File(path="/d/good"), file_type=FILE), directory)

    assert [path.name for path in tmp_path.rglob("*") if path.is_file()] == ["good"]
