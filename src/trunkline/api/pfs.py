"""The service ``pfs_v2.API``: projects, repos, branches, commits. Files are in `trunkline.api.files`."""

from collections.abc import Iterator

import grpc
from google.protobuf.empty_pb2 import Empty

from trunkline.api import wire
from trunkline.api.actions import Actions
from trunkline.api.files import FileMethods
from trunkline.model.jobs import CommitState, OriginKind
from trunkline.model.versions import CommitReference
from trunkline.pfs import branches, commits, projects, repos
from trunkline.pfs.queries.commits import CommitRow
from trunkline.pfs.references import find_repo, resolve_commit
from trunkline.pfs.removal import drop_commit_set
from trunkline.pfs.transaction import Transaction
from trunkline.pfs.versioning import Versioning
from trunkline.proto import pfs_pb2, pfs_pb2_grpc
from trunkline.proto.transaction_pb2 import TransactionRequest


class PfsService(FileMethods, pfs_pb2_grpc.APIServicer):
    """Each method parses, calls one function, converts what it returns. What a transaction can hold is in `Actions`."""

    def __init__(self, versioning: Versioning, actions: Actions) -> None:
        super().__init__(versioning)
        self._actions = actions

    # Projects

    def CreateProject(self, request: pfs_pb2.CreateProjectRequest, context: grpc.ServicerContext) -> Empty:
        with self._versioning.transaction() as tx:
            projects.create_project(tx, request.project.name, description=request.description, update=request.update)
        return Empty()

    def InspectProject(
        self, request: pfs_pb2.InspectProjectRequest, context: grpc.ServicerContext
    ) -> pfs_pb2.ProjectInfo:
        with self._versioning.reading() as tx:
            return wire.project_info(projects.inspect_project(tx, request.project.name))

    def InspectProjectV2(
        self, request: pfs_pb2.InspectProjectV2Request, context: grpc.ServicerContext
    ) -> pfs_pb2.InspectProjectV2Response:
        with self._versioning.reading() as tx:
            info = projects.inspect_project(tx, request.project.name)
        return pfs_pb2.InspectProjectV2Response(info=wire.project_info(info), defaults_json=info.defaults_json)

    def ListProject(
        self, request: pfs_pb2.ListProjectRequest, context: grpc.ServicerContext
    ) -> Iterator[pfs_pb2.ProjectInfo]:
        with self._versioning.reading() as tx:
            infos = projects.list_projects(tx)
        return map(wire.project_info, infos)

    def DeleteProject(self, request: pfs_pb2.DeleteProjectRequest, context: grpc.ServicerContext) -> Empty:
        with self._versioning.transaction() as tx:
            projects.delete_project(tx, request.project.name, force=request.force)
        return Empty()

    # Repos

    def CreateRepo(self, request: pfs_pb2.CreateRepoRequest, context: grpc.ServicerContext) -> Empty:
        self._actions.run(TransactionRequest(create_repo=request), context)
        return Empty()

    def InspectRepo(self, request: pfs_pb2.InspectRepoRequest, context: grpc.ServicerContext) -> pfs_pb2.RepoInfo:
        with self._versioning.reading() as tx:
            return wire.repo_info(repos.inspect_repo(tx, wire.read_repo(request.repo)), details=True)

    def ListRepo(self, request: pfs_pb2.ListRepoRequest, context: grpc.ServicerContext) -> Iterator[pfs_pb2.RepoInfo]:
        with self._versioning.reading() as tx:
            infos = repos.list_repos(tx, type=request.type, projects=[project.name for project in request.projects])
        if request.HasField("page") and request.page.page_size > 0:
            infos.sort(key=lambda info: info.repo)
            start = request.page.page_index * request.page.page_size
            infos = infos[start : start + request.page.page_size]
        for info in infos:
            yield wire.repo_info(info, details=False)

    def DeleteRepo(
        self, request: pfs_pb2.DeleteRepoRequest, context: grpc.ServicerContext
    ) -> pfs_pb2.DeleteRepoResponse:
        with self._versioning.reading() as tx:
            exists = repos.exists(tx, wire.read_repo(request.repo))
        self._actions.run(TransactionRequest(delete_repo=request), context)
        return pfs_pb2.DeleteRepoResponse(deleted=exists)

    def DeleteRepos(
        self, request: pfs_pb2.DeleteReposRequest, context: grpc.ServicerContext
    ) -> pfs_pb2.DeleteReposResponse:
        names = [project.name for project in request.projects]
        if not names and not request.all:
            return pfs_pb2.DeleteReposResponse()
        with self._versioning.transaction() as tx:
            keys = [info.repo for info in repos.list_repos(tx, projects=[] if request.all else names)]
            for key in keys:
                repos.delete_repo(tx, key, force=request.force)
        return pfs_pb2.DeleteReposResponse(repos=[wire.repo(key) for key in keys])

    # Branches

    def CreateBranch(self, request: pfs_pb2.CreateBranchRequest, context: grpc.ServicerContext) -> Empty:
        self._actions.run(TransactionRequest(create_branch=request), context)
        return Empty()

    def InspectBranch(self, request: pfs_pb2.InspectBranchRequest, context: grpc.ServicerContext) -> pfs_pb2.BranchInfo:
        with self._versioning.reading() as tx:
            return wire.branch_info(branches.inspect_branch(tx, wire.read_branch(request.branch)))

    def ListBranch(
        self, request: pfs_pb2.ListBranchRequest, context: grpc.ServicerContext
    ) -> Iterator[pfs_pb2.BranchInfo]:
        repo = wire.read_repo(request.repo) if request.repo.name else None
        with self._versioning.reading() as tx:
            infos = branches.list_branches(tx, repo, reverse=request.reverse)
        return map(wire.branch_info, infos)

    def DeleteBranch(self, request: pfs_pb2.DeleteBranchRequest, context: grpc.ServicerContext) -> Empty:
        self._actions.run(TransactionRequest(delete_branch=request), context)
        return Empty()

    # Commits

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
            for info in commits.inspect_commits(tx, rows):
                yield wire.commit_info(info)

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
                commit = self._wait(reference, wire.read_state(request.state), context)
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
            for id, rows in commits.list_commit_sets(tx, request.project.name):  # noqa: A001 - the field's word
                infos = [wire.commit_info(info) for info in commits.inspect_commits(tx, rows)]
                yield pfs_pb2.CommitSetInfo(commit_set=pfs_pb2.CommitSet(id=id), commits=infos)

    def SquashCommitSet(self, request: pfs_pb2.SquashCommitSetRequest, context: grpc.ServicerContext) -> Empty:
        self._actions.run(TransactionRequest(squash_commit_set=request), context)
        return Empty()

    def DropCommitSet(self, request: pfs_pb2.DropCommitSetRequest, context: grpc.ServicerContext) -> Empty:
        with self._versioning.transaction() as tx:
            drop_commit_set(tx, request.commit_set.id, self._versioning.listeners)
        return Empty()

    def _wait(self, reference: CommitReference, state: CommitState, context: grpc.ServicerContext) -> CommitRow:
        return self._versioning.wait(reference, state, give_up=lambda: not context.is_active())

    def _commit_info(self, tx: Transaction, row: CommitRow) -> pfs_pb2.CommitInfo:
        return wire.commit_info(next(iter(commits.inspect_commits(tx, [row]))))
