from collections.abc import Iterator
from pathlib import Path

import pytest

from trunkline.db.engine import Database
from trunkline.objects import open_object_store
from trunkline.pfs.chunk_index import DatabaseChunkIndex
from trunkline.pfs.versioning import Versioning
from trunkline.storage.fileset import FileSets


@pytest.fixture
def versioning(tmp_path: Path) -> Iterator[Versioning]:
    db = Database(f"sqlite:///{tmp_path / 'metadata.db'}")
    yield Versioning(db, FileSets(open_object_store("memory://"), DatabaseChunkIndex(db)))
    db.close()
