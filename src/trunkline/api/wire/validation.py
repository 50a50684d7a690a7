"""What is refused before anything else: what no method can make sense of, as a request's descriptor tells.

Every message of every request goes through here, those of streams, too.
"""

from collections.abc import Callable, Iterable
from functools import cache

from google.protobuf.descriptor import Descriptor, FieldDescriptor
from google.protobuf.message import DecodeError, Message

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
_TEXT_CHARACTERS_MAX = 4 * 1024 * 1024
_REMARK_CHARACTERS_MAX = 64 * 1024
_REMARKS = {"description", "reason", "error"}
"""Texts that come back in listings, many together."""
_TIMES = {
    "google.protobuf.Timestamp": (-62_135_596_800, 253_402_300_799, "between the years 1 and 9999"),
    "google.protobuf.Duration": (-315_576_000_000, 315_576_000_000, "at most ten thousand years"),
}
"""What the seconds may be."""

_Check = Callable[[Message, str], None]


class Malformed:
    """Stands for a request whose bytes are no message of its type, until it can be refused."""

    def __init__(self, reason: str) -> None:
        self.reason = reason


def tolerant(deserialize: Callable[[bytes], object]) -> Callable[[bytes], object]:
    """Return a deserializer that makes of bytes which are no message something that `check_request` refuses.

    What a deserializer raises is sent as an internal error, before any of our code is asked.
    """

    def read(data: bytes) -> object:
        try:
            return deserialize(data)
        except DecodeError as error:
            return Malformed(str(error))

    return read


def check_request(request: object) -> None:
    """Raise InvalidInputError, "validate request", if a request lacks what it must have, or has what nothing can mean.

    That is: unknown values of enums, times that are none, texts beyond all bounds, negative counts.
    """
    if isinstance(request, Malformed):
        raise InvalidInputError(f"validate request: it is no message of the method's type: {request.reason}")
    if not isinstance(request, Message):
        return  # bytes that nobody reads
    field = _REQUIRED.get(request.DESCRIPTOR.full_name)
    if field is not None and not request.HasField(field):
        raise InvalidInputError(f"validate request: {request.DESCRIPTOR.name}.{field} is required")
    check_counts(request)
    if "page" in request.DESCRIPTOR.fields_by_name:
        check_counts(request.page)  # type: ignore[attr-defined]
    check_values(request)


def check_present(message: Message, field: str) -> None:
    """Raise InvalidInputError unless a message of a stream has this field, which may be empty."""
    if not message.HasField(field):
        raise InvalidInputError(f"validate request: {field}: value is required")


def check_counts(message: Message) -> None:
    """Raise InvalidInputError if a message asks for a negative number of things."""
    for field in _COUNTS.intersection(message.DESCRIPTOR.fields_by_name):
        if getattr(message, field) < 0:
            raise InvalidInputError(f"validate request: {message.DESCRIPTOR.name}.{field} must be 0 or more")


def check_values(message: Message) -> None:
    """Raise InvalidInputError if a value in a message, or in one within it, is none that its field can have."""
    _check_values(message, message.DESCRIPTOR.name)


def _check_values(message: Message, where: str) -> None:
    checks = _checks(message.DESCRIPTOR)
    if message.DESCRIPTOR.full_name in _TIMES:
        _check_time(message, where)
    for field, value in message.ListFields():
        check = checks.get(field.number)
        if check is None:
            continue
        name = f"{where}.{field.name}"
        if not field.is_repeated:
            check(value, name)
        elif _is_map(field):
            for key in value:
                check(value[key], f"{name}[{str(key)[:100]!r}]")
        else:
            for place, each in enumerate(value):
                check(each, f"{name}[{place}]")


@cache  # as many as there are types
def _checks(descriptor: Descriptor) -> dict[int, _Check]:
    """Return what is to be checked of each field, by number; most fields need no check."""
    found = {}
    for field in descriptor.fields:
        entry = field.message_type
        check = _check_of(entry.fields_by_name["value"] if entry is not None and _is_map(field) else field)
        if check is not None:
            found[field.number] = check
    return found


def _check_of(field: FieldDescriptor) -> _Check | None:
    if field.message_type is not None:
        return _check_values
    if field.enum_type is not None:
        numbers = field.enum_type.values_by_number
        names = ", ".join(value.name for value in field.enum_type.values)
        return lambda value, where: _check_enum(value, where, numbers, names)
    if field.cpp_type == FieldDescriptor.CPPTYPE_STRING and field.type != FieldDescriptor.TYPE_BYTES:
        limit = _REMARK_CHARACTERS_MAX if field.name in _REMARKS else _TEXT_CHARACTERS_MAX
        return lambda value, where: _check_text(value, where, limit)
    return None


def _is_map(field: FieldDescriptor) -> bool:
    return field.message_type is not None and field.message_type.GetOptions().map_entry


def _check_enum(value: object, where: str, numbers: Iterable[object], names: str) -> None:
    if value not in numbers:
        raise InvalidInputError(f"validate request: {where}: {value} is not one of {names}")


def _check_text(value: object, where: str, limit: int) -> None:
    if isinstance(value, str) and len(value) > limit:
        raise InvalidInputError(f"validate request: {where}: it has {len(value)} characters, and may have {limit}")


def _check_time(message: Message, where: str) -> None:
    low, high, told = _TIMES[message.DESCRIPTOR.full_name]
    seconds: int = message.seconds  # type: ignore[attr-defined]
    nanos: int = message.nanos  # type: ignore[attr-defined]
    is_duration = low == -high
    if not low <= seconds <= high or not (-(10**9) if is_duration else -1) < nanos < 10**9:
        raise InvalidInputError(f"validate request: {where}: {seconds} s and {nanos} ns: it must be {told}")
    if is_duration and seconds * nanos < 0:
        raise InvalidInputError(f"validate request: {where}: seconds and nanos must have the same sign")
