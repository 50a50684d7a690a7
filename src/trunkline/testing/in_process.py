"""An executor that starts no program: a Python function stands for the user code, so that jobs take milliseconds."""

import threading
import time
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import Future

from trunkline.model.datums import AtWork, Datum, DatumResult, DatumSet, DatumSetResult, DatumState, DatumStats
from trunkline.storage.chunk.refs import encode_refs
from trunkline.storage.fileset import FileSets, LayerWriter

Program = Callable[[DatumSet, Datum, Mapping[str, bytes]], dict[str, bytes]]
"""From a datum and the content of what it sees, by place below ``/pfs/``, to what it writes, by path in the repo.

What it sees is read when it looks.
"""


class DatumError(Exception):
    """Raised by a program: the datum fails, and the text is the reason."""


class Interrupted(Exception):  # noqa: N818 - it is no error
    """Raised by a program: the set is given up, as when a server ends, and nothing of it is kept."""


class InProcessExecutor:
    """Runs datum sets by a function, on the thread that hands them over; only the function can make one wait."""

    def __init__(self, file_sets: FileSets, program: Program) -> None:
        self._file_sets = file_sets
        self._program = program
        self._closed = threading.Event()

    def submit(self, datum_set: DatumSet) -> Future[DatumSetResult]:
        """Run the set and return its future, which is done."""
        future: Future[DatumSetResult] = Future()
        try:
            if self._closed.is_set():
                raise Interrupted
            future.set_result(self._run(datum_set))
        except Interrupted:
            future.cancel()
            future.set_running_or_notify_cancel()
        return future

    def capacity(self) -> int:
        """Return 1: a job's next set begins when the one before has ended."""
        return 1

    def cancel(self, job: str) -> None:
        """Do nothing, as nothing of the job waits here."""

    def running(self, job: str) -> list[DatumSet]:
        """Return nothing: who could ask has to wait until the set has run."""
        return []

    def at_work(self, job: str) -> list[AtWork]:
        """Return nothing, as nothing runs."""
        return []

    def restart(self, job: str, index: int) -> None:
        """Do nothing, as nothing runs."""

    def close(self) -> None:
        """Refuse further sets."""
        self._closed.set()

    def _run(self, datum_set: DatumSet) -> DatumSetResult:
        writer = self._file_sets.edit()
        results = tuple(self._run_datum(datum_set, datum, writer) for datum in datum_set.datums)
        layer = writer.finish()
        return DatumSetResult(
            job=datum_set.job,
            index=datum_set.index,
            attempt=datum_set.attempt,
            datums=results,
            layer=layer,
            new_chunks=encode_refs(writer.new_refs),
        )

    def _run_datum(self, datum_set: DatumSet, datum: Datum, writer: LayerWriter) -> DatumResult:
        started = time.monotonic()
        try:
            written = self._program(datum_set, datum, _Seen(self._file_sets, datum))
        except DatumError as error:
            return DatumResult(datum.id, DatumState.FAILED, str(error))
        for path, content in written.items():
            writer.add(path, content, tag=datum.id)
        stats = DatumStats(process_seconds=time.monotonic() - started)
        return DatumResult(datum.id, DatumState.SUCCESS, outputs=tuple(written), stats=stats)


class _Seen(Mapping[str, bytes]):
    """What a datum sees."""

    def __init__(self, file_sets: FileSets, datum: Datum) -> None:
        self._file_sets = file_sets
        self._datum = datum
        self._contents: dict[str, bytes] | None = None

    def __getitem__(self, place: str) -> bytes:
        return self._read()[place]

    def __iter__(self) -> Iterator[str]:
        return iter(self._read())

    def __len__(self) -> int:
        return len(self._read())

    def _read(self) -> dict[str, bytes]:
        if self._contents is None:
            self._contents = {}
            for match in self._datum.inputs:
                files = self._file_sets.open(match.source.root)
                for row in files.files(match.path):
                    self._contents[match.source.name + row.path] = b"".join(files.read(row))
        return self._contents
