"""The log methods of ``pps_v2.API``."""

from base64 import b64encode
from collections.abc import Iterator

import grpc

from trunkline.api.pps.jobs import find_job
from trunkline.api.wire import pps as pps_wire
from trunkline.errors import InvalidInputError
from trunkline.pfs.versioning import Versioning, now
from trunkline.pps.logs.lines import LogLine
from trunkline.pps.logs.reading import LogQuery, Logs
from trunkline.proto import pps_pb2

_LOOK_BACK_SECONDS = 24 * 3600


class LogMethods:
    """Reads what user code and controller wrote."""

    _versioning: Versioning
    _logs: Logs

    def GetLogs(self, request: pps_pb2.GetLogsRequest, context: grpc.ServicerContext) -> Iterator[pps_pb2.LogMessage]:
        found = self._query_of_logs(request)
        if found is None:
            return
        query, oldest = found
        filters = set(request.data_filters)
        for lines in self._logs.rounds(query, oldest, goes_on=lambda: request.follow and context.is_active()):
            for line in lines:
                if filters.issubset(_names_of(line)):
                    yield pps_wire.log_message(line)

    def GetKubeEvents(
        self, request: pps_pb2.LokiRequest, context: grpc.ServicerContext
    ) -> Iterator[pps_pb2.LokiLogMessage]:
        yield from ()  # there is no Kubernetes below

    def QueryLoki(
        self, request: pps_pb2.LokiRequest, context: grpc.ServicerContext
    ) -> Iterator[pps_pb2.LokiLogMessage]:
        yield from ()  # nor Loki

    def _query_of_logs(self, request: pps_pb2.GetLogsRequest) -> tuple[LogQuery, int] | None:
        """Return whose lines, and of jobs since when; None where nobody is named, who has no lines."""
        project, pipeline, job = "", "", ""
        named_job = request.job if request.HasField("job") and request.job.id else request.datum.job
        if named_job.id:
            row = find_job(self._versioning, named_job)
            project, pipeline, job, oldest = row.project, row.pipeline, row.id, row.created_at
        elif request.pipeline.name:
            project, pipeline = pps_wire.read_pipeline(request.pipeline)
            seconds = request.since.seconds if request.HasField("since") else _LOOK_BACK_SECONDS
            oldest = now() - seconds * 1_000_000
        elif request.datum.id:
            raise InvalidInputError("logs of a datum need its pipeline or job: name one")
        else:
            return None
        query = LogQuery(
            project,
            pipeline,
            job,
            request.datum.id,
            only_controller=request.master,
            no_controller=not request.master,
        )
        return query, oldest


def _names_of(line: LogLine) -> set[str]:
    """Return what a filter may call the inputs of a line's datum: their paths and hashes, in hex and base64."""
    names = {text for pair in line.data for text in pair}
    return names | {b64encode(bytes.fromhex(hash_)).decode() for _, hash_ in line.data}
