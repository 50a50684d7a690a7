"""Sending inputs to a door and telling what they did."""

import json
import re
import time
import traceback
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from hashlib import blake2b
from pathlib import Path
from random import Random
from typing import Any, Protocol

from tests.fuzz.world import World, timed

Input = dict[str, Any]
"""What is sent, as JSON can say it."""

CALL_SECONDS = 1.0
_REFRESH_EVERY = 150
_MEMORY_RATIO_MAX = 1.5
_MEMORY_BYTES_MIN = 150 << 20


class Door(Protocol):
    """A way in."""

    name: str

    def make(self, random: Random) -> Input:
        """Return some input; the same for the same numbers."""

    def send(self, world: World, sent: Input) -> str:
        """Send it; return what is wrong with the answer, or nothing."""

    def may_wait(self, sent: Input) -> bool:
        """Tell whether it may take longer than a second by right."""


@dataclass(frozen=True)
class Finding:
    """An input that a server does not stand."""

    door: str
    problem: str
    sent: Input

    @property
    def kind(self) -> str:
        """What makes two findings one: the problem without its numbers, names and quotes."""
        said = re.sub(r"0x[0-9a-f]+|[0-9a-f]{32}|\d+|'[^']*'|\"[^\"]*\"", "#", self.problem)
        frames = re.findall(r"trunkline/(\S+\.py)\", line \d+, in (\w+)", self.problem)
        last = said.strip().splitlines()[-1] if frames else said
        return f"{self.door}: {frames[-1] if frames else ''} {last[:120]}"

    @property
    def is_fault(self) -> bool:
        """Tell whether it is one on any machine; time and memory depend on what else there runs."""
        return not self.problem.startswith(("slow:", "memory "))

    def save(self, directory: Path) -> Path:
        """Write it as a file that a test can read; return where."""
        path = directory / f"{self.door}-{blake2b(self.kind.encode(), digest_size=5).hexdigest()}.json"
        summary = self.problem.strip().splitlines()[-1][:300]
        path.write_text(json.dumps({"door": self.door, "problem": summary, "sent": self.sent}, indent=1) + "\n")
        return path


@dataclass
class Tally:
    """What a run of one door came to."""

    inputs: int = 0
    slow: int = 0
    slowest_seconds: float = 0.0
    findings: dict[str, Finding] = field(default_factory=dict)


def fuzz(
    world: World, door: Door, *, seed: int, go_on: Callable[[int], bool], told: Callable[[Finding], None]
) -> Tally:
    """Send inputs as long as go_on says of their number, and tell of each finding once."""
    tally = Tally()

    def note(problem: str, sent: Input) -> None:
        finding = Finding(door.name, problem, sent)
        if finding.kind not in tally.findings:
            tally.findings[finding.kind] = finding
            told(finding)

    world.new_traces()
    memory_before = world.memory_bytes()
    sent: Input = {}
    while go_on(tally.inputs):
        sent = door.make(Random(f"{door.name}/{seed}/{tally.inputs}"))
        tally.inputs += 1
        for problem in check(world, door, sent, tally):
            note(problem, sent)
        if tally.inputs % _REFRESH_EVERY == 0:
            for problem in _between(world):
                note(problem, sent)
    for problem in _between(world):
        note(problem, sent)
    memory = world.memory_bytes()
    if memory > _MEMORY_RATIO_MAX * memory_before and memory - memory_before > _MEMORY_BYTES_MIN:
        note(f"memory grew from {memory_before >> 20} to {memory >> 20} MB", sent)
    return tally


def check(world: World, door: Door, sent: Input, tally: Tally | None = None) -> Iterator[str]:
    """Send one input and yield what is wrong then."""
    problem, seconds = timed(lambda: _send(world, door, sent))
    if problem:
        yield problem
    if seconds > CALL_SECONDS and not door.may_wait(sent):
        again, seconds_again = timed(lambda: _send(world, door, sent))
        if not again and seconds_again > CALL_SECONDS:
            if tally is not None:
                tally.slow += 1
                tally.slowest_seconds = max(tally.slowest_seconds, seconds_again)
            yield f"slow: it takes {seconds_again:.1f} s: {_what(sent)}"
    if (trace := world.new_traces()) and not problem:
        yield f"the server logs: {trace}"
    if problem := world.health():
        yield problem


def _send(world: World, door: Door, sent: Input) -> str:
    try:
        return door.send(world, sent)
    except Exception:
        return f"this side raises: {traceback.format_exc()}"


def _what(sent: Input) -> str:
    return next((value for value in sent.values() if isinstance(value, str)), "")[:60]


def _between(world: World) -> Iterator[str]:
    try:
        if problem := world.fsck():
            yield problem
        world.refresh()
    except Exception as error:
        yield f"cleaning up fails: {error}"
    if trace := world.new_traces():
        yield f"the server logs: {trace}"


def until(seconds: float) -> Callable[[int], bool]:
    """Return what says for so long that a run goes on."""
    end = time.monotonic() + seconds
    return lambda _: time.monotonic() < end


def budget(inputs: int) -> Callable[[int], bool]:
    """Return what says that a run goes on for so many inputs."""
    return lambda count: count < inputs
