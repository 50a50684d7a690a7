"""Filters in the language of jq, over messages as JSON."""

import json
import re
from collections.abc import Iterable, Iterator
from typing import TypeVar

from google.protobuf import json_format
from google.protobuf.message import Message

from trunkline.api.confined.run import run_confined
from trunkline.errors import InvalidInputError

M = TypeVar("M", bound=Message)
SECONDS_MAX = 10.0
"""What the filter of one call may take in all, however long its client takes to read."""
_BATCH_MESSAGES = 2000
_BATCH_BYTES = 8 * 1024 * 1024
_PROGRAM_CHARACTERS_MAX = 16 * 1024
_TOLD_CHARACTERS = 200
# Where the grammar has them: before all else. They could open nothing, but tell which files there are.
_IMPORTS = re.compile(r"(?:\s|#[^\n]*(?:\n|$))*(?:module|import|include)\b")


def matching(program: str, messages: Iterable[M]) -> Iterator[M]:
    """Yield the messages for which the program's first result is neither null nor false; all without a program."""
    if not program:
        yield from messages
        return
    if len(program) > _PROGRAM_CHARACTERS_MAX:
        raise InvalidInputError(f"jq filter: it is longer than {_PROGRAM_CHARACTERS_MAX} characters")
    if _IMPORTS.match(program):
        raise InvalidInputError("jq filter: it imports, and filters import nothing: write in it what it needs")
    seconds_left = SECONDS_MAX
    for batch, lines in _batches(messages):
        text = "\n".join((json.dumps(program), *lines))
        verdicts, took = run_confined(
            "jq_program",
            text.encode(),
            what=f"jq filter {program[:_TOLD_CHARACTERS]!r}",
            seconds=max(0.0, seconds_left),
        )
        seconds_left -= took
        yield from (message for message, verdict in zip(batch, verdicts.decode(), strict=True) if verdict == "+")


def _batches(messages: Iterable[M]) -> Iterator[tuple[list[M], list[str]]]:
    """Yield messages, many together, each with its line of JSON."""
    batch: list[M] = []
    lines: list[str] = []
    size = 0
    for message in messages:
        line = json_format.MessageToJson(message, preserving_proto_field_name=True, indent=None)
        batch.append(message)
        lines.append(line)
        size += len(line)
        if len(batch) >= _BATCH_MESSAGES or size >= _BATCH_BYTES:
            yield batch, lines
            batch, lines, size = [], [], 0
    if batch:
        yield batch, lines
