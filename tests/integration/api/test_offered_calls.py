"""Which calls are not offered is what docs/clients.md says: each method of each service is called once."""

import importlib
import re
from pathlib import Path

import grpc
from google.protobuf import message_factory
from google.protobuf.descriptor import MethodDescriptor

from trunkline.api.admin.inactive import NOT_ACTIVATED
from trunkline.testing.doors import Story

PAGE = Path(__file__).parents[3] / "docs" / "clients.md"
SERVED = ("admin", "debug", "enterprise", "logs", "metadata", "pfs", "pps", "storage", "transaction", "version")

# These do their work for an empty request, too, and that takes its time; they have tests of their own.
TAKING_LONG = {"RunLoadTest", "RunLoadTestDefault", "RunPFSLoadTest", "RunPFSLoadTestDefault", "Trace"}


def is_offered(channel: grpc.Channel, method: MethodDescriptor) -> bool:
    if method.name in TAKING_LONG:
        return True
    request = message_factory.GetMessageClass(method.input_type)()
    kind = ("stream" if method.client_streaming else "unary", "stream" if method.server_streaming else "unary")
    call = getattr(channel, f"{kind[0]}_{kind[1]}")(
        f"/{method.containing_service.full_name}/{method.name}",
        request_serializer=type(request).SerializeToString,
        response_deserializer=message_factory.GetMessageClass(method.output_type).FromString,
    )
    try:
        answer = call(iter([request]) if method.client_streaming else request)
        if method.server_streaming:
            next(answer, None)
            answer.cancel()
    except grpc.RpcError as error:
        return error.code() != grpc.StatusCode.UNIMPLEMENTED or error.details() == NOT_ACTIVATED
    return True


def test_the_page_names_every_method_that_is_not_offered(story: Story) -> None:
    table = PAGE.read_text().partition("## Calls that are not offered")[2]
    calls = [line.split("|")[1] for line in table.splitlines() if line.startswith("|")]
    named = {word for each in calls for word in re.findall(r"`(\w+)`", each)}
    modules = [importlib.import_module(f"trunkline.proto.{name}_pb2") for name in SERVED]
    services = [service for module in modules for service in module.DESCRIPTOR.services_by_name.values()]

    offered = {method.full_name: is_offered(story.channel, method) for each in services for method in each.methods}

    refused = {name.rpartition(".")[2] for name, works in offered.items() if not works and "enterprise" not in name}
    assert refused == named - {"GetState", "GetActivationCode", "PauseStatus"}
    enterprise = {name.rpartition(".")[2] for name, works in offered.items() if works and "enterprise" in name}
    assert enterprise == {"GetState", "GetActivationCode", "PauseStatus"}
