import threading
from collections.abc import Iterator
from pathlib import Path

from trunkline.app.collector import Collector
from trunkline.db.engine import Database
from trunkline.objects.memory import MemoryObjectStore
from trunkline.pfs.chunk_index import DatabaseChunkIndex
from trunkline.pfs.garbage import Garbage
from trunkline.pfs.versioning import Versioning
from trunkline.storage.fileset import FileSets
from trunkline.supervision import Supervisor


class FailingOnce(MemoryObjectStore):
    """A store whose first listing fails as a disk does."""

    def __init__(self) -> None:
        super().__init__()
        self.listed = threading.Event()
        self._has_failed = False

    def list(self, prefix: str) -> Iterator[str]:
        if not self._has_failed:
            self._has_failed = True
            raise OSError(28, "No space left on device")
        self.listed.set()
        return super().list(prefix)


def test_a_pass_that_fails_is_followed_by_another(tmp_path: Path) -> None:
    db = Database(f"sqlite:///{tmp_path / 'metadata.db'}")
    store = FailingOnce()
    garbage = Garbage(Versioning(db, FileSets(store, DatabaseChunkIndex(db))))
    collector = Collector(garbage, Supervisor(), period_seconds=0.01)

    collector.start()
    has_gone_on = store.listed.wait(60)
    collector.close()
    db.close()

    assert has_gone_on
