"""What a transaction of the API can hold: each action alone, or many of them with one id (reference, section 6.4)."""

from collections.abc import Sequence
from contextlib import nullcontext

import grpc

from trunkline.api.wire import pfs as wire
from trunkline.api.wire import pps as pps_wire
from trunkline.api.wire.definitions import define
from trunkline.errors import ConflictError, Error, InvalidInputError, NotSupportedError
from trunkline.model.versions import Trigger
from trunkline.pfs import repos
from trunkline.pfs.history import branches, commits
from trunkline.pfs.history.references import resolve_commit
from trunkline.pfs.history.removal import squash_commit_set
from trunkline.pfs.open_transactions import append_to_open, delete_open, find_open
from trunkline.pfs.transaction import Transaction
from trunkline.pfs.versioning import Versioning
from trunkline.pps import pipelines
from trunkline.pps.jobs import moves
from trunkline.proto import pfs_pb2, pps_pb2
from trunkline.proto.transaction_pb2 import TransactionInfo, TransactionRequest, TransactionResponse

_HEADER = "pach-transaction"
_TRANSACTION_BYTES_MAX = 8 * 1024 * 1024


class _RollBackError(Exception):
    """Ends a trial."""


class Actions:
    """Carries out actions: at once, or later if the caller is in a transaction."""

    def __init__(self, versioning: Versioning) -> None:
        self._versioning = versioning

    def run(self, request: TransactionRequest, context: grpc.ServicerContext) -> TransactionResponse:
        """Carry out one action, or append it to the transaction that the call's header names."""
        transaction = next((str(value) for name, value in context.invocation_metadata() if name == _HEADER), "")
        if transaction:
            return self.append(transaction, request)
        return self.run_all([request])[0]

    def run_all(self, requests: Sequence[TransactionRequest], *, id: str = "") -> list[TransactionResponse]:  # noqa: A002 - the field's word
        """Carry out actions in order, all of them or none."""
        with self._versioning.writes.short():
            prepared = [self._prepare(request) for request in requests]
            with self._versioning.transaction(id) as tx:
                return self._apply_all(tx, requests, prepared)

    def append(self, transaction: str, request: TransactionRequest) -> TransactionResponse:
        """Try the transaction with one more action, keep it if that would work, and return what it would answer."""
        while True:
            with self._versioning.reading() as tx:
                before = find_open(tx, transaction).requests
            info = TransactionInfo.FromString(before)
            info.requests.append(request)
            if info.ByteSize() > _TRANSACTION_BYTES_MAX:
                raise InvalidInputError(
                    f"transaction {transaction} would hold more than {_TRANSACTION_BYTES_MAX} bytes: finish it first"
                )
            responses = self._try_all(transaction, info.requests)
            del info.responses[:]
            info.responses.extend(responses)
            with self._versioning.transaction() as tx:
                if find_open(tx, transaction).requests == before:
                    append_to_open(tx, transaction, info.SerializeToString())
                    return responses[-1]

    def finish(self, transaction: str) -> TransactionInfo:
        """Carry out a transaction and forget it, both or neither."""
        with self._versioning.writes.short():
            return self._finish(transaction)

    def _finish(self, transaction: str) -> TransactionInfo:
        while True:
            with self._versioning.reading() as tx:
                before = find_open(tx, transaction).requests
            info = TransactionInfo.FromString(before)
            prepared = [self._prepare(request) for request in info.requests]
            with self._versioning.transaction(transaction) as tx:
                if find_open(tx, transaction).requests == before:
                    responses = self._apply_all(tx, info.requests, prepared, numbered=True)
                    delete_open(tx, transaction)
                    del info.responses[:]
                    info.responses.extend(responses)
                    return info

    def _try_all(self, transaction: str, requests: Sequence[TransactionRequest]) -> list[TransactionResponse]:
        """Return what the actions would answer, all changes undone again."""
        prepared = [self._prepare(request) for request in requests]
        responses: list[TransactionResponse] = []
        try:
            with self._versioning.transaction(transaction) as tx:
                responses = self._apply_all(tx, requests, prepared)
                self._versioning.complete(tx)
                raise _RollBackError
        except _RollBackError:
            return responses

    def _apply_all(
        self,
        tx: Transaction,
        requests: Sequence[TransactionRequest],
        prepared: Sequence[str],
        *,
        numbered: bool = False,
    ) -> list[TransactionResponse]:
        responses = []
        for number, (request, layer) in enumerate(zip(requests, prepared, strict=True), start=1):
            try:
                responses.append(self._apply(tx, request, layer))
            except Error as error:
                if numbered or len(requests) > 1:
                    error.args = (f"error running request {number} of {len(requests)}: {error}",)
                raise
        return responses

    def _prepare(self, request: TransactionRequest) -> str:
        """Write what must be durable before the transaction begins; return the layer."""
        if not request.HasField("create_pipeline_v2"):
            return ""
        return pipelines.write_spec(self._versioning, self._definition(request.create_pipeline_v2))

    def _definition(self, action: pps_pb2.CreatePipelineTransaction) -> pipelines.Definition:
        return define(
            self._versioning,
            action.user_json,
            update=action.create_pipeline_request.update,
            reprocess=action.create_pipeline_request.reprocess,
        )

    def _apply(self, tx: Transaction, request: TransactionRequest, layer: str) -> TransactionResponse:
        match _field_of(request):
            case "create_repo":
                repo = wire.read_repo(request.create_repo.repo)
                action = request.create_repo
                repos.create_repo(tx, repo, description=action.description, update=action.update)
            case "delete_repo":
                repo = wire.read_repo(request.delete_repo.repo)
                repos.refuse_pipeline_output(tx, repo)
                repos.delete_repo(tx, repo, force=request.delete_repo.force)
            case "start_commit":
                return TransactionResponse(commit=_start_commit(tx, request.start_commit))
            case "finish_commit":
                _finish_commit(tx, request.finish_commit)
            case "squash_commit_set":
                squash_commit_set(tx, request.squash_commit_set.commit_set.id, self._versioning.listeners)
            case "create_branch":
                own = self._versioning.own_commit_set if request.create_branch.new_commit_set else nullcontext
                with own(tx) as part:
                    _create_branch(part, request.create_branch)
            case "delete_branch":
                branch = wire.read_branch(request.delete_branch.branch)
                branches.delete_branch(tx, branch, force=request.delete_branch.force)
            case "stop_job":
                job = moves.find_job(tx, *pps_wire.read_job(request.stop_job.job))
                moves.stop_job(tx, job, request.stop_job.reason)
            case "create_pipeline_v2":
                definition = self._definition(request.create_pipeline_v2)
                pipelines.create_pipeline(tx, self._versioning, definition, spec_layer=layer)
            case "update_job_state":
                _update_job_state(tx, request.update_job_state)
            case _:
                raise InvalidInputError("a request of the transaction says nothing to do")
        return TransactionResponse()


def _field_of(request: TransactionRequest) -> str:
    return next((field.name for field, _ in request.ListFields()), "")


def _update_job_state(tx: Transaction, request: pps_pb2.UpdateJobStateRequest) -> None:
    job = moves.find_job(tx, *pps_wire.read_job(request.job))
    if job.state.is_terminal:
        raise ConflictError(f"job {job} has already finished: it is in state {job.state.name}")
    if request.state != pps_pb2.JobState.JOB_KILLED:
        state = pps_pb2.JobState.Name(request.state)
        raise NotSupportedError(
            f"job {job} cannot be put in state {state}: the server moves jobs on; only JOB_KILLED ends one"
        )
    moves.stop_job(tx, job, request.reason)


def _start_commit(tx: Transaction, request: pfs_pb2.StartCommitRequest) -> pfs_pb2.Commit:
    parent = None
    if request.HasField("parent") and (request.parent.id or request.parent.branch.name):
        message = pfs_pb2.Commit()
        message.CopyFrom(request.parent)
        if not message.repo.name and not message.branch.repo.name:
            message.repo.CopyFrom(request.branch.repo)
        parent = wire.read_commit(message)
    branch = wire.read_branch(request.branch)
    return wire.commit(commits.start_commit(tx, branch, parent=parent, description=request.description).commit)


def _finish_commit(tx: Transaction, request: pfs_pb2.FinishCommitRequest) -> None:
    commit = resolve_commit(tx, wire.read_commit_of(request, "commit"))
    commits.finish_commit(tx, commit, description=request.description, error=request.error, force=request.force)


def _create_branch(tx: Transaction, request: pfs_pb2.CreateBranchRequest) -> None:
    never = [wire.read_branch(spec.branch) for spec in request.branch_propagation_specs if spec.propagation_spec.never]
    branch = wire.read_branch(request.branch)
    provenance = [wire.read_branch(each) for each in request.provenance]
    branches.check_not_a_pipelines(tx, branch, provenance)
    branches.create_branch(
        tx,
        branch,
        head=wire.optional_commit(request, "head"),
        provenance=provenance,
        trigger=_read_trigger(request.trigger) if request.HasField("trigger") else None,
        never_propagates=never,
    )


def _read_trigger(message: pfs_pb2.Trigger) -> Trigger:
    return Trigger(
        branch=message.branch,
        all=message.all,
        rate_limit_spec=message.rate_limit_spec,
        size=message.size,
        commits=message.commits,
        cron_spec=message.cron_spec,
    )
