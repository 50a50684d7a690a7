"""Random histories: versioning does what a model in plain Python does.

Data comes in on ``a`` and ``b``. ``out`` is computed from both, ``chain`` from ``out`` and sometimes ``b``. ``a@trig``
follows ``a@master`` every second commit, and ``late`` is computed from it. The test plays the pipelines.
"""

import tempfile
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from functools import partial
from pathlib import Path

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from trunkline.db.engine import Database
from trunkline.errors import ConflictError, InvalidInputError, UnfinishedError
from trunkline.model.ids import new_id
from trunkline.model.versions import BranchKey, CommitReference, RepoKey, Trigger
from trunkline.objects import open_object_store
from trunkline.pfs.checks.fsck import check_data, check_versions
from trunkline.pfs.chunk_index import DatabaseChunkIndex
from trunkline.pfs.garbage import Garbage
from trunkline.pfs.history.branches import create_branch, delete_branch, list_branches
from trunkline.pfs.history.commits import (
    clear_commit,
    finish_commit,
    inspect_commits,
    list_commits,
    start_commit,
)
from trunkline.pfs.history.forgetting import forget_commit
from trunkline.pfs.history.good_ancestors import CommitFailedError, CommitForgottenError
from trunkline.pfs.history.references import resolve_commit
from trunkline.pfs.history.removal import drop_commit, drop_commit_set, squash_commit, squash_commit_set
from trunkline.pfs.queries.garbage import used_roots
from trunkline.pfs.repos import create_repo
from trunkline.pfs.transaction import Transaction
from trunkline.pfs.versioning import Versioning, now
from trunkline.storage.fileset import FileSets
from trunkline.testing.object_keys import object_keys
from trunkline.testing.small_borders import small_borders
from trunkline.testing.version_model import Commit, Files, Op, VersionModel, is_invalid

REPOS = ("a", "b", "out", "chain", "late")
SOURCES = ("a@master", "a@side", "b@master")
PATHS = st.sampled_from(["/a", "/b", "/c", "/d/x", "/d/y", "/e/f/z", "/e/f", "/m", "/z"])
TAGS = st.sampled_from(["default", "default", "default", "other"])
DATA = st.sampled_from([b"", b"1", b"22", b"3" * 100])
OPS = st.lists(
    st.one_of(
        st.tuples(st.just("add"), PATHS, TAGS, DATA),
        st.tuples(st.just("delete"), PATHS | st.sampled_from(["/", "/d/", "/e/", "/a/"]), TAGS, st.just(b"")),
    ),
    max_size=5,
)


def key(branch: str) -> BranchKey:
    repo, _, name = branch.partition("@")
    return BranchKey(RepoKey("default", repo), name)


def named(commit: Commit) -> CommitReference:
    return CommitReference(RepoKey("default", commit.repo), id=commit.id)


class VersioningMachine(RuleBasedStateMachine):
    @initialize()
    def begin(self) -> None:
        self.borders = ExitStack()
        self.borders.enter_context(small_borders())
        self.directory = tempfile.TemporaryDirectory()
        self.db = Database(f"sqlite:///{Path(self.directory.name) / 'metadata.db'}")
        self.objects = open_object_store("memory://")
        self.versioning = self._open_versioning()
        self.model = VersionModel(triggers={"a@trig": ("a@master", 2)})
        with self.versioning.transaction() as tx:
            for repo in REPOS:
                create_repo(tx, RepoKey("default", repo))
        for branch in ("a@master", "b@master", "a@trig"):
            trigger = Trigger("master", commits=2) if branch == "a@trig" else None
            with self.versioning.transaction() as tx:
                create_branch(tx, key(branch), trigger=trigger)
                self.model.give_empty_head(branch, tx.id)
        computed = {"out@master": ["a@master", "b@master"], "chain@master": ["out@master"], "late@master": ["a@trig"]}
        for branch, sources in computed.items():
            self.model.upstream[branch] = sources
            with self.versioning.transaction() as tx:
                create_branch(tx, key(branch), provenance=[key(source) for source in sources])
                self.model.propagate([], tx.id, lacking=[branch])

    def teardown(self) -> None:
        try:
            self.every_commit_shows_its_files()
            assert list(check_data(self.versioning)) == []
        finally:
            self.borders.close()
            self.db.close()
            self.directory.cleanup()

    # What users do

    @rule(branch=st.sampled_from(SOURCES), ops=OPS)
    def put(self, branch: str, ops: list[Op]) -> None:
        self._write(branch, self._layer(ops), ops)
        self._follow_triggers()

    def _write(self, branch: str, layer: str, ops: list[Op]) -> None:
        head = self.model.heads.get(branch)
        target = CommitReference(key(branch).repo, branch=key(branch).name)
        if head is not None and head.state == "open":
            assert self.versioning.write_layer(target, layer).id == head.id
            head.ops += ops
            return
        files = Commit(key(branch).repo.name, "", branch, head, ops=ops).visible()
        if files is not None and is_invalid(files):
            with pytest.raises(InvalidInputError, match="nothing was put"):
                self.versioning.write_layer(target, layer)
            if head is None:
                with self.versioning.reading() as tx:
                    self.model.give_empty_head(branch, resolve_commit(tx, target).commit.id)
            return
        written = self.versioning.write_layer(target, layer)
        commit = self.model.start(branch, written.id)
        commit.ops += ops
        self.model.propagate([branch], written.id)
        self.model.finish(commit)

    @rule(branch=st.sampled_from(SOURCES), data=st.data())
    def start(self, branch: str, data: st.DataObject) -> None:
        """On the head, or on any commit of the repo: only open ones are refused."""
        repo = branch.partition("@")[0]
        parents = [None, *(each for each in self.model.commits if each.repo == repo)]
        parent = data.draw(st.sampled_from(parents))
        below = parent or self.model.heads.get(branch)

        def act(tx: Transaction) -> None:
            start_commit(tx, key(branch), parent=named(parent) if parent else None)

        if (below is not None and below.state == "open") or not self.model.may_build_on(below):
            self._refused(act)
        else:
            id = self._done(act)  # noqa: A001 - the field's word
            self.model.start(branch, id, below)
            self.model.propagate([branch], id)

    @precondition(lambda self: self._open(SOURCES))
    @rule(data=st.data(), failed=st.booleans())
    def finish(self, data: st.DataObject, failed: bool) -> None:
        commit = data.draw(st.sampled_from(self._open(SOURCES)))
        self._finish(commit, failed=failed)

    @precondition(lambda self: self._open(SOURCES))
    @rule(data=st.data())
    def clear(self, data: st.DataObject) -> None:
        commit = data.draw(st.sampled_from(self._open(SOURCES)))
        self._done(lambda tx: clear_commit(tx, resolve_commit(tx, named(commit))))
        commit.ops.clear()

    @rule(data=st.data(), path=PATHS, to=st.sampled_from(["/a", "/copy", "/d"]))
    def copy(self, data: st.DataObject, path: str, to: str) -> None:
        """A file or what is below it, from any readable commit into ``b``."""
        sources = [
            each
            for each in self.model.commits
            if each.visible() is not None and each.state != "finishing" and not (each.is_forgotten or each.is_failed)
        ]
        source = data.draw(st.sampled_from(sources))
        _, files = self.versioning.open_files(named(source))
        rows = list(files.files(path))
        visible = source.visible()
        assert visible is not None
        own = sorted(name for name in visible if name[0] == path)
        below = sorted(name for name in visible if name[0].startswith(path + "/"))
        ops: list[Op] = [("add", to + name[0][len(path) :], "default", visible[name]) for name in own + below]
        writer = self.versioning.file_sets.edit()
        writer.copy(to, rows, src=path)

        self._write("b@master", writer.finish(), ops)

    @rule(ops=OPS)
    def change_both_in_one_transaction(self, ops: list[Op]) -> None:
        """One commit set, one commit downstream."""
        if self._open(SOURCES):
            return
        layer = self._layer(ops)

        def act(tx: Transaction) -> None:
            for branch in ("a@master", "b@master"):
                commit = start_commit(tx, key(branch))
                if layer:
                    self.versioning.append_layer(tx, commit, layer)
                finish_commit(tx, commit)

        id = self._done(act)  # noqa: A001
        started = [self.model.start(branch, id) for branch in ("a@master", "b@master")]
        self.model.propagate(["a@master", "b@master"], id)
        for commit in started:
            commit.ops += ops
            self.model.finish(commit)
        self._follow_triggers()

    @rule(
        wired=st.sampled_from(
            [
                ("out@master", ["a@master", "b@master"]),
                ("chain@master", ["out@master"]),
                ("chain@master", ["out@master", "b@master"]),
                ("late@master", ["a@trig"]),
            ]
        )
    )
    def wire(self, wired: tuple[str, list[str]]) -> None:
        """Make a computed branch, or let it be computed from other branches."""
        branch, sources = wired
        if not all(source in self.model.heads for source in sources):
            return
        provenance = [key(source) for source in sources]
        id = self._done(lambda tx: create_branch(tx, key(branch), provenance=provenance))  # noqa: A001
        if sources != self.model.upstream.get(branch):
            self.model.upstream[branch] = sources
            self.model.propagate([], id, lacking=[branch])

    @rule(branch=st.sampled_from(["a@side", "late@master", "chain@master", "out@master", "b@master", "a@trig"]))
    def delete_branch(self, branch: str) -> None:
        """One that others are made from, or follow, stays."""
        if branch not in self.model.heads:
            return
        if self.model.may_delete(branch):
            if branch in SOURCES and branch != "a@side":  # the other rules need it
                return
            self._done(lambda tx: delete_branch(tx, key(branch)))
            self.model.delete(branch)
        else:
            self._refused(lambda tx: delete_branch(tx, key(branch)))

    @rule(data=st.data())
    def change_much_in_a_transaction_that_fails(self, data: st.DataObject) -> None:
        """Nothing of it has happened; the invariants see."""
        commits = [each for each in self.model.commits if self.model.may_forget(each)]
        forgotten = data.draw(st.sampled_from(commits)) if commits else None

        def act(tx: Transaction) -> None:
            create_branch(tx, key("b@other"), head=CommitReference(RepoKey("default", "b"), branch="master"))
            if forgotten is not None:
                forget_commit(tx, resolve_commit(tx, named(forgotten)), [])
            start_commit(tx, key("a@new"))
            delete_branch(tx, key("b@other"))
            delete_branch(tx, key("a@trig"))  # as it follows another

        self._refused(act)

    @rule(data=st.data())
    def move_head(self, data: st.DataObject) -> None:
        commit = data.draw(st.sampled_from([each for each in self.model.commits if each.repo == "b"]))
        id = self._done(lambda tx: create_branch(tx, key("b@master"), head=named(commit)))  # noqa: A001
        if self.model.heads["b@master"] is not commit:
            self.model.heads["b@master"] = commit
            self.model.propagate(["b@master"], id)

    # What pipelines do

    @precondition(lambda self: self._ready())
    @rule(data=st.data(), parts=st.lists(OPS, max_size=3), failed=st.booleans())
    def run_job(self, data: st.DataObject, parts: list[list[Op]], failed: bool) -> None:
        """Each set of datums writes a layer."""
        commit = data.draw(st.sampled_from(self._ready()))
        for ops in parts:
            layer = self._layer(ops)
            if layer:
                self._done(partial(self._append, commit, layer))
            commit.ops += ops
        self._finish(commit, failed=failed)

    def _append(self, commit: Commit, layer: str, tx: Transaction) -> None:
        self.versioning.append_layer(tx, resolve_commit(tx, named(commit)), layer)

    # What machines do

    @rule()
    def restart(self) -> None:
        """Nothing of importance is in memory only."""
        self.versioning = self._open_versioning()
        self.versioning.settling.settle_all()

    @precondition(lambda self: self._open(SOURCES))
    @rule(data=st.data(), failed=st.booleans())
    def die_before_a_closed_commit_is_settled(self, data: st.DataObject, failed: bool) -> None:
        """The next server settles it."""
        commit = data.draw(st.sampled_from(self._open(SOURCES)))
        error = "made to fail" if failed else ""
        with self.db.write() as connection:
            tx = Transaction(connection, new_id(), now())
            finish_commit(tx, resolve_commit(tx, named(commit)), error=error, force=True)
            self.versioning.complete(tx)
        self.restart()
        self.model.finish(commit, failed=failed)
        self._follow_triggers()

    # Removal

    @rule(data=st.data(), recursive=st.booleans(), squash=st.booleans())
    def remove_one(self, data: st.DataObject, recursive: bool, squash: bool) -> None:
        commit = data.draw(st.sampled_from(self.model.commits))
        below = self.model.subvenance(commit)
        allowed = self.model.may_squash if squash else self.model.may_drop
        act = squash_commit if squash else drop_commit
        self._remove(
            [commit, *below],
            lambda tx: act(tx, named(commit), [], recursive=recursive),
            allowed=(recursive or not below) and allowed([commit, *below]),
        )

    @rule(data=st.data(), squash=st.booleans())
    def remove_set(self, data: st.DataObject, squash: bool) -> None:
        id = data.draw(st.sampled_from(self.model.commits)).id  # noqa: A001
        chosen = [each for each in self.model.commits if each.id == id]
        is_closed = all(other in chosen for each in chosen for other in self.model.subvenance(each))
        allowed = self.model.may_squash if squash else self.model.may_drop
        act = squash_commit_set if squash else drop_commit_set
        self._remove(chosen, lambda tx: act(tx, id, []), allowed=is_closed and allowed(chosen))

    @rule(data=st.data())
    def forget(self, data: st.DataObject) -> None:
        """The files of what can be computed again, and is no head; the record stays."""
        commit = data.draw(st.sampled_from(self.model.commits))

        def act(tx: Transaction) -> None:
            forget_commit(tx, resolve_commit(tx, named(commit)), [])

        if self.model.may_forget(commit):
            self._done(act)
            commit.is_forgotten = True
        else:
            self._refused(act)

    @rule()
    def collect_garbage(self) -> None:
        """What is left is exactly what commits need; the invariants see whether that is enough."""
        garbage = Garbage(self.versioning)
        while (done := garbage.collect(grace_seconds=0)).condemned_objects or done.moved_chunks or done.deleted_objects:
            pass

        with self.versioning.reading() as tx:
            roots = list(used_roots(tx.connection))
        file_sets = self.versioning.file_sets
        assert set(file_sets.chunks.objects.list("")) == set(object_keys(file_sets, roots))

    def _remove(self, chosen: Sequence[Commit], act: Callable[[Transaction], object], *, allowed: bool) -> None:
        if allowed and self.model.leaves_heads(chosen):
            self.model.remove(chosen, self._done(act))
        else:
            self._refused(act)

    # Parts of rules

    def _open_versioning(self) -> Versioning:
        return Versioning(self.db, FileSets(self.objects, DatabaseChunkIndex(self.db)))

    def _open(self, branches: Sequence[str]) -> list[Commit]:
        return [each for each in self.model.commits if each.state == "open" and each.branch in branches]

    def _ready(self) -> list[Commit]:
        computed = self._open(list(self.model.upstream))
        return [each for each in computed if all(other.state == "finished" for other in each.provenance)]

    def _layer(self, ops: list[Op]) -> str:
        writer = self.versioning.file_sets.edit()
        for kind, path, tag, data in ops:
            if kind == "add":
                writer.add(path, data, tag=tag)
            else:
                writer.delete(path, tag=tag)
        return writer.finish()

    def _finish(self, commit: Commit, *, failed: bool) -> None:
        error = "made to fail" if failed else ""
        self._done(lambda tx: finish_commit(tx, resolve_commit(tx, named(commit)), error=error, force=True))
        self.model.finish(commit, failed=failed)
        self._follow_triggers()

    def _done(self, act: Callable[[Transaction], object]) -> str:
        id = new_id()  # noqa: A001
        with self.versioning.transaction(id) as tx:
            act(tx)
        return id

    def _refused(self, act: Callable[[Transaction], object]) -> None:
        with pytest.raises(ConflictError):
            self._done(act)

    def _follow_triggers(self) -> None:
        """Tell the model the ids of the commits that fired triggers led to."""
        for branch, _ in self.model.fired:
            if "late@master" not in self.model.heads:
                continue
            with self.versioning.reading() as tx:
                id = resolve_commit(tx, CommitReference(RepoKey("default", "late"), branch="master")).commit.id  # noqa: A001
            assert self.model.find("late", id) is None
            self.model.propagate([branch], id)
        self.model.fired.clear()

    # What always holds

    @invariant()
    def branches_and_commits_are_those_of_the_model(self) -> None:
        with self.versioning.reading() as tx:
            heads = {f"{info.branch.repo.name}@{info.branch.name}": info.head for info in list_branches(tx)}
            infos = list(inspect_commits(tx, list_commits(tx, None)))
        assert {name: head and head.id for name, head in heads.items()} == {
            name: head.id for name, head in self.model.heads.items()
        }
        found = {
            (info.commit.repo.name, info.commit.id): (
                info.state.name.lower().replace("started", "open").replace("ready", "open"),
                bool(info.error),
                info.parent and info.parent.id,
                sorted((other.repo.name, other.id) for other in info.direct_provenance),
            )
            for info in infos
        }
        expected = {
            (each.repo, each.id): (
                each.state,
                each.is_failed,
                each.parent and each.parent.id,
                sorted((other.repo, other.id) for other in each.provenance),
            )
            for each in self.model.commits
        }
        names = found.keys() | expected.keys()
        differing = {name: (found.get(name), expected.get(name)) for name in names}
        wrong = {name: pair for name, pair in differing.items() if pair[0] != pair[1]}
        assert not wrong, wrong

    @invariant()
    def heads_show_their_files(self) -> None:
        for head in set(self.model.heads.values()):
            self._check_files(head)

    def every_commit_shows_its_files(self) -> None:
        """At the end, as it takes long."""
        for commit in self.model.commits:
            self._check_files(commit)
        assert list(check_versions(self.versioning)) == []

    def _check_files(self, commit: Commit) -> None:
        expected = commit.visible()
        refused: type[Exception] | None = None
        if commit.is_failed:
            refused = CommitFailedError
        elif commit.is_forgotten:
            refused = CommitForgottenError
        elif expected is None or commit.state == "finishing":
            refused = UnfinishedError
        if refused is not None or expected is None:
            with pytest.raises(refused or UnfinishedError):
                self.versioning.open_files(named(commit))
            return
        _, files = self.versioning.open_files(named(commit))
        found: Files = {(row.path, row.tag): b"".join(files.read(row)) for row in files.files("/")}
        assert found == expected
        assert files.size_bytes == sum(map(len, expected.values()))


TestVersioning = VersioningMachine.TestCase
TestVersioning.settings = settings(max_examples=settings().max_examples // 3, stateful_step_count=25)
