"""The commit methods of ``pfs_v2.API``."""

from collections.abc import Iterator, Sequence
from dataclasses import replace

import grpc
from google.protobuf.empty_pb2 import Empty

from trunkline.api.actions import Actions
from trunkline.api.wire import pfs as wire
from trunkline.api.wire import pickers
from trunkline.api.wire.pages import in_pages
from trunkline.errors import NotFoundError
from trunkline.model.jobs import CommitState, OriginKind
from trunkline.model.names import FILE_SETS_REPO
from trunkline.model.versions import CommitReference
from trunkline.pfs import commit_search
from trunkline.pfs.history import commits, removal, walks
from trunkline.pfs.history.forgetting import forget_commit
from trunkline.pfs.history.references import find_repo, resolve_commit
from trunkline.pfs.queries.commits import CommitRow, commits_by_key
from trunkline.pfs.temporary import find_file_set
from trunkline.pfs.transaction import Transaction
from trunkline.pfs.versioning import Versioning
from trunkline.proto import pfs_pb2
from trunkline.proto.transaction_pb2 import TransactionRequest


class CommitMethods:
    """Starts, finishes, lists, follows and removes commits."""

    _versioning: Versioning
    _actions: Actions

    def StartCommit(self, request: pfs_pb2.StartCommitRequest, context: grpc.ServicerContext) -> pfs_pb2.Commit:
        return self._actions.run(TransactionRequest(start_commit=request), context).commit

    def FinishCommit(self, request: pfs_pb2.FinishCommitRequest, context: grpc.ServicerContext) -> Empty:
        self._actions.run(TransactionRequest(finish_commit=request), context)
        return Empty()

    def ClearCommit(self, request: pfs_pb2.ClearCommitRequest, context: grpc.ServicerContext) -> Empty:
        reference = wire.read_commit_of(request, "commit")
        with self._versioning.transaction() as tx:
            commits.clear_commit(tx, resolve_commit(tx, reference))
        return Empty()

    def InspectCommit(self, request: pfs_pb2.InspectCommitRequest, context: grpc.ServicerContext) -> pfs_pb2.CommitInfo:
        reference = wire.read_commit_of(request, "commit")
        if reference.repo.name == FILE_SETS_REPO:
            with self._versioning.reading() as tx:
                find_file_set(tx, reference.id)
            return wire.file_set_commit_info(reference.id)
        commit = self._wait(reference, wire.read_state(request.wait), context)
        with self._versioning.reading() as tx:
            return self._commit_info(tx, commit)

    def ListCommit(
        self, request: pfs_pb2.ListCommitRequest, context: grpc.ServicerContext
    ) -> Iterator[pfs_pb2.CommitInfo]:
        with self._versioning.reading() as tx:
            rows = commits.list_commits(
                tx,
                wire.read_repo(request.repo) if request.repo.name else None,
                to=wire.optional_commit(request, "to"),
                from_=wire.optional_commit(request, "from"),
                number=request.number,
                reverse=request.reverse,
                origin=OriginKind(request.origin_kind) if request.origin_kind else None,
                started_before=wire.microseconds(request.started_time) if request.HasField("started_time") else None,
            )
        yield from in_pages(self._versioning, rows, _infos)

    def SubscribeCommit(
        self, request: pfs_pb2.SubscribeCommitRequest, context: grpc.ServicerContext
    ) -> Iterator[pfs_pb2.CommitInfo]:
        repo = wire.read_repo(request.repo)
        wanted = OriginKind(request.origin_kind) if request.origin_kind else None
        with self._versioning.reading() as tx:
            repo_key = find_repo(tx, repo).key
            after = wire.optional_commit(request, "from")
            last = 0 if after is None else resolve_commit(tx, after).key
        while context.is_active():
            seen = self._versioning.db.changes.count
            with self._versioning.reading() as tx:
                rows = commits.newer_commits(tx, repo_key, last)
            for row in rows:
                last = row.key
                if request.branch and row.branch_name != request.branch:
                    continue
                if wanted is not None and row.origin != wanted:
                    continue
                reference = CommitReference(row.commit.repo, id=row.commit.id)
                try:
                    commit = self._wait(reference, wire.read_state(request.state), context, is_patient=True)
                except NotFoundError:  # deleted meanwhile: those after it still count
                    continue
                with self._versioning.reading() as tx:
                    info = self._commit_info(tx, commit)
                yield info
            self._versioning.db.changes.wait(seen, seconds=1.0)

    def InspectCommitSet(
        self, request: pfs_pb2.InspectCommitSetRequest, context: grpc.ServicerContext
    ) -> Iterator[pfs_pb2.CommitInfo]:
        with self._versioning.reading() as tx:
            rows = commits.commit_set(tx, request.commit_set.id)
        for row in rows:
            if request.wait:
                reference = CommitReference(row.commit.repo, id=row.commit.id)
                row = self._wait(reference, CommitState.FINISHED, context)  # noqa: PLW2901 - the same commit, later
            with self._versioning.reading() as tx:
                info = self._commit_info(tx, row)
            yield info

    def ListCommitSet(
        self, request: pfs_pb2.ListCommitSetRequest, context: grpc.ServicerContext
    ) -> Iterator[pfs_pb2.CommitSetInfo]:
        with self._versioning.reading() as tx:
            sets = commits.list_commit_sets(tx, request.project.name)
        yield from in_pages(self._versioning, sets, _set_infos)

    def SquashCommitSet(self, request: pfs_pb2.SquashCommitSetRequest, context: grpc.ServicerContext) -> Empty:
        self._actions.run(TransactionRequest(squash_commit_set=request), context)
        return Empty()

    def DropCommitSet(self, request: pfs_pb2.DropCommitSetRequest, context: grpc.ServicerContext) -> Empty:
        with self._versioning.transaction() as tx:
            removal.drop_commit_set(tx, request.commit_set.id, self._versioning.listeners)
        return Empty()

    def SquashCommit(
        self, request: pfs_pb2.SquashCommitRequest, context: grpc.ServicerContext
    ) -> pfs_pb2.SquashCommitResponse:
        reference = wire.read_commit_of(request, "commit")
        with self._versioning.transaction() as tx:
            removal.squash_commit(tx, reference, self._versioning.listeners, recursive=request.recursive)
        return pfs_pb2.SquashCommitResponse()

    def DropCommit(
        self, request: pfs_pb2.DropCommitRequest, context: grpc.ServicerContext
    ) -> pfs_pb2.DropCommitResponse:
        reference = wire.read_commit_of(request, "commit")
        with self._versioning.transaction() as tx:
            removal.drop_commit(tx, reference, self._versioning.listeners, recursive=request.recursive)
        return pfs_pb2.DropCommitResponse()

    def ForgetCommit(
        self, request: pfs_pb2.ForgetCommitRequest, context: grpc.ServicerContext
    ) -> pfs_pb2.ForgetCommitResponse:
        with self._versioning.transaction() as tx:
            forget_commit(tx, pickers.pick_commit(tx, request.commit), self._versioning.listeners)
        return pfs_pb2.ForgetCommitResponse()

    def FindCommits(
        self, request: pfs_pb2.FindCommitsRequest, context: grpc.ServicerContext
    ) -> Iterator[pfs_pb2.FindCommitsResponse]:
        start = wire.read_commit_of(request, "start")
        last = None
        for last in commit_search.find_commits(self._versioning, start, request.file_path, limit=request.limit):
            if last.found:
                found = wire.commit(last.commit.commit)
                yield pfs_pb2.FindCommitsResponse(found_commit=found, commits_searched=last.number)
        if last is not None:
            searched = wire.commit(last.commit.commit)
            yield pfs_pb2.FindCommitsResponse(last_searched_commit=searched, commits_searched=last.number)

    def WalkCommitProvenance(
        self, request: pfs_pb2.WalkCommitProvenanceRequest, context: grpc.ServicerContext
    ) -> Iterator[pfs_pb2.CommitInfo]:
        with self._versioning.reading() as tx:
            start = [pickers.pick_commit(tx, picker) for picker in request.start]
            rows = walks.walk_commit_provenance(tx, start, items_max=request.max_commits, depth_max=request.max_depth)
        yield from in_pages(self._versioning, rows, _infos)

    def WalkCommitSubvenance(
        self, request: pfs_pb2.WalkCommitSubvenanceRequest, context: grpc.ServicerContext
    ) -> Iterator[pfs_pb2.CommitInfo]:
        with self._versioning.reading() as tx:
            start = [pickers.pick_commit(tx, picker) for picker in request.start]
            rows = walks.walk_commit_subvenance(tx, start, items_max=request.max_commits, depth_max=request.max_depth)
        yield from in_pages(self._versioning, rows, _infos)

    def _wait(
        self,
        reference: CommitReference,
        state: CommitState,
        context: grpc.ServicerContext,
        *,
        is_patient: bool = False,
    ) -> CommitRow:
        return self._versioning.wait(reference, state, give_up=lambda: not context.is_active(), is_patient=is_patient)

    def _commit_info(self, tx: Transaction, row: CommitRow) -> pfs_pb2.CommitInfo:
        info = next(iter(commits.inspect_commits(tx, [row])))
        reason = self._versioning.settling.failure(row.key) if row.finished_at is None else ""
        if reason and not info.error:
            info = replace(info, error=f"cannot be made readable, and is tried again: {reason}")
        return wire.commit_info(info)


def _infos(tx: Transaction, rows: Sequence[CommitRow]) -> list[pfs_pb2.CommitInfo]:
    """Return the message of each commit as it is now; those that were deleted since are left out."""
    current = {row.key: row for row in commits_by_key(tx.connection, [row.key for row in rows])}
    found = [current[row.key] for row in rows if row.key in current]
    return [wire.commit_info(info) for info in commits.inspect_commits(tx, found)]


def _set_infos(tx: Transaction, sets: Sequence[tuple[str, list[CommitRow]]]) -> list[pfs_pb2.CommitSetInfo]:
    found = ((id, _infos(tx, rows)) for id, rows in sets)  # noqa: A001 - the field's word
    return [pfs_pb2.CommitSetInfo(commit_set=pfs_pb2.CommitSet(id=id), commits=infos) for id, infos in found if infos]  # noqa: A001
