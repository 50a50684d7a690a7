"""The service ``pfs_v2.API``: projects, repos, branches. Commits and files have modules of their own."""

from collections.abc import Iterator
from itertools import chain

import grpc
from google.protobuf.empty_pb2 import Empty

from trunkline.api.actions import Actions
from trunkline.api.admin.inactive import NOT_ACTIVATED
from trunkline.api.pfs.cache import CacheMethods
from trunkline.api.pfs.commits import CommitMethods
from trunkline.api.pfs.diffs import DiffMethods
from trunkline.api.pfs.egress import EgressMethods
from trunkline.api.pfs.file_sets import FileSetMethods
from trunkline.api.pfs.files import FileMethods
from trunkline.api.wire import pfs as wire
from trunkline.api.wire import pickers
from trunkline.errors import CorruptDataError, InvalidInputError, NotSupportedError
from trunkline.model.names import USER
from trunkline.pfs import cache, projects, repos
from trunkline.pfs.checks.fsck import check_data, check_versions, repair_versions
from trunkline.pfs.history import branches, walks
from trunkline.pfs.history.references import find_branch, resolve_commit
from trunkline.pfs.transaction import Transaction
from trunkline.pfs.versioning import Versioning
from trunkline.pps import pipelines
from trunkline.pps.jobs.fsck import check_jobs, repair_jobs
from trunkline.pps.jobs.zombies import find_all_zombies, find_zombies
from trunkline.pps.queries.pipelines import list_pipelines
from trunkline.pps.secrets import Secrets
from trunkline.proto import pfs_pb2, pfs_pb2_grpc, taskapi_pb2
from trunkline.proto.transaction_pb2 import TransactionRequest
from trunkline.storage.verify import StorageCheck

_PROBLEMS_MAX = 20  # as a status travels in a header


class PfsService(
    FileMethods, DiffMethods, FileSetMethods, CacheMethods, CommitMethods, EgressMethods, pfs_pb2_grpc.APIServicer
):
    """Each method parses, calls one function, converts what it returns. What a transaction can hold is in `Actions`."""

    def __init__(self, versioning: Versioning, actions: Actions, secrets: Secrets) -> None:
        super().__init__(versioning)
        self._actions = actions
        self._secrets = secrets

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
        # Elsewhere an empty name means the default project: too much to lose by leaving something out.
        if not request.project.name:
            raise InvalidInputError("project name cannot be empty: name the project to delete")
        with self._versioning.transaction() as tx:
            name = projects.inspect_project(tx, request.project.name).name
            if request.force:
                self._delete_pipelines(tx, name)
            projects.delete_project(tx, name, force=request.force)
        return Empty()

    def DeleteAll(self, request: Empty, context: grpc.ServicerContext) -> Empty:
        with self._versioning.transaction() as tx:
            names = [project.name for project in projects.list_projects(tx)]
            self._delete_pipelines(tx, *names)
            projects.delete_all_projects(tx)
            cache.clear(tx)
        return Empty()

    def _delete_pipelines(self, tx: Transaction, *names: str) -> None:
        for row in list_pipelines(tx.connection, names):
            pipelines.delete_pipeline(tx, row, force=True)

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
                repos.refuse_pipeline_output(tx, key)
            for key in keys:
                repos.delete_repo(tx, key, force=request.force)
        return pfs_pb2.DeleteReposResponse(repos=[wire.repo(key) for key in keys])

    def ReposSummary(
        self, request: pfs_pb2.ReposSummaryRequest, context: grpc.ServicerContext
    ) -> pfs_pb2.ReposSummaryResponse:
        with self._versioning.reading() as tx:
            names = [projects.inspect_project(tx, pickers.read_project(picker)).name for picker in request.projects]
            summaries = []
            for name in names or [project.name for project in projects.list_projects(tx)]:
                infos = repos.list_repos(tx, type=USER, projects=[name])
                summary = pfs_pb2.ReposSummary(
                    project=pfs_pb2.Project(name=name),
                    user_repo_count=len(infos),
                    size_bytes=sum(info.size_bytes for info in infos),
                )
                summaries.append(summary)
        return pfs_pb2.ReposSummaryResponse(summaries=summaries)

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

    def WalkBranchProvenance(
        self, request: pfs_pb2.WalkBranchProvenanceRequest, context: grpc.ServicerContext
    ) -> Iterator[pfs_pb2.BranchInfo]:
        with self._versioning.reading() as tx:
            start = [find_branch(tx, pickers.read_branch(picker)) for picker in request.start]
            rows = walks.walk_branch_provenance(tx, start, items_max=request.max_branches, depth_max=request.max_depth)
            infos = [branches.inspect_branch(tx, row.branch) for row in rows]
        return map(wire.branch_info, infos)

    def WalkBranchSubvenance(
        self, request: pfs_pb2.WalkBranchSubvenanceRequest, context: grpc.ServicerContext
    ) -> Iterator[pfs_pb2.BranchInfo]:
        with self._versioning.reading() as tx:
            start = [find_branch(tx, pickers.read_branch(picker)) for picker in request.start]
            rows = walks.walk_branch_subvenance(tx, start, items_max=request.max_branches, depth_max=request.max_depth)
            infos = [branches.inspect_branch(tx, row.branch) for row in rows]
        return map(wire.branch_info, infos)

    # The whole

    def ActivateAuth(
        self, request: pfs_pb2.ActivateAuthRequest, context: grpc.ServicerContext
    ) -> pfs_pb2.ActivateAuthResponse:
        raise NotSupportedError(NOT_ACTIVATED)

    def ListTask(
        self, request: taskapi_pb2.ListTaskRequest, context: grpc.ServicerContext
    ) -> Iterator[taskapi_pb2.TaskInfo]:
        yield from ()  # what is done to commits is done before their calls return

    def Fsck(self, request: pfs_pb2.FsckRequest, context: grpc.ServicerContext) -> Iterator[pfs_pb2.FsckResponse]:
        if request.fix:
            for fix in chain(repair_versions(self._versioning), repair_jobs(self._versioning)):
                yield pfs_pb2.FsckResponse(fix=fix)
        for problem in chain(check_versions(self._versioning), check_jobs(self._versioning), self._zombies(request)):
            yield pfs_pb2.FsckResponse(error=problem)

    def _zombies(self, request: pfs_pb2.FsckRequest) -> Iterator[str]:
        if request.WhichOneof("zombie_check") == "zombie_target":
            with self._versioning.reading() as tx:
                commit = resolve_commit(tx, wire.read_commit(request.zombie_target))
            return find_zombies(self._versioning, commit)
        return find_all_zombies(self._versioning) if request.zombie_all else iter(())

    def CheckStorage(
        self, request: pfs_pb2.CheckStorageRequest, context: grpc.ServicerContext
    ) -> pfs_pb2.CheckStorageResponse:
        if request.read_chunk_data:
            problems = list(check_data(self._versioning))
            if problems:
                more = f"; and {len(problems) - _PROBLEMS_MAX} more" if len(problems) > _PROBLEMS_MAX else ""
                raise CorruptDataError("; ".join(problems[:_PROBLEMS_MAX]) + more)
        count = StorageCheck(self._versioning.file_sets).count_objects()
        return pfs_pb2.CheckStorageResponse(chunk_object_count=count)
