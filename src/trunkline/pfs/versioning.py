"""Versioned files as one object: transactions over the database, file sets over the object store."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress

from sqlalchemy.exc import SQLAlchemyError

from trunkline.db.changes import Changes
from trunkline.db.engine import Database
from trunkline.errors import (
    ConflictError,
    CorruptDataError,
    InvalidInputError,
    NotFoundError,
    UnavailableError,
    UnfinishedError,
)
from trunkline.model.ids import new_id
from trunkline.model.jobs import CommitState
from trunkline.model.names import DEFAULT_PROJECT, FILE_SETS_REPO
from trunkline.model.versions import BranchKey, CommitKey, CommitReference
from trunkline.objects.local_files import LocalFiles
from trunkline.pfs.history.commits import check_can_start, finish_commit, start_commit, state_of
from trunkline.pfs.history.good_ancestors import (
    CommitFailedError,
    good_ancestor,
    root_of,
    unsettled_ancestors,
)
from trunkline.pfs.history.open_commits import find_open
from trunkline.pfs.history.provenance import check_graph, propagate
from trunkline.pfs.history.references import find_repo, resolve_commit
from trunkline.pfs.history.removal import drop_commit_set
from trunkline.pfs.queries import commits, repos
from trunkline.pfs.queries.commits import CommitRow
from trunkline.pfs.settling import Settling
from trunkline.pfs.temporary import find_file_set
from trunkline.pfs.transaction import Listener, Transaction
from trunkline.pfs.writes import Writes
from trunkline.storage.fileset import FileSet, FileSets
from trunkline.supervision import Supervisor


def now() -> int:
    """Return the time in microseconds since 1970, UTC."""
    return time.time_ns() // 1000


class Versioning:
    """Transactions, and what joins rows to file sets: writing layers, settling commits, opening them to read."""

    def __init__(self, db: Database, file_sets: FileSets, supervisor: Supervisor | None = None) -> None:
        self.db = db
        self.file_sets = file_sets
        self.listeners: list[Listener] = []
        self.derived: dict[str, Callable[[CommitRow], str]] = {}
        """By type of repo, what makes the file set of a commit that nobody writes, when it is first read."""
        self.writes = Writes()
        self.local_files = LocalFiles()
        """Which files of this machine URLs may name."""
        self.work = Changes()
        """Announced when jobs may be ready or have ended, which is less often than any change."""
        self.settling = Settling(self, supervisor or Supervisor())
        with self.transaction() as tx:
            if repos.find_project(tx.connection, DEFAULT_PROJECT) is None:
                repos.insert_project(tx.connection, DEFAULT_PROJECT, "", tx.now)

    @contextmanager
    def transaction(self, id: str = "") -> Iterator[Transaction]:  # noqa: A002 - the field's word
        """Give a transaction; at its end, changes travel downstream, and all of it happens or none.

        Commits that it closed are finished when this returns, unless the machine is at fault (see `settling`).
        """
        with self.db.write() as connection:
            tx = Transaction(connection, id or new_id(), now())
            yield tx
            self.complete(tx)
        if tx.makes_work:
            self.work.announce()
        for key in tx.closed:
            self.settling.settle(key)

    def complete(self, tx: Transaction) -> None:
        """Check what a transaction did and let it travel downstream. Its end does that, unless it is only a trial."""
        if tx.made:
            for listener in self.listeners:
                listener.branches_made(tx, list(tx.made))
        check_graph(tx)
        opened = propagate(tx)
        for listener in self.listeners:
            listener.commits_opened(tx, opened)
        tx.makes_work = tx.makes_work or bool(opened)

    @contextmanager
    def own_commit_set(self, tx: Transaction) -> Iterator[Transaction]:
        """Give a part of a transaction whose commits have an id of their own, downstream ones too."""
        part = Transaction(tx.connection, new_id(), tx.now)
        yield part
        self.complete(part)
        tx.closed += part.closed
        tx.makes_work = tx.makes_work or part.makes_work

    @contextmanager
    def reading(self) -> Iterator[Transaction]:
        """Give a transaction that only reads; it sees one state throughout."""
        with self.db.read() as connection:
            yield Transaction(connection, "", now())

    # Writing

    def check_writable(self, target: CommitReference) -> None:
        """Raise what `write_layer` would raise for this target, before any data is sent."""
        with self.reading() as tx:
            if find_open(tx, target) is None:
                check_can_start(tx, self._branch_of(tx, target))

    def write_layer(self, target: CommitReference, layer: str) -> CommitKey:
        """Put a layer on the open commit that is meant, or make a commit of it on the branch; return the commit.

        A commit made here is finished when this returns. If its files do not go together (InvalidInputError) or the
        machine is at fault (UnavailableError, CorruptDataError), it is taken back.
        """
        with self.transaction() as tx:
            commit = find_open(tx, target)
            one_off = commit is None
            if commit is None:
                commit = start_commit(tx, self._branch_of(tx, target))
            if layer:
                self.append_layer(tx, commit, layer)
            if one_off:
                finish_commit(tx, commit)
        if one_off:
            self._take_back_unreadable(commit)
        return commit.commit

    def _take_back_unreadable(self, made: CommitRow) -> None:
        reason = self.settling.failure(made.key)
        with self.reading() as tx:
            row = next(iter(commits.commits_by_key(tx.connection, [made.key])), None)
        if row is None or not (row.error or reason):
            return
        is_gone = False
        # Others may have put more on top meanwhile, and what is full or lost may take no change.
        with suppress(ConflictError, OSError, SQLAlchemyError), self.transaction() as tx:
            drop_commit_set(tx, made.commit.id, self.listeners)
            is_gone = True
        if row.error:
            kind = CorruptDataError if row.finished_at and row.root is None else InvalidInputError
            raise kind(f"{row.error}: nothing was put")
        end = "nothing was put" if is_gone else f"commit {made.commit} is closed, and it is tried again"
        raise UnavailableError(f"what was put cannot be made readable: {reason}: {end}")

    def _branch_of(self, tx: Transaction, target: CommitReference) -> BranchKey:
        return BranchKey(find_repo(tx, target.repo).repo, target.branch or target.id)

    def append_layer(self, tx: Transaction, commit: CommitRow, layer: str) -> None:
        """Put a layer on top of an open commit's."""
        commits.append_layer(tx.connection, commit.key, layer)
        current = commits.commit_by_key(tx.connection, commit.key)
        base = current.size_bytes_upper_bound
        if not base and current.parent is not None:
            base = commits.commit_by_key(tx.connection, current.parent).size_bytes_upper_bound
        bound = base + self.file_sets.layer_size_upper_bound(layer)
        commits.update_commit(tx.connection, commit.key, size_bytes_upper_bound=bound)

    # Reading

    def wait(
        self,
        reference: CommitReference,
        state: CommitState,
        *,
        give_up: Callable[[], bool] = lambda: False,
        is_patient: bool = False,
    ) -> CommitRow:
        """Return the commit as soon as it is at least in the given state.

        Raise NotFoundError if it is deleted meanwhile, UnfinishedError once give_up says that nobody waits any more,
        UnavailableError where it could not be made readable so far, unless that is to be waited for, too.
        """
        with self.reading() as tx:
            key = resolve_commit(tx, reference).key

        def look() -> CommitRow | None:
            reason = self.settling.failure(key)
            with self.reading() as tx:
                rows = commits.commits_by_key(tx.connection, [key])
                if not rows:
                    raise NotFoundError(f"commit {reference} was deleted")
                reached = state_of(rows[0], commits.provenance_of(tx.connection, key))
            if reached < state and reason and not is_patient:
                raise UnavailableError(f"commit {rows[0].commit} not finished, and is tried again: {reason}")
            return rows[0] if reached >= state else None

        row = self.db.changes.poll(look, give_up=give_up)
        if row is None:
            raise UnfinishedError(f"commit {reference} not finished")
        return row

    def open_files(self, reference: CommitReference) -> tuple[CommitRow | None, FileSet]:
        """Return the commit and its files as they are now; no commit where reference names a file set.

        An open commit shows its parent's files with what was written so far on top. One that has ended with an error
        raises CommitFailedError; one that could not be made readable so far UnavailableError.
        """
        if reference.repo.name == FILE_SETS_REPO:
            with self.reading() as tx:
                layers = find_file_set(tx, reference.id or reference.branch)
            return None, self.file_sets.open(self.file_sets.compose("", layers))
        with self.reading() as tx:
            commit = resolve_commit(tx, reference)
            is_derived = commit.commit.repo.type in self.derived
            if commit.finished_at is None and commit.finishing_at is not None and not is_derived:
                unsettled_ancestors(tx, commit)  # raises if it would have to be waited for what somebody writes
        if commit.finishing_at is not None and commit.finished_at is None and not commit.error:
            commit = self.wait(CommitReference(commit.commit.repo, id=commit.commit.id), CommitState.FINISHED)
        if is_derived:
            return commit, self.file_sets.open(self.root_of(commit))
        if commit.error:
            raise self._failed(commit)
        if commit.finished_at is not None:
            return commit, self.file_sets.open(self.root_of(commit))
        with self.reading() as tx:
            layers = commits.layers_of(tx.connection, commit.key)
            base = good_ancestor(tx, commit)
        if base is not None and base.finished_at is None:
            raise UnfinishedError(f"commit {commit.commit} not finished: base commit {base.commit} unfinished")
        return commit, self.file_sets.open(self.file_sets.compose(root_of(base) if base else "", layers))

    def open_good_files(self, reference: CommitReference) -> tuple[CommitRow | None, FileSet]:
        """Return a commit and its files; of one with an error the files that the next one will lie on."""
        with self.reading() as tx:
            commit = resolve_commit(tx, reference)
        if not commit.error:
            return self.open_files(reference)
        base = self.base_of(commit)
        return commit, self.file_sets.open(self.root_of(base) if base else "")

    def base_of(self, commit: CommitRow) -> CommitRow | None:
        """Return the commit that this one lies on: the nearest before it without an error."""
        with self.reading() as tx:
            return good_ancestor(tx, commit)

    def _failed(self, commit: CommitRow) -> CommitFailedError:
        base = self.base_of(commit)
        return CommitFailedError(commit.commit, commit.error, None if base is None else base.commit)

    def root_of(self, commit: CommitRow) -> str:
        """Return the file set of a commit that is finished or has derived files, or raise CommitForgottenError."""
        root = root_of(commit)
        derive = self.derived.get(commit.commit.repo.type)
        if root or derive is None:
            return root
        with self.writes.short():
            root = derive(commit)
            if root and commit.finished_at is not None:
                size = self.file_sets.open(root).size_bytes
                with self.db.write() as connection:
                    values = {"root": root, "size_bytes": size, "size_bytes_upper_bound": size}
                    commits.update_commit(connection, commit.key, **values)
        return root

    def total_layers(self, reference: CommitReference) -> list[str]:
        """Return layers that make up all files of a commit or file set."""
        if reference.repo.name == FILE_SETS_REPO:
            with self.reading() as tx:
                return find_file_set(tx, reference.id or reference.branch)
        _, files = self.open_files(reference)
        return [self.file_sets.layer_of(files.root)]

    def difference_layers(self, reference: CommitReference) -> list[str]:
        """Return layers that turn the files of a commit's parent into those of the commit."""
        commit, files = self.open_files(reference)
        if commit is None:
            raise InvalidInputError(f"{reference} is a file set, which has no parent to compare with")
        base = self.base_of(commit)
        return [self.file_sets.layer_between(files.root, self.root_of(base) if base else "")]
