"""What a job has to do: its datums against those of the last good job, at the cost of the change where that can be."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice

from trunkline.model.datums import Datum
from trunkline.model.jobs import JobState
from trunkline.model.pipelines import PipelineSpec
from trunkline.pfs.queries import commits
from trunkline.pfs.queries.commits import CommitRow
from trunkline.pfs.transaction import Transaction
from trunkline.pfs.versioning import Versioning
from trunkline.pps.datums.changes import enumerate_changes
from trunkline.pps.datums.datum_table import DatumRecord, DatumTables
from trunkline.pps.datums.enumeration import enumerate_datums
from trunkline.pps.datums.identity import KnownDatum, KnownInput, make_datums, plan, plan_changes
from trunkline.pps.datums.index import DatumIndex, IdList
from trunkline.pps.datums.job_inputs import JobInputs, repo_of
from trunkline.pps.datums.packed import PackedDatums
from trunkline.pps.datums.products import DatumChange
from trunkline.pps.queries import jobs, pipelines
from trunkline.pps.queries.jobs import JobRow
from trunkline.pps.queries.pipelines import PipelineRow
from trunkline.pps.spec.decode import decode_spec
from trunkline.pps.spec.defaults import REPROCESS_EVERY_JOB

_LOOKED_UP_MAX = 1000
_IDS_AT_ONCE = 65_536


@dataclass(frozen=True, slots=True)
class LastGoodJob:
    """What a job builds on: the last good job before it, or nothing."""

    job: JobRow | None = None
    root: str = ""
    """The file set of that job's output commit."""
    inputs: tuple[CommitRow, ...] = ()


class JobPlan:
    """What a job does. Datums that are neither run nor deleted are skipped, and only counted."""

    def __init__(self, base: LastGoodJob, salt: str) -> None:
        self.base = base
        self.new_datums = PackedDatums(salt)
        self.changed_datums = PackedDatums(salt)
        """What they wrote in the base goes."""
        self.deleted_ids = IdList()
        """Ids of datums that the base has and this job has not."""
        self.repeated_ids = IdList()
        """Ids of datums that have run although the base has them as they are: see `repeated`."""
        self.skipped_count = 0

    @property
    def total(self) -> int:
        """How many datums the job has."""
        return len(self.new_datums) + len(self.changed_datums) + len(self.repeated_ids) + self.skipped_count

    def stale_ids(self) -> Iterator[list[str]]:
        """Yield the ids of all datums whose files in the base go, many at a time."""
        yield from _blocks(datum.id for datum in self.changed_datums)
        yield from _blocks(iter(self.deleted_ids))
        yield from _blocks(iter(self.repeated_ids))

    def new(self, datum: Datum) -> None:
        """Take a datum that the base has not."""
        self.new_datums.append(datum)

    def changed(self, datum: Datum) -> None:
        """Take one that runs again."""
        self.changed_datums.append(datum)

    def skipped(self, datum: Datum) -> None:
        """Count one that does not run."""
        self.skipped_count += 1

    def repeated(self, id: str) -> None:  # noqa: A002 - the field's word
        """Take one out of those skipped: it ran when it was new, before the job that the plan was to build on went."""
        self.repeated_ids.append(id)
        self.skipped_count -= 1

    def deleted(self, id: str) -> None:  # noqa: A002 - the field's word
        """Take the id of one that is gone."""
        self.deleted_ids.append(id)


def _blocks(ids: Iterator[str]) -> Iterator[list[str]]:
    while block := list(islice(ids, _IDS_AT_ONCE)):
        yield block


class Planner:
    """Plans one job."""

    def __init__(self, versioning: Versioning, records: DatumTables, pipeline: PipelineRow, output: CommitRow) -> None:
        self._versioning = versioning
        self._records = records
        self._pipeline = pipeline
        self._spec: PipelineSpec = decode_spec(pipeline.spec_json)
        self._output = output
        self._inputs: JobInputs | None = None

    def plan(self) -> JobPlan:
        """Return what the job has to do."""
        with self._versioning.reading() as tx:
            base = self._find_base(tx)
            is_repeated = base.job is not None and repeats(tx, base.job, self._spec, salt=self._pipeline.salt)
            inputs = commits.provenance_of(tx.connection, self._output.key)
        before = self._inputs_of(base)
        self._inputs = JobInputs(self._versioning, inputs, base=before)
        by_changes = (
            plan_by_changes(self._records, base, self._spec, before, self._inputs, salt=self._pipeline.salt)
            if is_repeated
            else None
        )
        return by_changes or self._plan_all(base, self._inputs)

    def plan_early(self, earlier: JobRow) -> PackedDatums:
        """Return the datums that will be new however an earlier job ends: neither it nor the last good one has them.

        Nothing where telling them takes looking at everything.
        """
        with self._versioning.reading() as tx:
            base = self._find_base(tx)
            inputs = commits.provenance_of(tx.connection, self._output.key)
            earlier_inputs = commits.provenance_of(tx.connection, earlier.output_commit)
        planned = JobPlan(base, self._pipeline.salt)
        is_like = earlier.version == self._pipeline.version and _are_there(earlier_inputs, self._spec)
        if self._spec.input is None or not is_like:
            return planned.new_datums
        now = JobInputs(self._versioning, inputs, base=self._inputs_of(base))
        before = JobInputs(self._versioning, earlier_inputs)
        changes = enumerate_changes(self._spec.input, now, lambda leaf: now.changes(leaf, before)) or iter(())
        known = _RecordedDatums(self._records, base.job.datums if base.job is not None else "")
        added = (DatumChange(change.new, change.new) for change in changes if change.old is None)
        plan_changes(added, known, planned, salt=self._pipeline.salt)
        return planned.new_datums

    def _inputs_of(self, base: LastGoodJob) -> JobInputs:
        # Of inputs whose files were forgotten or deleted nothing leads on to what there is now.
        usable = base.job is not None and _are_there(base.inputs, self._spec)
        buckets = base.job.buckets if usable and base.job is not None else {}
        return JobInputs(self._versioning, base.inputs, buckets=buckets)

    def join_tables(self) -> dict[str, str]:
        """Return the tables by key of what was planned, for the next job."""
        return self._inputs.join_tables(self._spec.input) if self._inputs and self._spec.input else {}

    def records_in(self, base: LastGoodJob, ids: Iterable[str]) -> Iterator[DatumRecord]:
        """Yield what the base knows of some datums, by id."""
        return self._records.find_many(base.job.datums, ids) if base.job is not None else iter(())

    def _find_base(self, tx: Transaction) -> LastGoodJob:
        parent = self._output.parent
        while parent is not None:
            commit = commits.commit_by_key(tx.connection, parent)
            job = jobs.job_of_output(tx.connection, commit.key)
            if job is not None and job.state is JobState.SUCCESS and not commit.error:
                if commit.forgotten_at is not None:  # what its datums wrote is gone, so all of them run again
                    break
                return LastGoodJob(job, commit.root or "", tuple(commits.provenance_of(tx.connection, commit.key)))
            parent = commit.parent
        return LastGoodJob()

    def _plan_all(self, base: LastGoodJob, inputs: JobInputs) -> JobPlan:
        planned = JobPlan(base, self._pipeline.salt)
        known = self._records.index(base.job.datums) if base.job is not None else DatumIndex()
        plan(self._datums(inputs), known, planned, every_job=self._spec.reprocess_spec == REPROCESS_EVERY_JOB)
        return planned

    def _datums(self, inputs: JobInputs) -> Iterator[Datum]:
        return datums_of(self._spec, inputs, salt=self._pipeline.salt)


def datums_of(spec: PipelineSpec, inputs: JobInputs, *, salt: str) -> Iterator[Datum]:
    """Yield the datums that a spec makes of its inputs."""
    return iter(()) if spec.input is None else make_datums(enumerate_datums(spec.input, inputs), salt=salt)


def failed_repos(inputs: Iterable[CommitRow]) -> list[tuple[str, str]]:
    """Return project and name of the repos whose commits ended with an error."""
    return [(each.commit.repo.project, each.commit.repo.name) for each in inputs if each.error]


def repeats(tx: Transaction, base: JobRow, spec: PipelineSpec, *, salt: str) -> bool:
    """Return whether a job ran the inputs of a spec under this salt, which are still there, and left nothing to do."""
    if base.data_recovered or spec.reprocess_spec == REPROCESS_EVERY_JOB or spec.input is None:
        return False
    if not _are_there(commits.provenance_of(tx.connection, base.output_commit), spec):
        return False
    version = pipelines.find_version(tx.connection, base.pipeline_key, base.version)
    return version is not None and version.salt == salt and decode_spec(version.spec_json).input == spec.input


def _are_there(inputs: Sequence[CommitRow], spec: PipelineSpec) -> bool:
    """Tell whether what a job read can still be compared: nothing forgotten, no repo of the spec missing."""
    read = {commit.commit.repo for commit in inputs}
    leaves = spec.input.leaves() if spec.input is not None else ()
    return all(commit.forgotten_at is None for commit in inputs) and all(repo_of(leaf) in read for leaf in leaves)


def plan_by_changes(
    records: DatumTables, base: LastGoodJob, spec: PipelineSpec, before: JobInputs, inputs: JobInputs, *, salt: str
) -> JobPlan | None:
    """Return the plan of a job that repeats its base, at the cost of the change; None where that cannot be."""
    assert spec.input is not None
    assert base.job is not None
    changes = enumerate_changes(spec.input, inputs, lambda leaf: inputs.changes(leaf, before))
    if changes is None:
        return None
    planned = JobPlan(base, salt)
    plan_changes(changes, _RecordedDatums(records, base.job.datums), planned, salt=salt)
    gone = len(planned.changed_datums) + len(planned.deleted_ids)
    planned.skipped_count = records.count(base.job.datums) - gone
    return planned


class _RecordedDatums:
    """The datums of a table of records, each looked up when it is asked for; all are read when many are."""

    def __init__(self, records: DatumTables, root: str) -> None:
        self._records = records
        self._root = root
        self._looked_up = 0
        self._index: DatumIndex | None = None

    def find(self, id: str) -> KnownDatum | None:  # noqa: A002 - the field's word
        """Return a datum, or None."""
        if self._index is None and self._looked_up > _LOOKED_UP_MAX:
            self._index = self._records.index(self._root)
        if self._index is not None:
            return self._index.find(id)
        self._looked_up += 1
        record = self._records.find(self._root, id)
        return None if record is None else known_datum(record)


def known_datum(record: DatumRecord) -> KnownDatum:
    """Return what planning and explaining need of a record."""
    inputs = tuple(KnownInput(each.name, each.path, bytes.fromhex(each.hash)) for each in record.inputs)
    return KnownDatum(record.id, record.hash, record.state, inputs)
