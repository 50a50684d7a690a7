"""The datum methods of ``pps_v2.API``."""

from collections.abc import Iterable, Iterator
from itertools import dropwhile, islice

import grpc
from google.protobuf import json_format
from google.protobuf.empty_pb2 import Empty

from trunkline.api.pps.jobs import find_job
from trunkline.api.wire import pps as pps_wire
from trunkline.api.wire.validation import check_counts
from trunkline.errors import InvalidInputError, NotFoundError
from trunkline.model.datums import Datum, DatumState
from trunkline.pfs.versioning import Versioning
from trunkline.pps.datums.datum_table import DatumRecord, DatumTables
from trunkline.pps.datums.identity import matches_filters
from trunkline.pps.datums.preview import preview_datums, read_input
from trunkline.pps.jobs.executor import Executor
from trunkline.pps.queries import jobs as job_queries
from trunkline.pps.queries.jobs import JobRow
from trunkline.pps.residents.serving import datum_of
from trunkline.proto import pps_pb2

_WIRE_TO_DATUM_STATE = {
    pps_pb2.DatumState.SUCCESS: DatumState.SUCCESS,
    pps_pb2.DatumState.FAILED: DatumState.FAILED,
    pps_pb2.DatumState.RECOVERED: DatumState.RECOVERED,
    pps_pb2.DatumState.SKIPPED: DatumState.SKIPPED,
}
_BATCH_DATUMS = 100
"""How many datums CreateDatum answers with when it is not told."""


class DatumMethods:
    """Lists and shows datums."""

    _versioning: Versioning
    _records: DatumTables
    _executor: Executor

    def InspectDatum(self, request: pps_pb2.InspectDatumRequest, context: grpc.ServicerContext) -> pps_pb2.DatumInfo:
        job = find_job(self._versioning, request.datum.job)
        for root in self._datum_tables(job):
            record = self._records.find(root, request.datum.id)
            if record is not None:
                return pps_wire.datum_info(record, job)
        served = datum_of(self._versioning, job)
        if served is not None and served.id == request.datum.id:
            return pps_wire.served_datum(served, job)
        raise NotFoundError(f"datum {request.datum.id} not found in job {job}")

    def ListDatum(
        self, request: pps_pb2.ListDatumRequest, context: grpc.ServicerContext
    ) -> Iterator[pps_pb2.DatumInfo]:
        if request.HasField("input") and not request.job.id:
            yield from self._preview(request)
            return
        job = find_job(self._versioning, request.job)
        states = {_WIRE_TO_DATUM_STATE[state] for state in request.filter.state if state in _WIRE_TO_DATUM_STATE}
        records: Iterable[DatumRecord] = ()
        if states or not request.filter.state:  # records know no other states, and no states there means all
            records = self._records.scan_many(
                self._datum_tables(job),
                after=request.paginationMarker,
                reverse=request.reverse,
                states=states,
                job=job.id,
            )
        for record in islice(records, request.number or None):
            yield pps_wire.datum_info(record, job)
        # A service keeps no records: its one datum is what its process is at.
        served = datum_of(self._versioning, job)
        if served is not None and not request.paginationMarker:
            info = pps_wire.served_datum(served, job)
            if not request.filter.state or info.state in request.filter.state:
                yield info

    def _preview(self, request: pps_pb2.ListDatumRequest) -> Iterator[pps_pb2.DatumInfo]:
        node = read_input(json_format.MessageToJson(request.input, indent=None))
        datums: Iterable[Datum] = preview_datums(self._versioning, node)
        if request.reverse:
            datums = reversed(list(datums))
        if request.paginationMarker:
            datums = dropwhile(lambda datum: datum.id != request.paginationMarker, datums)
            next(iter(datums), None)
        for datum in islice(datums, request.number or None):
            yield pps_wire.previewed_datum(datum)

    def CreateDatum(
        self, requests: Iterator[pps_pb2.CreateDatumRequest], context: grpc.ServicerContext
    ) -> Iterator[pps_pb2.DatumInfo]:
        first = next(requests, None)
        if first is None or first.WhichOneof("body") != "start":
            raise InvalidInputError("the first message must be a start message with an input")
        datums = preview_datums(self._versioning, read_input(json_format.MessageToJson(first.start.input, indent=None)))
        check_counts(first.start)
        number = first.start.number
        while True:
            sent = 0
            for datum in islice(datums, number or _BATCH_DATUMS):
                yield pps_wire.previewed_datum(datum)
                sent += 1
            if sent < (number or _BATCH_DATUMS):
                return
            following = next(requests, None)
            if following is None:
                return
            if following.WhichOneof("body") != "continue":
                raise InvalidInputError("after the start message come continue messages only")
            more = getattr(following, "continue")
            check_counts(more)
            number = more.number

    def RestartDatum(self, request: pps_pb2.RestartDatumRequest, context: grpc.ServicerContext) -> Empty:
        job = find_job(self._versioning, request.job)
        filters = [filter_.strip() for filter_ in request.data_filters]
        sets = [
            datum_set
            for datum_set in self._executor.running(str(job.key))
            if any(matches_filters(datum, filters) for datum in datum_set.datums)
        ]
        if not sets:
            named = " ".join(filters)
            raise NotFoundError(f"datum matching filter [{named}] could not be found for job ID {job.id}")
        for datum_set in sets:
            self._executor.restart(datum_set.job, datum_set.index)
        return Empty()

    def _datum_tables(self, job: JobRow) -> list[str]:
        """Return the tables with the datums of a job: all once it has succeeded, before that those that have run."""
        if job.datums:
            return [job.datums]
        with self._versioning.reading() as tx:
            return [row.datums for row in job_queries.datum_sets_of(tx.connection, job.key)]
