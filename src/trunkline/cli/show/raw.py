"""Messages as protobuf-JSON with the names of the wire, for programs that read our output."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from trunkline.cli.show.terminal import say

if TYPE_CHECKING:
    from google.protobuf.message import Message


def to_dict(message: Message) -> dict[str, Any]:
    """Return the message as JSON values, under the names of the .proto files; unset fields are left out."""
    from google.protobuf.json_format import MessageToDict

    return dict(MessageToDict(message, preserving_proto_field_name=True))


def encode(data: object, output: str = "json") -> str:
    """Return data as indented JSON, or as YAML."""
    if output == "yaml":
        import yaml

        return str(yaml.dump(data, sort_keys=False, allow_unicode=True)).rstrip("\n")
    return json.dumps(data, indent=2, ensure_ascii=False)


def print_messages(messages: Iterable[Message], output: str) -> None:
    """Print one object after the other."""
    for index, message in enumerate(messages):
        if output == "yaml" and index:
            say("---")
        say(encode(to_dict(message), output))
