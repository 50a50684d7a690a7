"""Log lines of a datum set (reference, section 5.5): one JSON object a line, zstd, one object in the store."""

import json
from collections.abc import Callable
from datetime import UTC, datetime

import zstandard

from trunkline.model.datums import Datum, DatumSet
from trunkline.model.ids import new_id
from trunkline.model.residents import Resident
from trunkline.objects.store import ObjectStore

DATUM_BYTES_MAX = 10 << 20
"""What is kept of one datum's output; a last line tells how much more there was."""
LINE_BYTES_MAX = 32 << 10
"""Longer lines are split."""
_INPUTS_MAX = 32
_LAST_LINE_CHARS_MAX = 500


class SetLog:
    """The log of one datum set, compressed as it grows."""

    def __init__(self, datum_set: DatumSet, *, worker: str) -> None:
        # A key of its own: a set that is run again after a crash, or another job that got the number of a deleted one,
        # must not be answered with the lines that are there, since stores keep what they have under a key.
        self._key = f"logs/{datum_set.job}/{datum_set.index}-{datum_set.attempt}-{new_id()}"
        self._compressor = zstandard.ZstdCompressor(level=3).compressobj()
        self._pieces: list[bytes] = []
        self._common = _common(datum_set, worker)
        self.lines = 0

    def datum(self, datum: Datum) -> "DatumLog":
        """Return the log of one datum's tries."""
        return DatumLog(self.add, _constant(self._common, datum), bytes_max=DATUM_BYTES_MAX)

    def add(self, record: str) -> None:
        """Append one JSON object."""
        self._pieces.append(self._compressor.compress(record.encode() + b"\n"))
        self.lines += 1

    def store(self, objects: ObjectStore) -> str:
        """Write the log to the store and return its key; without lines return "" and write nothing."""
        if not self.lines:
            return ""
        objects.put(self._key, b"".join([*self._pieces, self._compressor.flush()]))
        return self._key


def resident_log(resident: Resident, *, worker: str, add: Callable[[str], None]) -> "DatumLog":
    """Return a log without an end, whose records go to ``add`` one by one."""
    return DatumLog(add, _constant(_common(resident, worker), resident.datum), bytes_max=None)


def _common(run: DatumSet | Resident, worker: str) -> dict[str, object]:
    return {
        "projectName": run.project,
        "pipelineName": run.pipeline,
        "jobId": run.job,
        "workerId": worker,
    }


def _constant(common: dict[str, object], datum: Datum | None) -> str:
    """Return the part that the records of one datum share, as the end of a JSON object."""
    if datum is None:
        return json.dumps(common)[1:]
    data = [{"path": match.path, "hash": match.hash.hex()} for match in datum.inputs[:_INPUTS_MAX]]
    return json.dumps({**common, "datumId": datum.id, "data": data})[1:]


class DatumLog:
    """Cuts what the commands of one datum print into records; what is beyond ``bytes_max`` is dropped."""

    def __init__(self, add: Callable[[str], None], constant: str, *, bytes_max: int | None) -> None:
        self._add = add
        self._constant = constant
        self._bytes_max = bytes_max
        self._open = {"stdout": b"", "stderr": b""}
        self._kept_bytes = 0
        self._dropped_bytes = 0
        self.last_error_line = ""
        """The last line on stderr that was not blank."""

    def feed(self, stream: str, data: bytes) -> None:
        """Take what was read from a stream."""
        lines = (self._open[stream] + data).split(b"\n")
        self._open[stream] = lines.pop()
        for line in lines:
            self._line(stream, line)
        while len(self._open[stream]) >= LINE_BYTES_MAX:
            self._line(stream, self._open[stream][:LINE_BYTES_MAX])
            self._open[stream] = self._open[stream][LINE_BYTES_MAX:]

    def end_of_command(self) -> None:
        """Close the last lines, which may lack their newline."""
        for stream, line in self._open.items():
            if line:
                self._line(stream, line)
                self._open[stream] = b""

    def note(self, message: str) -> None:
        """Add a line of the worker's own."""
        self._record(message, '"user":false')

    def tell(self, message: str) -> None:
        """Add a line that whoever wrote the code is to see among what it prints."""
        self._record(message, '"user":true,"stream":"stderr"')

    def end(self) -> None:
        """Say what was left out."""
        if self._dropped_bytes:
            self.note(
                f"{self._dropped_bytes} more bytes of output were dropped: {DATUM_BYTES_MAX} bytes are kept per datum"
            )

    def _line(self, stream: str, line: bytes) -> None:
        for start in range(0, len(line) or 1, LINE_BYTES_MAX):
            piece = line[start : start + LINE_BYTES_MAX]
            if stream == "stderr" and piece.strip():
                self.last_error_line = piece.decode(errors="replace").strip()[:_LAST_LINE_CHARS_MAX]
            if self._dropped_bytes or (self._bytes_max and self._kept_bytes + len(piece) > self._bytes_max):
                self._dropped_bytes += len(piece) + 1
                continue
            self._kept_bytes += len(piece) + 1
            self._record(piece.decode(errors="replace").removesuffix("\r"), f'"user":true,"stream":"{stream}"')

    def _record(self, message: str, origin: str) -> None:
        now = datetime.now(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")
        self._add(f'{{"ts":"{now}","message":{json.dumps(message)},{origin},{self._constant}')
