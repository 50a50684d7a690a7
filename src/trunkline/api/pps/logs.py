"""The service ``logs.API``: one question to the logs of all pipelines, by page or as they come."""

import json
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import grpc

from trunkline.api.wire import pfs as wire
from trunkline.api.wire import pps as pps_wire
from trunkline.errors import InvalidInputError, NotSupportedError
from trunkline.model.names import DEFAULT_PROJECT
from trunkline.pps.logs.lines import LogLine
from trunkline.pps.logs.queries import LogFilter, LogPage, default_filter, follow, read_page, read_pattern
from trunkline.pps.logs.reading import LogQuery, Logs
from trunkline.proto import logs_pb2, logs_pb2_grpc


class LogsService(logs_pb2_grpc.APIServicer):
    """``logs.API``."""

    def __init__(self, logs: Logs) -> None:
        self._logs = logs

    def GetLogs(
        self, request: logs_pb2.GetLogsRequest, context: grpc.ServicerContext
    ) -> Iterator[logs_pb2.GetLogsResponse]:
        query = _read_query(request.query)
        wanted = _read_filter(request, query)
        if request.tail:
            for line in follow(self._logs, query, wanted, is_over=lambda: not context.is_active()):
                yield logs_pb2.GetLogsResponse(log=_message(line))
            return
        page = read_page(self._logs, query, wanted)
        for line in page.lines:
            yield logs_pb2.GetLogsResponse(log=_message(line))
        if request.want_paging_hint:
            yield logs_pb2.GetLogsResponse(paging_hint=_paging_hint(request, wanted, page))


def _read_query(message: logs_pb2.LogQuery) -> LogQuery:
    if message.WhichOneof("query_type") == "user":
        return _read_user_query(message.user)
    match message.admin.WhichOneof("admin_type"):
        case "user":
            return _read_user_query(message.admin.user)
        case "master":
            return replace(_of_pipeline(message.admin.master), only_controller=True)
        case None:
            raise InvalidInputError("query must say whose logs: of a project, pipeline, job or datum")
        case kind:
            raise NotSupportedError(f"query.admin.{kind}: there is no Kubernetes below; ask for a project or pipeline")


def _read_user_query(message: logs_pb2.UserLogQuery) -> LogQuery:
    match message.WhichOneof("user_type"):
        case "project":
            query = LogQuery(project=message.project)
        case "pipeline":
            query = _of_pipeline(message.pipeline)
        case "datum":
            query = LogQuery(datum=message.datum)
        case "job":
            query = LogQuery(job=message.job)
        case "pipeline_job":
            query = replace(_of_pipeline(message.pipeline_job.pipeline), job=_named(message.pipeline_job.job, "job"))
        case "job_datum":
            query = LogQuery(job=message.job_datum.job, datum=_named(message.job_datum.datum, "datum"))
        case "pipeline_datum":
            datum = _named(message.pipeline_datum.datum, "datum")
            query = replace(_of_pipeline(message.pipeline_datum.pipeline), datum=datum)
        case _:
            query = LogQuery()
    if query == LogQuery():
        raise InvalidInputError("query.user must name a project, pipeline, job or datum")
    return query


def _of_pipeline(message: logs_pb2.PipelineLogQuery) -> LogQuery:
    return LogQuery(project=message.project or DEFAULT_PROJECT, pipeline=_named(message.pipeline, "pipeline"))


def _named(name: str, what: str) -> str:
    if not name:
        raise InvalidInputError(f"query: the {what} has no name")
    return name


def _read_filter(request: logs_pb2.GetLogsRequest, query: LogQuery) -> LogFilter:
    message = request.filter
    default = default_filter(query)
    times = message.time_range
    if request.tail and times.HasField("until"):
        raise InvalidInputError("filter.time_range.until: cannot be given with tail, which has no end")
    stop = wire.microseconds(times.until) if times.HasField("until") else default.stop
    return LogFilter(
        start=wire.microseconds(getattr(times, "from")) if times.HasField("from") else min(default.start, stop),
        stop=stop if not request.tail else 1 << 62,
        offset=times.offset,
        limit=message.limit,
        pattern=read_pattern(message.regex.pattern),
        negate=message.regex.negate,
        only_errors=message.level == logs_pb2.LogLevel.LOG_LEVEL_ERROR,
        only_user=message.user_logs_only,
    )


def _paging_hint(request: logs_pb2.GetLogsRequest, wanted: LogFilter, page: LogPage) -> logs_pb2.PagingHint:
    """Return the same request for the lines before, newest first, and for those after."""
    hint = logs_pb2.PagingHint(older=request, newer=request)
    width = abs(wanted.stop - wanted.start)
    for side, (at, offset), until in (
        (hint.older, page.older, max(0, page.older[0] - width)),
        (hint.newer, page.newer, page.newer[0] + width),
    ):
        times = side.filter.time_range
        getattr(times, "from").FromMicroseconds(at)
        times.until.FromMicroseconds(until)
        times.offset = offset
    return hint


def _message(line: LogLine) -> logs_pb2.LogMessage:
    stamp = datetime.fromtimestamp(line.at / 1_000_000, UTC).isoformat(timespec="microseconds")
    record: dict[str, Any] = {
        "ts": stamp.replace("+00:00", "Z"),
        "severity": "error" if line.is_error else "info",
        "message": line.message,
        "projectName": line.project,
        "pipelineName": line.pipeline,
        "jobId": line.job,
        "datumId": line.datum,
        "workerId": line.worker,
        "master": line.master,
        "user": line.user,
        "data": [{"path": path, "hash": hash_} for path, hash_ in line.data],
    }
    message = logs_pb2.LogMessage(
        verbatim=logs_pb2.VerbatimLogMessage(
            line=json.dumps(record, ensure_ascii=False).encode(), timestamp=wire.timestamp(line.at)
        ),
        native_timestamp=wire.timestamp(line.at),
        pps_log_message=pps_wire.log_message(line),
    )
    message.object.update(record)
    return message
