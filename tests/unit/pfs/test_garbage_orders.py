"""In whatever order writes and passes take their steps, the index is right, and nothing that is named is lost."""

import tempfile
from contextlib import ExitStack
from pathlib import Path

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule
from sqlalchemy import select

from trunkline.db import tables
from trunkline.db.engine import Database
from trunkline.objects import open_object_store
from trunkline.pfs.chunk_index import DatabaseChunkIndex
from trunkline.pfs.garbage import Garbage
from trunkline.pfs.queries import chunks
from trunkline.pfs.temporary import create_file_set
from trunkline.pfs.versioning import Versioning
from trunkline.storage.chunk import ChunkRef
from trunkline.storage.chunk.refs import pack_key
from trunkline.storage.fileset import FileSets
from trunkline.testing.small_borders import small_borders

CONTENTS = [bytes([97 + number]) * 900 + b"%d" % number for number in range(4)]


class _Write:
    """One that stores and names later, as a put, a settling or a job does. The index learns of it when told."""

    def __init__(self, machine: "GarbageMachine") -> None:
        self.stack = ExitStack()
        self.stack.enter_context(machine.versioning.writes.long())
        self.layer = ""
        self.files: dict[str, bytes] = {}
        self.unrecorded: list[ChunkRef] = []


class _LateIndex(DatabaseChunkIndex):
    """That of a worker: what is new is entered when the result of the set comes in."""

    def record(self, refs) -> None:
        pass


class GarbageMachine(RuleBasedStateMachine):
    def __init__(self) -> None:
        super().__init__()
        self.borders = ExitStack()
        self.borders.enter_context(small_borders())
        self.directory = tempfile.TemporaryDirectory()
        self.db = Database(f"sqlite:///{Path(self.directory.name) / 'metadata.db'}")
        objects = open_object_store("memory://")
        self.versioning = Versioning(self.db, FileSets(objects, DatabaseChunkIndex(self.db)))
        self.late = FileSets(objects, _LateIndex(self.db))
        self.writes: list[_Write] = []
        self.named: dict[str, dict[str, bytes]] = {}

    def teardown(self) -> None:
        for write in self.writes:
            write.stack.close()
        self.db.close()
        self.directory.cleanup()
        self.borders.close()

    @rule(contents=st.lists(st.sampled_from(CONTENTS), min_size=1, max_size=3), late=st.booleans())
    def store(self, contents: list[bytes], late: bool) -> None:
        write = _Write(self)
        writer = (self.late if late else self.versioning.file_sets).edit()
        for number, content in enumerate(contents):
            writer.add(f"/{number}", content)
            write.files[f"/{number}"] = content
        write.layer = writer.finish()
        write.unrecorded = writer.new_refs if late else []
        self.writes.append(write)

    @precondition(lambda self: self.named)
    @rule(data=st.data())
    def copy(self, data: st.DataObject) -> None:
        """Begin a write that takes over what a row points at; the row may go before it names that."""
        write = _Write(self)
        id_ = data.draw(st.sampled_from(sorted(self.named)))
        with self.db.read() as connection:
            layers = connection.execute(
                select(tables.file_sets.c.layers).where(tables.file_sets.c.id == id_)
            ).scalar_one()
        root = self.versioning.file_sets.compose("", layers)
        write.layer = self.versioning.file_sets.layer_of(root)
        write.files = dict(self.named[id_])
        self.writes.append(write)

    @precondition(lambda self: self.writes)
    @rule(data=st.data())
    def record_late(self, data: st.DataObject) -> None:
        write = data.draw(st.sampled_from(self.writes))
        with self.db.write() as connection:
            chunks.insert_chunks(connection, write.unrecorded)

    @precondition(lambda self: self.writes)
    @rule(data=st.data(), keeps=st.booleans())
    def end(self, data: st.DataObject, keeps: bool) -> None:
        write = data.draw(st.sampled_from(self.writes))
        self.writes.remove(write)
        if keeps:
            with self.versioning.transaction() as tx:
                chunks.insert_chunks(tx.connection, write.unrecorded)
                self.named[create_file_set(tx, [write.layer], ttl_seconds=1000)] = write.files
        write.stack.close()

    @precondition(lambda self: self.named)
    @rule(data=st.data())
    def lose_reference(self, data: st.DataObject) -> None:
        id_ = data.draw(st.sampled_from(sorted(self.named)))
        del self.named[id_]
        with self.db.write() as connection:
            connection.execute(tables.file_sets.delete().where(tables.file_sets.c.id == id_))

    @rule()
    def collect(self) -> None:
        Garbage(self.versioning).collect(grace_seconds=0)

    @invariant()
    def the_index_is_right(self) -> None:
        objects = self.versioning.file_sets.chunks.objects
        with self.db.read() as connection:
            packs = {pack_key(pack) for pack in connection.execute(select(tables.chunks.c.pack)).scalars()}
            condemned = set(connection.execute(select(tables.condemned.c.key)).scalars())
        assert packs <= set(objects.list("packs/"))
        assert not packs & condemned

    @invariant()
    def all_that_is_named_or_will_be_is_there(self) -> None:
        fresh = FileSets(self.versioning.file_sets.chunks.objects, DatabaseChunkIndex(self.db))
        with self.db.read() as connection:
            rows = connection.execute(select(tables.file_sets.c.id, tables.file_sets.c.layers)).all()
        expected = [(layers, self.named[id_]) for id_, layers in rows]
        expected += [([write.layer], write.files) for write in self.writes]
        for layers, wanted in expected:
            files = fresh.open(fresh.compose("", layers))
            assert {row.path: b"".join(files.read(row)) for row in files.files("/")} == wanted


TestGarbageOrders = GarbageMachine.TestCase
TestGarbageOrders.settings = settings(max_examples=15, stateful_step_count=25)


def test_every_column_that_holds_a_root_is_noted_by_the_database(tmp_path: Path) -> None:
    """A note for each is what the proof rests on that nobody holds on to what a pass deletes."""
    db = Database(f"sqlite:///{tmp_path / 'metadata.db'}")
    with db.read() as connection:
        found = set(connection.exec_driver_sql("SELECT name FROM sqlite_master WHERE type = 'trigger'").scalars())
    db.close()
    columns = [
        *("commits_root", "commits_base_root", "commit_layers_layer", "file_sets_layers"),
        *("jobs_datums", "jobs_buckets", "datum_sets_layer", "datum_sets_datums"),
    ]
    assert found >= {f"{column}_{verb}" for column in columns for verb in ("inserted", "updated")}
