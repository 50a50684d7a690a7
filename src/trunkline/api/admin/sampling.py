"""What the threads of the server do, seen many times a second: as totals for a profile, or in time for a trace."""

import sys
import threading
import time
import traceback
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from types import FrameType
from typing import Any, TypeAlias

_SAMPLES_PER_SECOND = 100
_FRAMES_MAX = 40

Call: TypeAlias = tuple[str, str]
"""A function, and where it is."""


@dataclass(frozen=True, slots=True)
class Sample:
    """The innermost frame of each thread at a time in microseconds."""

    at: int
    frames: Mapping[int, FrameType]


def take_samples(seconds: float, *, is_wanted: Callable[[], bool]) -> Iterator[Sample]:
    """Yield samples of all threads but this one, until the time is up or nobody wants more."""
    own = threading.get_ident()
    end = time.monotonic() + seconds
    while time.monotonic() < end and is_wanted():
        frames = {thread: frame for thread, frame in sys._current_frames().items() if thread != own}
        yield Sample(time.monotonic_ns() // 1000, frames)
        time.sleep(1 / _SAMPLES_PER_SECOND)


def count_stacks(samples: Iterable[Sample]) -> Counter[str]:
    """Return how often each stack of calls was seen, in the folded form that flame graphs are drawn from.

    The name of its thread is outermost: threads that do different things wait in the same calls.
    """
    stacks: Counter[str] = Counter()
    for sample in samples:
        names = {thread.ident: thread.name for thread in threading.enumerate()}
        for thread, frame in sample.frames.items():
            calls = traceback.extract_stack(frame, limit=_FRAMES_MAX)
            stack = (f"{call.name} {call.filename}:{call.lineno}" for call in calls)
            stacks[";".join((names.get(thread, "unnamed").replace(";", ","), *stack))] += 1
    return stacks


def calls_of(frame: FrameType | None) -> list[Call]:
    """Return the calls that led to a frame, outermost first."""
    calls = []
    while frame is not None:
        code = frame.f_code
        calls.append((code.co_qualname, f"{code.co_filename}:{code.co_firstlineno}"))
        frame = frame.f_back
    return calls[::-1]


@dataclass(slots=True)
class Trace:
    """Calls with their beginning and end, as events of the trace format that Perfetto and Chrome show."""

    events: list[dict[str, Any]] = field(default_factory=list)
    _open: dict[int, list[tuple[Call, int]]] = field(default_factory=dict)
    _at: int = 0

    def see(self, at: int, stacks: Mapping[int, list[Call]]) -> None:
        """Take one look: what was there before and still is goes on, the rest ends, what is new begins."""
        self._at = at
        for thread in set(self._open) | set(stacks):
            stack = stacks.get(thread, [])
            opened = self._open.setdefault(thread, [])
            same = 0
            while same < min(len(stack), len(opened)) and opened[same][0] == stack[same]:
                same += 1
            self._end(thread, same)
            opened += [(call, at) for call in stack[same:]]

    def finish(self, thread_names: Mapping[int, str]) -> dict[str, Any]:
        """Return the whole trace; what still runs ends with it."""
        for thread in self._open:
            self._end(thread, 0)
        names = [
            {"ph": "M", "name": "thread_name", "pid": 1, "tid": thread, "args": {"name": name}}
            for thread, name in thread_names.items()
        ]
        return {"traceEvents": names + self.events, "displayTimeUnit": "ms"}

    def _end(self, thread: int, depth: int) -> None:
        opened = self._open[thread]
        while len(opened) > depth:
            (name, place), began = opened.pop()
            self.events.append(
                {
                    "ph": "X",
                    "name": name,
                    "pid": 1,
                    "tid": thread,
                    "ts": began,
                    "dur": self._at - began,
                    "args": {"at": place},
                }
            )


def trace(samples: Iterable[Sample]) -> dict[str, Any]:
    """Return what samples saw, in time."""
    found = Trace()
    for sample in samples:
        found.see(sample.at, {thread: calls_of(frame) for thread, frame in sample.frames.items()})
    return found.finish({thread.ident: thread.name for thread in threading.enumerate() if thread.ident is not None})
