"""The service ``metadata.API``."""

import grpc

from trunkline.api.wire import pickers
from trunkline.errors import Error, InvalidInputError, NotFoundError
from trunkline.pfs import metadata
from trunkline.pfs.transaction import Transaction
from trunkline.pfs.versioning import Versioning
from trunkline.pps.pipelines import find_pipeline
from trunkline.pps.queries.pipelines import update_pipeline
from trunkline.proto import metadata_pb2, metadata_pb2_grpc, pps_pb2


class MetadataService(metadata_pb2_grpc.APIServicer):
    """Edits key-value pairs: all edits of a request, or none."""

    def __init__(self, versioning: Versioning) -> None:
        self._versioning = versioning

    def EditMetadata(
        self, request: metadata_pb2.EditMetadataRequest, context: grpc.ServicerContext
    ) -> metadata_pb2.EditMetadataResponse:
        changes = [_read_change(edit) for edit in request.edits]
        with self._versioning.transaction() as tx:
            for number, (edit, change) in enumerate(zip(request.edits, changes, strict=True), 1):
                try:
                    _apply(tx, edit, change)
                except NotFoundError as error:  # which the field does not send as NOT_FOUND here
                    raise Error(f"edit {number} of {len(changes)}: {edit.WhichOneof('target')}: {error}") from error
        return metadata_pb2.EditMetadataResponse()


def _read_change(edit: metadata_pb2.Edit) -> metadata.Change:
    match edit.WhichOneof("op"):
        case "replace":
            return metadata.replace(edit.replace.replacement)
        case "add_key":
            return metadata.add_key(edit.add_key.key, edit.add_key.value)
        case "edit_key":
            return metadata.edit_key(edit.edit_key.key, edit.edit_key.value)
        case "delete_key":
            return metadata.delete_key(edit.delete_key.key)
        case _:
            raise InvalidInputError("an edit of metadata says neither replace, add_key, edit_key nor delete_key")


def _apply(tx: Transaction, edit: metadata_pb2.Edit, change: metadata.Change) -> None:
    match edit.WhichOneof("target"):
        case "project":
            metadata.edit_project(tx, pickers.read_project(edit.project), change)
        case "repo":
            metadata.edit_repo(tx, pickers.read_repo(edit.repo), change)
        case "branch":
            metadata.edit_branch(tx, pickers.read_branch(edit.branch), change)
        case "commit":
            metadata.edit_commit(tx, pickers.pick_commit(tx, edit.commit), change)
        case "pipeline":
            _edit_pipeline(tx, edit.pipeline, change)
        case "cluster":
            metadata.edit_cluster(tx, change)
        case _:
            raise InvalidInputError("an edit of metadata names no target")


def _edit_pipeline(tx: Transaction, picker: pps_pb2.PipelinePicker, change: metadata.Change) -> None:
    row = find_pipeline(tx, pickers.read_project(picker.name.project), picker.name.name)
    update_pipeline(tx.connection, row.key, metadata=change(row.metadata))
