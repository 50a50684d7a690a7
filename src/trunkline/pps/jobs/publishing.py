"""What a job that has run all its datums leaves: its table of datums, its output, and a copy of that elsewhere."""

from dataclasses import dataclass

from trunkline.errors import Error
from trunkline.model.jobs import JobState
from trunkline.model.pipelines import Egress
from trunkline.pfs.queries import commits
from trunkline.pfs.queries.commits import CommitRow
from trunkline.pfs.versioning import Versioning
from trunkline.pps.datums.datum_table import DatumTables
from trunkline.pps.datums.plan import JobPlan, Planner
from trunkline.pps.jobs.egress import copy_out
from trunkline.pps.jobs.life import JobEndedError, JobLife
from trunkline.pps.jobs.moves import close_commits, move_job
from trunkline.pps.queries import jobs
from trunkline.pps.secrets import Secrets


@dataclass(frozen=True, slots=True)
class Publication:
    """Publishes the output of one job."""

    versioning: Versioning
    life: JobLife
    output: CommitRow
    planner: Planner
    records: DatumTables
    secrets: Secrets

    def publish(self, planned: JobPlan, egress: Egress | None) -> None:
        """Close the output commit over what stays of the base and what the datums wrote.

        The job ends in the transaction that makes the output readable (`pps.jobs.moves.JobMaker`).
        """
        base = planned.base
        removal = self._removal(planned)
        with self.versioning.reading() as tx:
            rows = jobs.datum_sets_of(tx.connection, self.life.job.key)
        base_datums = base.job.datums if base.job is not None else ""
        datums = self.records.apply(base_datums, [row.datums for row in rows], planned.deleted_ids)
        buckets = self.planner.join_tables()
        layers = [layer for layer in (removal, *(row.layer for row in rows)) if layer]
        if egress is not None:
            self._copy_out(egress, base.root, layers)
        with self.versioning.transaction() as tx:
            if not move_job(tx, self.life.job, JobState.FINISHING, datums=datums, buckets=buckets):
                raise JobEndedError
            commits.delete_layers(tx.connection, self.output.key)
            # Not simply on the parent: files that no job record accounts for would stay for ever.
            commits.update_commit(tx.connection, self.output.key, base_root=base.root)
            for layer in layers:
                self.versioning.append_layer(tx, self.output, layer)
            close_commits(tx, self.life.job)

    def _copy_out(self, egress: Egress, base_root: str, layers: list[str]) -> None:
        """Copy the output elsewhere, before it becomes readable here: if that fails, so does the job."""
        with self.versioning.transaction() as tx:
            if not move_job(tx, self.life.job, JobState.EGRESSING):
                raise JobEndedError
        file_sets = self.versioning.file_sets
        root = file_sets.compose(base_root, layers)
        if file_sets.collision(root, layers):
            return  # the job is about to fail for that
        try:
            copy_out(
                file_sets.open(root),
                egress,
                secrets=self.secrets,
                local_files=self.versioning.local_files,
                check=self.life.check_wanted,
            )
        except Error as error:
            self.life.end(JobState.FAILURE, f"egress failed: {error}")
            raise JobEndedError from error

    def _removal(self, planned: JobPlan) -> str:
        """Return a layer that takes away what datums wrote that are gone or ran anew."""
        writer = self.versioning.file_sets.edit()
        for ids in planned.stale_ids():
            for record in self.planner.records_in(planned.base, ids):
                for path in record.outputs:
                    writer.delete(path, tag=record.id)
        return writer.finish()
