"""What is sent along with a report of a problem."""

import io
import json
import tarfile
from collections.abc import Iterable
from typing import Any

import grpc
import pytest
from google.protobuf.duration_pb2 import Duration
from google.protobuf.wrappers_pb2 import BytesValue

from trunkline.proto import debug_pb2, enterprise_pb2
from trunkline.proto.debug_pb2 import SetLogLevelRequest
from trunkline.proto.debug_pb2_grpc import DebugStub
from trunkline.proto.enterprise_pb2_grpc import APIStub as EnterpriseStub
from trunkline.testing.doors import Story, add, at


def files_of(pieces: Iterable[bytes]) -> dict[str, str]:
    with tarfile.open(fileobj=io.BytesIO(b"".join(pieces)), mode="r:gz") as archive:
        return {entry.name: opened.read().decode() for entry in archive if (opened := archive.extractfile(entry))}


def values(messages: Iterable[BytesValue]) -> list[bytes]:
    return [message.value for message in messages]


def test_a_dump_tells_its_progress_first_and_has_what_the_template_asks_for(story: Story) -> None:
    story.put(at("in"), add("/a", "1"))
    debug = DebugStub(story.channel)
    request = debug.GetDumpV2Template(debug_pb2.GetDumpV2TemplateRequest()).request

    chunks = list(debug.DumpV2(request))

    assert chunks[0].progress.progress > 0
    files = files_of(chunk.content.content for chunk in chunks if chunk.HasField("content"))
    assert sorted(files) == [
        "branches.json",
        "commits.json",
        "packages.txt",
        "repos.json",
        "threads.txt",
        "version.txt",
    ]
    assert json.loads(files["commits.json"])[0]["commit"]["repo"]["name"] == "in"


def test_a_profile_shows_the_threads_of_the_server_and_is_bounded(story: Story) -> None:
    debug = DebugStub(story.channel)

    def profile(seconds: int, nanos: int = 0) -> dict[str, str]:
        duration = Duration(seconds=seconds, nanos=nanos)
        request = debug_pb2.ProfileRequest(profile=debug_pb2.Profile(name="cpu", duration=duration))
        return files_of(values(debug.Profile(request)))

    assert "\ncontroller;" in "\n" + profile(0, nanos=50_000_000)["cpu.folded"]
    with pytest.raises(grpc.RpcError, match="at most 60 seconds"):
        profile(61)


def test_a_trace_shows_the_threads_in_time_and_is_bounded(story: Story) -> None:
    debug = DebugStub(story.channel)

    def take(duration: Duration) -> dict[str, Any]:
        pieces = [chunk.content.value for chunk in debug.Trace(debug_pb2.TraceRequest(duration=duration))]
        found: dict[str, Any] = json.loads(b"".join(pieces))
        return found

    events = take(Duration(nanos=50_000_000))["traceEvents"]
    assert "controller" in [event["args"].get("name") for event in events if event["ph"] == "M"]
    spans = [event for event in events if event["ph"] == "X"]
    assert any(event["name"] == "BackgroundThread._run" and "supervision.py" in event["args"]["at"] for event in spans)
    assert all(event["dur"] >= 0 for event in spans)
    for duration, message in ((Duration(), "more than 0"), (Duration(seconds=61), "at most 60 seconds")):
        with pytest.raises(grpc.RpcError, match=message) as caught:
            take(duration)
        assert caught.value.code() == grpc.StatusCode.INVALID_ARGUMENT


@pytest.mark.parametrize(
    "request_",
    [
        SetLogLevelRequest(duration=Duration(seconds=1)),
        SetLogLevelRequest(pachyderm=SetLogLevelRequest.LogLevel.UNKNOWN, duration=Duration(seconds=1)),
        SetLogLevelRequest(pachyderm=SetLogLevelRequest.LogLevel.DEBUG),
        SetLogLevelRequest(grpc=SetLogLevelRequest.LogLevel.DEBUG, duration=Duration(seconds=-1)),
        SetLogLevelRequest(grpc=SetLogLevelRequest.LogLevel.DEBUG, duration=Duration(seconds=100_000)),
    ],
)
def test_a_level_without_sense_is_refused(story: Story, request_: SetLogLevelRequest) -> None:
    with pytest.raises(grpc.RpcError, match=r"validate request: (level|duration): ") as caught:
        DebugStub(story.channel).SetLogLevel(request_)

    assert caught.value.code() == grpc.StatusCode.INVALID_ARGUMENT


def test_the_binary_is_told_by_its_packages(story: Story) -> None:
    files = files_of(values(DebugStub(story.channel).Binary(debug_pb2.BinaryRequest())))

    assert "trunkline==" in files["packages.txt"]


def test_there_is_no_enterprise(story: Story) -> None:
    answer = EnterpriseStub(story.channel).GetState(enterprise_pb2.GetStateRequest())

    assert answer.state == enterprise_pb2.State.NONE
