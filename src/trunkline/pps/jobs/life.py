"""The row of a job that is run: what it is moved to, and whether it is still wanted."""

from collections import Counter
from collections.abc import Callable

from trunkline.model.datums import DatumState
from trunkline.model.jobs import JobState
from trunkline.pfs.transaction import Transaction
from trunkline.pfs.versioning import Versioning, now
from trunkline.pps.jobs.moves import close_commits, move_job
from trunkline.pps.queries import jobs
from trunkline.pps.queries.jobs import JobRow

_REASON_CHARS_MAX = 2000


class JobEndedError(Exception):
    """The job was stopped, or the server is closing: leave it as it is."""


class JobLife:
    """Moves one job through its states. Each move is one transaction, and fails where somebody has ended the job."""

    def __init__(self, versioning: Versioning, job: JobRow, *, is_closing: Callable[[], bool]) -> None:
        self.job = job
        self.is_closing = is_closing
        self._versioning = versioning
        self._began_at = now()
        self._has_begun = False

    def begin(self, done: Counter[DatumState], *, total: int, skipped: int) -> None:
        """Move the job to RUNNING, where it is not yet, with what is known of its datums."""
        counts = {
            "data_total": total,
            "data_skipped": skipped,
            "data_processed": done[DatumState.SUCCESS],
            "data_failed": done[DatumState.FAILED],
            "data_recovered": done[DatumState.RECOVERED],
        }
        with self._versioning.transaction() as tx:
            if self._has_begun:
                if not jobs.update_job(tx.connection, self.job.key, **counts):
                    raise JobEndedError
                return
            if not self._enter(tx):
                raise JobEndedError
            move_job(tx, self.job, JobState.RUNNING, **counts)
        self._has_begun = True

    def check_wanted(self) -> None:
        """Raise JobEndedError if the job was stopped, or the server is closing."""
        with self._versioning.reading() as tx:
            job = jobs.job_by_key(tx.connection, self.job.key)
        if job is None or job.state.is_terminal or self.is_closing():
            raise JobEndedError

    def end(self, state: JobState, reason: str) -> None:
        """End the job without an output: its commits close with the reason as their error."""
        with self._versioning.transaction() as tx:
            current = jobs.job_by_key(tx.connection, self.job.key)
            if current is None or current.state is JobState.FINISHING:
                return
            if not self._has_begun and not self._enter(tx):
                return
            reason = reason[:_REASON_CHARS_MAX]
            if move_job(tx, self.job, state, reason=reason):
                close_commits(tx, self.job, error=reason)

    def _enter(self, tx: Transaction) -> bool:
        """Move the job to STARTING; return False if it has ended meanwhile."""
        if self.job.state is JobState.CREATED:
            return move_job(tx, self.job, JobState.STARTING, started_at=self._began_at)
        # The rows of an earlier server's attempt: the job goes back to where its plan is made.
        restart = self.job.restart + 1
        return jobs.update_job(tx.connection, self.job.key, state=int(JobState.STARTING), restart=restart)
