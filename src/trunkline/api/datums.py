"""The datum methods of ``pps_v2.API``."""

from collections.abc import Iterator

import grpc

from trunkline.api import pps_wire
from trunkline.api.jobs import find_job
from trunkline.errors import NotFoundError
from trunkline.model.datums import DatumState
from trunkline.pfs.versioning import Versioning
from trunkline.pps.queries import jobs as job_queries
from trunkline.pps.queries.jobs import JobRow
from trunkline.pps.records import DatumRecord, DatumRecords
from trunkline.proto import pps_pb2

_WIRE_TO_DATUM_STATE = {
    pps_pb2.DatumState.SUCCESS: DatumState.SUCCESS,
    pps_pb2.DatumState.FAILED: DatumState.FAILED,
    pps_pb2.DatumState.RECOVERED: DatumState.RECOVERED,
    pps_pb2.DatumState.SKIPPED: DatumState.SKIPPED,
}


class DatumMethods:
    """Lists and shows datums."""

    _versioning: Versioning
    _records: DatumRecords

    def InspectDatum(self, request: pps_pb2.InspectDatumRequest, context: grpc.ServicerContext) -> pps_pb2.DatumInfo:
        job = find_job(self._versioning, request.datum.job)
        for record in self._datum_records(job, only=request.datum.id):
            return pps_wire.datum_info(record, job)
        raise NotFoundError(f"datum {request.datum.id} not found in job {job}")

    def ListDatum(
        self, request: pps_pb2.ListDatumRequest, context: grpc.ServicerContext
    ) -> Iterator[pps_pb2.DatumInfo]:
        job = find_job(self._versioning, request.job)
        states = {_WIRE_TO_DATUM_STATE.get(state) for state in request.filter.state}
        left = request.number or -1
        records = self._datum_records(job, after=request.paginationMarker)
        for record in reversed(list(records)) if request.reverse else records:
            state = DatumState.SKIPPED if record.job != job.id else record.state
            if states and state not in states:
                continue
            yield pps_wire.datum_info(record, job)
            left -= 1
            if left == 0:
                return

    def _datum_records(self, job: JobRow, *, after: str = "", only: str = "") -> Iterator[DatumRecord]:
        """Yield the datums of a job by id: all once it has succeeded, before that those that have been run."""
        if job.datums:
            roots = [job.datums]
        else:
            with self._versioning.reading() as tx:
                roots = [row.datums for row in job_queries.datum_sets_of(tx.connection, job.key)]
        return self._records.scan_many(roots, after=after, only=only)
