"""Definitions of pipelines that can be shown again: what is kept must fit in an answer, or nobody's listing works."""

import json
from typing import Any

from google.protobuf import json_format

from trunkline.errors import InvalidInputError
from trunkline.pfs.versioning import Versioning
from trunkline.pps import pipelines
from trunkline.pps.defaults import Defaults
from trunkline.pps.pipelines import Definition
from trunkline.pps.spec.decode import encode_spec
from trunkline.proto import pps_pb2
from trunkline.telemetry import log

SHOWN_BYTES_MAX = 4 * 1024 * 1024
"""A pipeline's spec as its user wrote it, with its defaults, and as a message, together."""


def define(
    versioning: Versioning,
    user_json: str,
    *,
    update: bool = False,
    reprocess: bool = False,
    defaults: Defaults | None = None,
) -> Definition:
    """Return what `pipelines.define` does; raise InvalidInputError also for what the wire cannot carry."""
    definition = pipelines.define(versioning, user_json, update=update, reprocess=reprocess, defaults=defaults)
    try:
        message = read_spec(encode_spec(definition.spec))
        size = len(user_json.encode()) + len(definition.effective_json.encode()) + len(message.SerializeToString())
    except (ValueError, RecursionError) as error:  # of which json_format's ParseError and Unicode's are
        raise InvalidInputError(f"malformed pipeline spec: it cannot be sent: {error}") from None
    if size > SHOWN_BYTES_MAX:
        raise InvalidInputError(
            f"malformed pipeline spec: it takes {size} bytes to show, and may take {SHOWN_BYTES_MAX}: "
            "put code and data into files"
        )
    return definition


def read_spec(spec_json: str) -> pps_pb2.CreatePipelineRequest:
    """Return the message that a spec's JSON says, or raise ValueError."""
    message = pps_pb2.CreatePipelineRequest()
    try:
        json_format.ParseDict(json.loads(spec_json), message, ignore_unknown_fields=True)
    except json_format.ParseError as error:
        raise ValueError(str(error)) from error
    return message


def shown_spec(spec_json: str, name: str) -> pps_pb2.CreatePipelineRequest:
    """Return so much of a kept spec as can be sent: one that an older version took is no reason to show nothing."""
    try:
        return read_spec(spec_json)
    except (ValueError, RecursionError) as error:
        log("api").warning("the spec of pipeline %s is shown in part: %s", name, error)
    found = pps_pb2.CreatePipelineRequest()
    for field, value in _fields(spec_json).items():
        try:
            found.MergeFrom(read_spec(json.dumps({field: value})))
        except (ValueError, RecursionError):
            continue
    return found


def _fields(spec_json: str) -> dict[str, Any]:
    try:
        fields = json.loads(spec_json)
    except (ValueError, RecursionError):
        return {}
    return fields if isinstance(fields, dict) else {}
