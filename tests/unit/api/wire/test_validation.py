"""What the descriptors tell to be senseless is refused, whatever the method."""

import pytest
from google.protobuf.duration_pb2 import Duration
from google.protobuf.timestamp_pb2 import Timestamp

from trunkline.api.wire.validation import check_request, tolerant
from trunkline.errors import InvalidInputError
from trunkline.proto import debug_pb2, pfs_pb2, pps_pb2


@pytest.mark.parametrize(
    ("request_", "field"),
    [
        (pps_pb2.ListDatumRequest(filter={"state": [1, 77]}), r"ListDatumRequest.filter.state\[1\]: 77 is not one of"),
        (pfs_pb2.ListCommitRequest(origin_kind=9), "ListCommitRequest.origin_kind: 9 is not one of .*AUTO"),
        (pps_pb2.ListJobRequest(paginationMarker=Timestamp(seconds=2**62)), "paginationMarker: .*years 1 and 9999"),
        (pps_pb2.ListJobRequest(paginationMarker=Timestamp(nanos=-1)), "paginationMarker: .*years 1 and 9999"),
        (debug_pb2.TraceRequest(duration=Duration(seconds=2**62)), "duration: .*ten thousand years"),
        (debug_pb2.TraceRequest(duration=Duration(seconds=1, nanos=-1)), "duration: .*same sign"),
        (pfs_pb2.CreateRepoRequest(description="x" * 70_000), "description: it has 70000 characters"),
        (pfs_pb2.CreateRepoRequest(repo={"name": "x" * 5_000_000}), "repo.name: it has 5000000 characters"),
    ],
)
def test_a_value_that_a_field_cannot_have_is_refused_by_name(request_: object, field: str) -> None:
    with pytest.raises(InvalidInputError, match=rf"validate request: .*{field}"):
        check_request(request_)


def test_values_of_maps_and_of_messages_within_messages_are_looked_at() -> None:
    deep = pps_pb2.CreatePipelineRequest(input={"cross": [{"cron": {"start": {"seconds": 2**62}}}]})

    with pytest.raises(InvalidInputError, match=r"input.cross\[0\].cron.start"):
        check_request(deep)


def test_what_is_sound_passes() -> None:
    check_request(pps_pb2.ListJobRequest(paginationMarker=Timestamp(seconds=1, nanos=999_999_999), number=2**63 - 1))
    check_request(pps_pb2.ListDatumRequest(filter={"state": [pps_pb2.DatumState.FAILED]}))
    check_request(debug_pb2.TraceRequest(duration=Duration(seconds=-1, nanos=-1)))
    check_request(pps_pb2.CreatePipelineRequest(transform={"env": {"A": "b"}}))


@pytest.mark.parametrize("data", [b"\x0a\x02\xed\xa0", b"\xff", b"\x12\x03\xed\xa0\x80"])
def test_bytes_that_are_no_message_are_a_fault_of_the_request(data: bytes) -> None:
    read = tolerant(pfs_pb2.CreateRepoRequest.FromString)

    with pytest.raises(InvalidInputError, match="no message of the method's type"):
        check_request(read(data))
