"""Requests of every gRPC method, from the descriptors."""

import importlib
import pkgutil
from base64 import b64decode, b64encode
from collections.abc import Iterator
from random import Random

import grpc
from google.protobuf import json_format
from google.protobuf.descriptor import MethodDescriptor

import trunkline.proto
from tests.fuzz import values
from tests.fuzz.messages import mutated_bytes, nested, random_message
from tests.fuzz.run import Input
from tests.fuzz.world import CALL_SECONDS_MAX, World

# These change what the run itself looks at, or end it.
_LEFT_OUT = {"SetLogLevel", "RestartPachyderm"}
_MAY_WAIT = (
    "Subscribe", "Inspect", "GetLogs", "Profile", "Dump", "Binary", "Trace", "RunLoadTest", "RunPFSLoadTest",
    "Listen", "RenderTemplate", "CheckStorage", "DeleteAll", "CollectGarbage", "Await", "ProcessQueue", "ReadFileset",
    "RestartDatum",
)  # fmt: skip
_WAIT_SECONDS = 1.5
_FAULTS = {grpc.StatusCode.INTERNAL, grpc.StatusCode.UNKNOWN}
# The field sends these so, and clients look for the phrases.
_AS_THE_FIELD_DOES = ("has already finished", "already finished", "cycle", "edit ")


def _methods() -> dict[str, MethodDescriptor]:
    found = {}
    for module in pkgutil.iter_modules(trunkline.proto.__path__):
        if module.name.endswith("_pb2"):
            file = importlib.import_module(f"trunkline.proto.{module.name}").DESCRIPTOR
            for service in file.services_by_name.values():
                found.update({f"/{service.full_name}/{each.name}": each for each in service.methods})
    return {path: method for path, method in sorted(found.items()) if method.name not in _LEFT_OUT}


METHODS = _methods()
_OFFERED = [path for path in METHODS if path.split("/")[1] not in
            ("auth_v2.API", "identity_v2.API", "license_v2.API", "pjs.API", "proxy.API", "snapshot.API")]  # fmt: skip


class GrpcDoor:
    """Any method with any messages."""

    name = "grpc"

    def make(self, random: Random) -> Input:
        path = random.choice(_OFFERED if random.random() < 0.97 else list(METHODS))
        method = METHODS[path]
        count = random.choice([0, 1, 2, 5]) if method.client_streaming else 1
        sent: list[bytes] = []
        for _ in range(count):
            if random.random() < 0.03:
                message = nested(random, method.input_type, random.choice([20, 90, 150, 3000]))
            else:
                message = random_message(random, method.input_type)
            try:
                data = message.SerializeToString()
            except ValueError:
                data = b""  # too deep for this side
            sent.append(mutated_bytes(random, data) if random.random() < 0.05 else data)
        made: Input = {"method": path, "requests": [b64encode(each).decode() for each in sent]}
        made["text"] = _readable(method, sent)
        if method.client_streaming and random.random() < 0.2:
            made["cut"] = True
        if random.random() < 0.02:
            made["transaction"] = random.choice([values.UNKNOWN, "", "a" * 3000, "a b"])
        return made

    def send(self, world: World, sent: Input) -> str:
        method = METHODS[sent["method"]]
        requests = [world.concrete(b64decode(each)) for each in sent["requests"]]
        limit = _WAIT_SECONDS if self.may_wait(sent) else CALL_SECONDS_MAX
        metadata = [("pach-transaction", sent["transaction"])] if "transaction" in sent else None
        kind = ("stream" if method.client_streaming else "unary") + ("_stream" if method.server_streaming else "_unary")
        call = getattr(world.channel, kind)(sent["method"], _same, _same)
        argument = _stream(requests, cut="cut" in sent) if method.client_streaming else requests[0]
        try:
            answer = call(argument, timeout=limit, metadata=metadata)
            if method.server_streaming:
                for _ in answer:
                    pass
        except grpc.RpcError as error:
            return self._judge(sent, error)
        except _CutError:
            pass
        return ""

    def may_wait(self, sent: Input) -> bool:
        return METHODS[sent["method"]].name.startswith(_MAY_WAIT)

    def _judge(self, sent: Input, error: grpc.RpcError) -> str:
        details = error.details() or ""
        if "cut" in sent and "Exception iterating requests" in details:
            return ""
        if "Exception deserializing request" in details:
            return "INTERNAL: Exception deserializing request!"
        if error.code() in _FAULTS and not any(phrase in details for phrase in _AS_THE_FIELD_DOES):
            return f"{error.code().name}: {sent['method']}: {details[:2000]}"
        if error.code() is grpc.StatusCode.DEADLINE_EXCEEDED and not self.may_wait(sent):
            return f"{sent['method']} does not answer within {CALL_SECONDS_MAX} s"
        if error.code() is grpc.StatusCode.RESOURCE_EXHAUSTED:
            return f"{error.code().name}: {sent['method']}: {details[:300]}"
        return ""


class _CutError(Exception):
    """A client that goes away."""


def _same(data: bytes) -> bytes:
    return data


def _stream(requests: list[bytes], *, cut: bool) -> Iterator[bytes]:
    yield from requests
    if cut:
        raise _CutError


def _readable(method: MethodDescriptor, sent: list[bytes]) -> list[str]:
    found = []
    for data in sent:
        try:
            message = random_message(Random(0), method.input_type)
            message.Clear()
            message.ParseFromString(data)
            found.append(json_format.MessageToJson(message, indent=None, preserving_proto_field_name=True)[:500])
        except Exception:
            found.append("no message of this type")
    return found
