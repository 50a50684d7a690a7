"""The log methods of ``pps_v2.API``."""

from base64 import b64encode
from collections.abc import Iterator

import grpc

from trunkline.api import pps_wire
from trunkline.api.jobs import find_job
from trunkline.errors import InvalidInputError
from trunkline.objects import ObjectStore
from trunkline.pfs.versioning import Versioning
from trunkline.pps import pipelines
from trunkline.pps.logs import LogLine, controller_lines, user_lines
from trunkline.pps.queries import jobs as job_queries
from trunkline.pps.queries.jobs import JobRow
from trunkline.proto import pps_pb2

_LOOK_BACK_SECONDS = 24 * 3600


class LogMethods:
    """Reads what user code and controller wrote."""

    _versioning: Versioning
    _objects: ObjectStore

    def GetLogs(self, request: pps_pb2.GetLogsRequest, context: grpc.ServicerContext) -> Iterator[pps_pb2.LogMessage]:
        sent: set[object] = set()
        while True:
            seen = self._versioning.db.changes.count
            for job in self._jobs_of_logs(request):
                for line in self._lines(job, request, sent):
                    yield pps_wire.log_message(line)
            if not request.follow or not context.is_active():
                return
            self._versioning.db.changes.wait(seen, seconds=1.0)

    def GetKubeEvents(
        self, request: pps_pb2.LokiRequest, context: grpc.ServicerContext
    ) -> Iterator[pps_pb2.LokiLogMessage]:
        yield from ()  # there is no Kubernetes below

    def QueryLoki(
        self, request: pps_pb2.LokiRequest, context: grpc.ServicerContext
    ) -> Iterator[pps_pb2.LokiLogMessage]:
        yield from ()  # nor Loki

    def _jobs_of_logs(self, request: pps_pb2.GetLogsRequest) -> list[JobRow]:
        named_job = request.job if request.HasField("job") and request.job.id else request.datum.job
        if named_job.id:
            return [find_job(self._versioning, named_job)]
        if not request.pipeline.name:
            if request.datum.id:
                raise InvalidInputError("logs of a datum need its pipeline or job: name one")
            return []
        since = request.since.seconds if request.HasField("since") else _LOOK_BACK_SECONDS
        with self._versioning.reading() as tx:
            row = pipelines.find_pipeline(tx, *pps_wire.read_pipeline(request.pipeline))
            oldest = tx.now - since * 1_000_000
            found = list(job_queries.list_jobs(tx.connection, pipeline_key=row.key, oldest_first=True))
        return [job for job in found if (job.finished_at or job.created_at) >= oldest or not job.state.is_terminal]

    def _lines(self, job: JobRow, request: pps_pb2.GetLogsRequest, sent: set[object]) -> Iterator[LogLine]:
        """Yield what is wanted and not among sent, and put it there: logs of datum sets, lines of the controller."""
        if request.master:
            said = [line for line in controller_lines(job) if line not in sent]
            sent.update(said)
            lines = iter(said)
        else:
            with self._versioning.reading() as tx:
                sets = [row for row in job_queries.datum_sets_of(tx.connection, job.key) if row.logs not in sent]
            sent.update(row.logs for row in sets)
            lines = user_lines(self._objects, job, sets)
        wanted = set(request.data_filters)
        for line in lines:
            if request.datum.id and line.datum != request.datum.id:
                continue
            if wanted.issubset(_names_of(line)):
                yield line


def _names_of(line: LogLine) -> set[str]:
    """Return what a filter may call the inputs of a line's datum: their paths and hashes, in hex and base64."""
    names = {text for pair in line.data for text in pair}
    return names | {b64encode(bytes.fromhex(hash_)).decode() for _, hash_ in line.data}
