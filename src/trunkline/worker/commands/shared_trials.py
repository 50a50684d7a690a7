"""Which scripts may run one datum after the other in one process: those for which it was asked, and those that showed
in a trial that it makes no difference.

The trial: the first datums run alone, each in a process of its own. A later one runs in a process that will be used
again; then the first ones run there once more, and must write the same again, byte for byte, and leave no trace.
"""

import os
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass, field

from blake3 import blake3

from trunkline.model.datums import Datum, DatumSet, Runner
from trunkline.worker.commands.side_effects import may_leave_traces
from trunkline.worker.view.capture import Output

PROBES = 2
"""How many datums are run both ways."""
SET_DATUMS_MIN = 4
"""A trial in a set of fewer costs more than it can bring."""
_PROBE_BYTES_MAX = 32 << 20
_TRACES_MAX = 3
_TRIALS_MAX = 64


@dataclass(slots=True)
class Trial:
    """What is known of one script of one pipeline."""

    passed: bool | None = None
    alone: list[tuple[Datum, bytes]] = field(default_factory=list)
    """Datums that ran alone, each with the digest of what it wrote."""
    traces: int = 0

    @property
    def is_due(self) -> bool:
        """Whether the next run decides."""
        return self.passed is None and len(self.alone) >= PROBES

    def ran_alone(self, datum: Datum, outputs: Sequence[Output]) -> None:
        """Keep what a datum wrote that ran in a process of its own."""
        if self.passed is None and not self.is_due:
            if sum(output.size_bytes for output in outputs) > _PROBE_BYTES_MAX:
                self.passed = False  # what such a datum costs is not the start of its process
            else:
                self.alone.append((datum, digest(outputs)))

    def ended(self, *, passed: bool) -> None:
        """Take in the outcome."""
        self.passed = passed
        self.alone.clear()

    def left_trace(self) -> None:
        """Take in that a run was the last of its process: where that is the rule nothing is gained."""
        self.traces += 1
        if self.traces >= _TRACES_MAX:
            self.passed = False


class Trials:
    """The trials of one worker."""

    def __init__(self) -> None:
        self._trials: OrderedDict[tuple[object, ...], Trial] = OrderedDict()

    def of(self, datum_set: DatumSet, source: bytes) -> Trial:
        """Return the trial of a script, given its source."""
        key = (datum_set.project, datum_set.pipeline, datum_set.transform.cmd, source)
        trial = self._trials.get(key)
        if trial is None:
            asked = datum_set.runner is Runner.REUSE
            trial = self._trials[key] = Trial(True if asked else False if may_leave_traces(source) else None)
            if len(self._trials) > _TRIALS_MAX:
                self._trials.popitem(last=False)
        self._trials.move_to_end(key)
        return trial


def digest(outputs: Sequence[Output]) -> bytes:
    """Return a digest of paths and contents."""
    found = blake3()
    for output in outputs:
        found.update(f"{output.path}\0{output.size_bytes}\0".encode())
        if output.input is not None:
            found.update(output.input.key)
        else:
            with os.fdopen(output.open(), "rb") as file:
                found.update(file.read())
    return found.digest()
