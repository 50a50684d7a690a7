"""What is refused before anything else: requests without a message that they must have, and negative counts."""

from google.protobuf.message import Message

from trunkline.errors import InvalidInputError

_REQUIRED = {
    "pfs_v2.DeleteBranchRequest": "branch",
    "pfs_v2.DeleteProjectRequest": "project",
    "pfs_v2.DropCommitSetRequest": "commit_set",
    "pfs_v2.FindCommitsRequest": "start",
    "pfs_v2.InspectProjectRequest": "project",
    "pfs_v2.InspectProjectV2Request": "project",
    "pps_v2.DeletePipelineRequest": "pipeline",
    "pps_v2.DeleteSecretRequest": "secret",
    "pps_v2.InspectJobSetRequest": "job_set",
    "pps_v2.InspectPipelineRequest": "pipeline",
    "pps_v2.InspectSecretRequest": "secret",
    "pps_v2.RerunPipelineRequest": "pipeline",
    "pps_v2.RunCronRequest": "pipeline",
    "pps_v2.UpdateJobStateRequest": "job",
    "taskapi.ListTaskRequest": "group",
    "transaction_v2.DeleteTransactionRequest": "transaction",
    "transaction_v2.FinishTransactionRequest": "transaction",
    "transaction_v2.InspectTransactionRequest": "transaction",
}

_COUNTS = {"number", "page_size", "page_index"}


def check_request(request: object) -> None:
    """Raise InvalidInputError, "validate request", if a request lacks what it must have."""
    if not isinstance(request, Message):
        return  # a stream, or bytes that nobody reads
    field = _REQUIRED.get(request.DESCRIPTOR.full_name)
    if field is not None and not request.HasField(field):
        raise InvalidInputError(f"validate request: {request.DESCRIPTOR.name}.{field} is required")
    check_counts(request)
    if "page" in request.DESCRIPTOR.fields_by_name:
        check_counts(request.page)  # type: ignore[attr-defined]


def check_present(message: Message, field: str) -> None:
    """Raise InvalidInputError unless a message of a stream has this field, which may be empty."""
    if not message.HasField(field):
        raise InvalidInputError(f"validate request: {field}: value is required")


def check_counts(message: Message) -> None:
    """Raise InvalidInputError if a message asks for a negative number of things."""
    for field in _COUNTS.intersection(message.DESCRIPTOR.fields_by_name):
        if getattr(message, field) < 0:
            raise InvalidInputError(f"validate request: {message.DESCRIPTOR.name}.{field} must be 0 or more")
