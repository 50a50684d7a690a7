"""Filters in the language of jq, which may run for ever: they run in a process that is killed when time is up.

This module is that process, too: ``python -m trunkline.api.jq_filter PROGRAM`` reads a JSON value a line and answers
each with ``+`` or ``-``.
"""

import json
import subprocess
import sys
import time
from collections.abc import Iterable, Iterator
from itertools import islice
from typing import TypeVar

import jq  # type: ignore[import-not-found]  # compiled, without types
from google.protobuf import json_format
from google.protobuf.message import Message

from trunkline.errors import InvalidInputError

M = TypeVar("M", bound=Message)
SECONDS_MAX = 10.0
_REASON_CHARS_MAX = 2000
_BATCH = 2000


def matching(program: str, messages: Iterable[M]) -> Iterator[M]:
    """Yield the messages for which the program's first result is neither null nor false; all without a program."""
    if not program:
        yield from messages
        return
    deadline = time.monotonic() + SECONDS_MAX
    source = iter(messages)
    while batch := list(islice(source, _BATCH)):
        lines = [json_format.MessageToJson(each, preserving_proto_field_name=True, indent=None) for each in batch]
        verdicts = _run(program, "\n".join(lines), deadline - time.monotonic())
        yield from (message for message, verdict in zip(batch, verdicts, strict=True) if verdict == "+")


def _run(program: str, text: str, seconds: float) -> str:
    command = [sys.executable, "-P", "-m", __name__, program]
    try:
        done = subprocess.run(
            command, input=text, capture_output=True, text=True, timeout=max(0.0, seconds), check=False
        )
    except subprocess.TimeoutExpired:
        raise InvalidInputError(f"jq filter {program!r} took longer than {SECONDS_MAX:.0f} s") from None
    if done.returncode:
        lines = done.stderr.strip().splitlines() or ["it ended without a reason"]
        raise InvalidInputError(f"jq filter {program!r}: {lines[-1][:_REASON_CHARS_MAX]}")
    return done.stdout


def _answer(program: str) -> None:
    try:
        compiled = jq.compile(program)
        for line in sys.stdin:
            found = next(iter(compiled.input_value(json.loads(line))), None)
            sys.stdout.write("-" if found is None or found is False else "+")
    except ValueError as error:
        sys.exit(" ".join(str(error).split()))


if __name__ == "__main__":
    _answer(sys.argv[1])
