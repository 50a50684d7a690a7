"""The service ``transaction_v2.API``."""

import grpc
from google.protobuf.empty_pb2 import Empty

from trunkline.api.actions import Actions
from trunkline.api.wire import pfs as wire
from trunkline.model.ids import new_id
from trunkline.pfs.open_transactions import OpenTransaction, delete_open, find_open, list_open, start_open
from trunkline.pfs.versioning import Versioning, now
from trunkline.proto import transaction_pb2, transaction_pb2_grpc
from trunkline.proto.transaction_pb2 import TransactionInfo


class TransactionService(transaction_pb2_grpc.APIServicer):
    """Actions of several calls, carried out as one."""

    def __init__(self, versioning: Versioning, actions: Actions) -> None:
        self._versioning = versioning
        self._actions = actions

    def BatchTransaction(
        self, request: transaction_pb2.BatchTransactionRequest, context: grpc.ServicerContext
    ) -> TransactionInfo:
        id = new_id()  # noqa: A001 - the field's word
        responses = self._actions.run_all(request.requests, id=id)
        return TransactionInfo(
            transaction=transaction_pb2.Transaction(id=id),
            requests=request.requests,
            responses=responses,
            started=wire.timestamp(now()),
        )

    def StartTransaction(
        self, request: transaction_pb2.StartTransactionRequest, context: grpc.ServicerContext
    ) -> transaction_pb2.Transaction:
        with self._versioning.transaction() as tx:
            return transaction_pb2.Transaction(id=start_open(tx).id)

    def InspectTransaction(
        self, request: transaction_pb2.InspectTransactionRequest, context: grpc.ServicerContext
    ) -> TransactionInfo:
        with self._versioning.reading() as tx:
            return _info(find_open(tx, request.transaction.id))

    def DeleteTransaction(
        self, request: transaction_pb2.DeleteTransactionRequest, context: grpc.ServicerContext
    ) -> Empty:
        with self._versioning.transaction() as tx:
            delete_open(tx, request.transaction.id)
        return Empty()

    def ListTransaction(
        self, request: transaction_pb2.ListTransactionRequest, context: grpc.ServicerContext
    ) -> transaction_pb2.TransactionInfos:
        with self._versioning.reading() as tx:
            return transaction_pb2.TransactionInfos(transaction_info=[_info(each) for each in list_open(tx)])

    def FinishTransaction(
        self, request: transaction_pb2.FinishTransactionRequest, context: grpc.ServicerContext
    ) -> TransactionInfo:
        with self._versioning.reading() as tx:
            info = _info(find_open(tx, request.transaction.id))
        finished = self._actions.finish(request.transaction.id)
        finished.transaction.CopyFrom(info.transaction)
        finished.started.CopyFrom(info.started)
        return finished

    def DeleteAll(self, request: transaction_pb2.DeleteAllRequest, context: grpc.ServicerContext) -> Empty:
        with self._versioning.transaction() as tx:
            for each in list_open(tx):
                delete_open(tx, each.id)
        return Empty()


def _info(each: OpenTransaction) -> TransactionInfo:
    info = TransactionInfo.FromString(each.requests)
    info.transaction.id = each.id
    stamp = wire.timestamp(each.started_at)
    assert stamp is not None
    info.started.CopyFrom(stamp)
    return info
