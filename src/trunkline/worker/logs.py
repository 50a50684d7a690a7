"""Log lines of a datum set (reference, section 5.5): one JSON object a line, zstd, one object in the store."""

import json
from datetime import UTC, datetime

import zstandard

from trunkline.model.datums import Datum, DatumSet
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
        self._key = f"logs/{datum_set.job}/{datum_set.index}-{datum_set.attempt}"
        self._compressor = zstandard.ZstdCompressor(level=3).compressobj()
        self._pieces: list[bytes] = []
        self._common = {
            "projectName": datum_set.project,
            "pipelineName": datum_set.pipeline,
            "jobId": datum_set.job,
            "workerId": worker,
        }
        self.lines = 0

    def datum(self, datum: Datum) -> "DatumLog":
        """Return the log of one datum's tries."""
        data = [{"path": match.path, "hash": match.hash.hex()} for match in datum.inputs[:_INPUTS_MAX]]
        return DatumLog(self, json.dumps({**self._common, "datumId": datum.id, "data": data})[1:])

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


class DatumLog:
    """Cuts what the commands of one datum print into records."""

    def __init__(self, log: SetLog, constant: str) -> None:
        self._log = log
        self._constant = constant
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
            if self._dropped_bytes or self._kept_bytes + len(piece) > DATUM_BYTES_MAX:
                self._dropped_bytes += len(piece) + 1
                continue
            self._kept_bytes += len(piece) + 1
            self._record(piece.decode(errors="replace").removesuffix("\r"), f'"user":true,"stream":"{stream}"')

    def _record(self, message: str, origin: str) -> None:
        now = datetime.now(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")
        self._log.add(f'{{"ts":"{now}","message":{json.dumps(message)},{origin},{self._constant}')
