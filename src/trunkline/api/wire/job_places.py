"""Where a listing of jobs goes on: a time alone does not say, as many jobs are made at the same.

The wire has nanoseconds and jobs have microseconds. The digits in between say which of the jobs of that microsecond is
meant, so that the time at which a job was created is an exact marker for every client that hands back what it got.
"""

from google.protobuf.timestamp_pb2 import Timestamp

from trunkline.pfs.transaction import Transaction
from trunkline.pps.queries.job_places import Place
from trunkline.pps.queries.jobs import JobRow, keys_made_at

_MARKS = 999


def created(job: JobRow) -> Timestamp:
    """Return when a job was created, as the marker of its place."""
    seconds, microseconds = divmod(job.created_at, 1_000_000)
    return Timestamp(seconds=seconds, nanos=microseconds * 1000 + _mark(job.key))


def place_of(tx: Transaction, marker: Timestamp, *, oldest_first: bool) -> Place:
    """Return the place that a marker means: right after its job, or after its time where it is of no job.

    If that job is gone, the others of its time come again: better twice than never.
    """
    at = marker.seconds * 1_000_000 + marker.nanos // 1000
    mark = marker.nanos % 1000
    if not mark:
        return Place(at)
    key = next((key for key in keys_made_at(tx.connection, at) if _mark(key) == mark), None)
    if key is None:
        return Place(at - 1 if oldest_first else at + 1)
    return Place(at, key)


def _mark(key: int) -> int:
    return key % _MARKS + 1
